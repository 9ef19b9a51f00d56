"""The files of lessons. Courses declare the port, and know nothing of this package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.files.kinds import Category
from domain.files.model import FILE_ID, StoredFile, blob_name, from_item
from domain.files.names import content_disposition
from domain.files.ports import Blobs
from domain.files.service import read_ends_at
from domain.kernel.clock import Clock
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Patch, Stored
from domain.kernel.errors import Unavailable

_CATEGORIES: Final = frozenset({Category.COURSE_VIDEO, Category.COURSE_DOCUMENT})
_TRIES: Final = 5


@dataclass(frozen=True)
class CourseFiles:
    """The port `Media` of `domain.courses`."""

    documents: DocumentStore
    blobs: Blobs
    clock: Clock

    async def claim(self, file_ids: Sequence[str], *, claim: str) -> set[str]:
        """One store call to look, and one for each file that is not this claim's yet."""
        for _ in range(_TRIES):
            found = await self._find(file_ids)
            missing = {file_id for file_id in file_ids if not _is_free(found.get(file_id), claim)}
            if missing:
                return missing
            try:
                for stored in found.values():
                    await self._patch(stored, claim)
            except (ItemStale, ItemNotFound):
                continue  # claimed or deleted meanwhile: look again
            return set()
        raise Unavailable(retry_after=1)

    async def release(self, file_ids: Sequence[str], *, claim: str) -> None:
        for stored in (await self._find(file_ids)).values():
            if stored.item["claimedBy"] == claim:
                try:
                    await self._patch(stored, None)
                except (ItemStale, ItemNotFound):
                    continue  # deleted meanwhile

    async def links(self, file_ids: Sequence[str], *, claim: str) -> Mapping[str, str]:
        files = [from_item(stored.item) for stored in (await self._find(file_ids)).values()]
        try:
            return {file.id: await self._link(file) for file in files if file.readable and file.claimed_by == claim}
        except Unavailable:
            return {}

    async def _find(self, file_ids: Sequence[str]) -> dict[str, Stored]:
        found = await self.documents.find_many(FILES, [(file_id, FILE_ID) for file_id in file_ids])
        return {stored.item["pk"]: stored for stored in found if stored is not None}

    async def _patch(self, stored: Stored, claim: str | None) -> None:
        if stored.item["claimedBy"] != claim:
            change = Patch(FILE_ID, set={"claimedBy": claim}, if_match=stored.etag)
            await self.documents.patch(FILES, stored.item["pk"], change)

    async def _link(self, file: StoredFile) -> str:
        return await self.blobs.sign_download(
            blob_name(file),
            media_type=file.media_type,
            disposition=content_disposition(file.name),
            expires_at=read_ends_at(self.clock.now()),
        )


def _is_free(stored: Stored | None, claim: str) -> bool:
    file = None if stored is None else from_item(stored.item)
    return file is not None and file.category in _CATEGORIES and file.readable and file.claimed_by in {None, claim}
