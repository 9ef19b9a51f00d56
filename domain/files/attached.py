"""The files of messages. Chat declares the port, and knows nothing of this package."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domain.files.deleting import delete_file
from domain.files.kinds import Category
from domain.files.model import FILE_ID, SWEPT_AFTER, State, StoredFile, from_item, served_name, sweep_key
from domain.files.names import content_disposition
from domain.files.ports import Blobs
from domain.files.service import read_ends_at
from domain.kernel.attachments import Attachment, Claimed
from domain.kernel.clock import Clock
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Patch, Stored
from domain.kernel.errors import Unavailable
from domain.kernel.ids import is_uuid7

CLAIM_DUE: Final = timedelta(hours=1)
"""How long a claim may come to nothing before the sweep gives the file back: beyond any request's life."""
_TRIES: Final = 5


@dataclass(frozen=True)
class MessageFiles:
    """The port `Attachments` of `domain.chat`."""

    documents: DocumentStore
    blobs: Blobs
    clock: Clock

    async def claim(self, owner_id: str, file_ids: Sequence[str], *, claim: str) -> Claimed:
        """One store call to look, and one for each file.

        Each is written even if this claim has it already. So of two calls with one claim the later one's etags are on
        the files, and the other, should it fail, cannot give back what this one counts on.
        """
        taken: dict[str, str] = {}
        refused: dict[str, str] = {}
        for _ in range(_TRIES):
            found, refused = await self._look(owner_id, file_ids, claim)
            if refused:
                break
            try:
                for stored in found:
                    await self._take(stored, claim, taken)
            except (ItemStale, ItemNotFound):
                continue  # claimed or deleted meanwhile: look again
            return Claimed(tuple(_attachment(from_item(stored.item)) for stored in found))
        for file_id, etag in taken.items():
            with suppress(ItemStale, ItemNotFound):
                await self._patch(file_id, None, SWEPT_AFTER, etag)
        if refused:
            return Claimed(refused=refused)
        raise Unavailable(retry_after=1)

    async def link(self, attachment: Attachment) -> str:
        """No store call."""
        return await self.blobs.sign_download(
            served_name(attachment.id, attachment.version),
            media_type=attachment.media_type,
            disposition=content_disposition(attachment.name),
            expires_at=read_ends_at(self.clock.now()),
        )

    async def discard(self, file_ids: Sequence[str], *, claim: str, frozen: bool) -> None:
        """One store call to look, and one for each file."""
        for stored in await self.documents.find_many(FILES, [(file_id, FILE_ID) for file_id in file_ids]):
            if stored is not None and stored.item["claimedBy"] == claim:
                await delete_file(self.documents, self.blobs, self.clock, stored, frozen=frozen)

    async def _look(self, owner_id: str, file_ids: Sequence[str], claim: str) -> tuple[list[Stored], dict[str, str]]:
        """The files, and why those that cannot be had cannot."""
        sound = [file_id for file_id in file_ids if is_uuid7(file_id)]
        found = await self.documents.find_many(FILES, [(file_id, FILE_ID) for file_id in sound])
        files = {stored.item["pk"]: stored for stored in found if stored is not None}
        why = {file_id: _refusal(files.get(file_id), owner_id, claim) for file_id in file_ids}
        return list(files.values()), {file_id: reason for file_id, reason in why.items() if reason is not None}

    async def _take(self, stored: Stored, claim: str, taken: dict[str, str]) -> None:
        file_id = stored.item["pk"]
        ours = stored.item["claimedBy"] is None or taken.get(file_id) == stored.etag
        taken.pop(file_id, None)
        etag = await self._patch(file_id, claim, CLAIM_DUE, stored.etag)
        if ours:
            taken[file_id] = etag

    async def _patch(self, file_id: str, claim: str | None, swept_after: timedelta, etag: str) -> str:
        due = sweep_key(self.clock.now() + swept_after, file_id)
        change: dict[str, Any] = {"claimedBy": claim, "sweepAt": due}
        return (await self.documents.patch(FILES, file_id, Patch(FILE_ID, set=change, if_match=etag))).etag


def _refusal(stored: Stored | None, owner_id: str, claim: str) -> str | None:
    """Why *owner_id* cannot have the file for *claim*; None: they can. Of another's file nothing is told."""
    file = None if stored is None else from_item(stored.item)
    if file is None or file.owner_id != owner_id or file.category is not Category.MESSAGE:
        return "unknown_file"
    if file.state is State.QUARANTINED:
        return "scanning"
    if file.state is not State.COMPLETE:
        return "unknown_file"
    return None if file.claimed_by in {None, claim} else "in_use"


def _attachment(file: StoredFile) -> Attachment:
    return Attachment(file.id, file.name, file.size, file.media_type, file.version or "")
