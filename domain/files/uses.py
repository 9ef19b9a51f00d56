"""How other features take hold of files: they declare the ports, and know nothing of this package."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.files.kinds import Category
from domain.files.model import FILE_ID, State, from_item
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Patch, Stored
from domain.kernel.errors import Unavailable
from domain.kernel.ids import is_uuid7

_TRIES: Final = 5


@dataclass(frozen=True)
class AvatarFiles:
    """The port `Avatars` of `domain.users`."""

    documents: DocumentStore

    async def may_use(self, user_id: str, file_id: str) -> bool:
        """One store call."""
        if not is_uuid7(file_id):
            return False
        stored = await self.documents.find(FILES, file_id, FILE_ID)
        if stored is None:
            return False
        file = from_item(stored.item)
        return file.owner_id == user_id and file.category is Category.AVATAR and file.readable


@dataclass(frozen=True)
class FormFiles:
    """The port `Attachments` of `domain.forms`."""

    documents: DocumentStore

    async def claim(self, file_ids: Sequence[str], *, claimant: str) -> set[str]:
        """Take completed uploads of the category `form` for *claimant*; returns those that cannot be had.

        A file is taken once: another claimant does not get it, the same one does again. Where some cannot be had, none
        is taken. One store call to look, and one for each file to take.
        """
        for _ in range(_TRIES):
            sound = [file_id for file_id in dict.fromkeys(file_ids) if is_uuid7(file_id)]
            found = await self.documents.find_many(FILES, [(file_id, FILE_ID) for file_id in sound])
            free = {stored.item["pk"]: stored for stored in found if stored is not None and _is_free(stored, claimant)}
            missing = set(file_ids) - free.keys()
            if missing:
                return missing
            try:
                for file_id, stored in free.items():
                    if stored.item["claimedBy"] != claimant:
                        change = Patch(FILE_ID, set={"claimedBy": claimant}, if_match=stored.etag)
                        await self.documents.patch(FILES, file_id, change)
            except (ItemStale, ItemNotFound):
                continue  # claimed, judged or deleted meanwhile: look again
            return set()
        raise Unavailable(retry_after=1)


def _is_free(stored: Stored, claimant: str) -> bool:
    file = from_item(stored.item)
    return (
        file.category is Category.FORM
        and file.state in {State.COMPLETE, State.QUARANTINED}
        and file.claimed_by in {None, claimant}
    )
