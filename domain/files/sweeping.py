"""What is left over goes: uploads never completed, form files that no form took, deletions that a crash cut short."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from domain.files.kinds import Category
from domain.files.model import FILE_ID, State, StoredFile, from_item, prefix_of, to_item, upload_name
from domain.files.ports import Blobs
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Query, Stored
from domain.kernel.errors import Unavailable

PAGE: Final = 100
URL_GRACE: Final = timedelta(minutes=5)
"""For the store's clock, and an upload that began just in time."""


@dataclass(frozen=True)
class FileSweep:
    documents: DocumentStore
    blobs: Blobs
    clock: Clock

    async def run(self) -> int:
        """Returns how many files were looked at. Safe to run twice, also at once.

        A file that cannot be cleared now does not keep the others waiting. Raises the first Unavailable at the end.
        """
        now, looked_at, failure, above = self.clock.now(), 0, None, None
        while True:
            query = Query(order="sweepAt", above=above, below=to_iso(now), limit=PAGE)
            page = await self.documents.query_everywhere(FILES, query)
            for stored in page:
                try:
                    await self._clear(stored)
                except Unavailable as error:
                    failure = failure or error
                except (ItemStale, ItemNotFound):
                    continue  # somebody is at it: the next run sees what came of it
                looked_at += 1
            if len(page) < PAGE:
                break
            above = page[-1].item["sweepAt"]
        if failure is not None:
            raise failure
        return looked_at

    async def _clear(self, stored: Stored) -> None:
        file = from_item(stored.item)
        if _is_kept(file):
            # Bytes that the upload's URL brought after the file was complete.
            await self.blobs.delete_all(upload_name(file.id))
            await self.documents.replace(FILES, to_item(replace(file, sweep_at=None)), if_match=stored.etag)
            return
        if file.state is not State.DELETED:
            gone = replace(file, state=State.DELETED)
            stored = await self.documents.replace(FILES, to_item(gone), if_match=stored.etag)
        await self.blobs.delete_all(prefix_of(file.id))
        url_dead_at = file.upload_ends_at + URL_GRACE
        if url_dead_at > self.clock.now():
            # The upload's URL could still bring bytes that no item would tell of.
            again = replace(file, state=State.DELETED, sweep_at=url_dead_at)
            await self.documents.replace(FILES, to_item(again), if_match=stored.etag)
        else:
            await self.documents.delete(FILES, file.id, FILE_ID, if_match=stored.etag)


def _is_kept(file: StoredFile) -> bool:
    if file.state not in {State.COMPLETE, State.QUARANTINED}:
        return False
    return file.category is not Category.FORM or file.claimed_by is not None
