"""What is left over goes: uploads never completed, files that nothing took, deletions that were cut short."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from domain.files.deleting import FROZEN_FOR
from domain.files.holders import Holders
from domain.files.kinds import Category
from domain.files.model import (
    FILE_ID,
    SWEPT_AFTER,
    State,
    StoredFile,
    from_item,
    prefix_of,
    to_item,
    upload_name,
)
from domain.files.ports import Blobs
from domain.kernel.attachments import ClaimState
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Query, Stored
from domain.kernel.errors import DomainError

PAGE: Final = 100
URL_GRACE: Final = timedelta(minutes=5)
"""For the store's clock, and an upload that began just in time."""


@dataclass(frozen=True)
class FileSweep:
    documents: DocumentStore
    blobs: Blobs
    clock: Clock
    holders: Holders = field(default_factory=Holders)

    async def run(self) -> int:
        """Returns how many files were looked at. Safe to run twice, also at once.

        A file that cannot be cleared now does not keep the others waiting. Raises the first failure at the end.
        """
        now, looked_at, above = self.clock.now(), 0, None
        failure: DomainError | None = None
        while True:
            query = Query(order="sweepAt", above=above, below=to_iso(now), limit=PAGE)
            page = await self.documents.query_everywhere(FILES, query)
            for stored in page:
                try:
                    await self._clear(stored)
                except (ItemStale, ItemNotFound):
                    continue  # somebody is at it: the next run sees what came of it
                except DomainError as error:
                    failure = failure or error
                looked_at += 1
            if len(page) < PAGE:
                break
            above = page[-1].item["sweepAt"]
        if failure is not None:
            raise failure
        return looked_at

    async def _clear(self, stored: Stored) -> None:
        file = from_item(stored.item)
        claim = await self.holders.state(file)
        if file.state is not State.DELETED:
            if claim is ClaimState.ABSENT:
                # Claimed, and then nothing was written to hold it: its owner may use it again.
                free = replace(file, claimed_by=None, sweep_at=self.clock.now() + SWEPT_AFTER)
                await self.documents.replace(FILES, to_item(free), if_match=stored.etag)
                return
            if claim is ClaimState.STANDS or (claim is None and _is_kept(file)):
                # Bytes that the upload's URL brought after the file was complete.
                await self.blobs.delete_all(upload_name(file.id))
                await self.documents.replace(FILES, to_item(replace(file, sweep_at=None)), if_match=stored.etag)
                return
        await self._remove(stored, replace(file, state=State.DELETED))

    async def _remove(self, stored: Stored, gone: StoredFile) -> None:
        """The bytes, and then the item, unless something is still to come."""
        if from_item(stored.item).state is not State.DELETED:
            stored = await self.documents.replace(FILES, to_item(gone), if_match=stored.etag)
        await self.holders.forget(gone)
        again_at = gone.upload_ends_at + URL_GRACE
        if await self.holders.is_frozen(gone):
            again_at = self.clock.now() + FROZEN_FOR
        else:
            await self.blobs.delete_all(prefix_of(gone.id))
        if again_at > self.clock.now():
            # It is evidence; or the upload's URL could still bring bytes that no item would tell of.
            await self.documents.replace(FILES, to_item(replace(gone, sweep_at=again_at)), if_match=stored.etag)
        else:
            await self.documents.delete(FILES, gone.id, FILE_ID, if_match=stored.etag)


def _is_kept(file: StoredFile) -> bool:
    if file.state not in {State.COMPLETE, State.QUARANTINED}:
        return False
    return file.category not in {Category.FORM, Category.MESSAGE} or file.claimed_by is not None
