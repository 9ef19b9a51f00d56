"""Files that are there: who may read them, and how they go."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.files.deleting import delete_file
from domain.files.errors import FileNotFound
from domain.files.holders import Holders
from domain.files.kinds import Category
from domain.files.model import (
    AVATAR_WIDTHS,
    FILE_ID,
    READ_LIVES,
    READ_STEP,
    Caller,
    State,
    StoredFile,
    blob_name,
    from_item,
)
from domain.files.names import content_disposition
from domain.files.ports import Blobs
from domain.kernel.clock import Clock
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, Query, Stored
from domain.kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class Shown:
    """A file with where to read it. No *url* while it is in quarantine. *sizes*: an avatar's, by width in pixels."""

    file: StoredFile
    url: str | None = field(repr=False)
    url_ends_at: datetime
    sizes: Mapping[int, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Files:
    """*holders*: the features that may let people read what is not theirs."""

    documents: DocumentStore
    blobs: Blobs
    clock: Clock
    holders: Holders = field(default_factory=Holders)

    async def get(self, caller: Caller, file_id: str) -> Shown:
        """One store call for owners; for others, one more by what holds the file. Raises FileNotFound, Unavailable."""
        stored = await self.documents.find(FILES, file_id, FILE_ID)
        if stored is None:
            raise FileNotFound
        file = from_item(stored.item)
        if file.state is State.QUARANTINED and file.is_owned_by(caller):
            return await self.show(file)
        if not file.readable or not await self._may_read(caller, file):
            raise FileNotFound
        return await self.show(file)

    async def show(self, file: StoredFile) -> Shown:
        """For features that have decided that the caller may read *file*. No store call."""
        ends_at = read_ends_at(self.clock.now())
        if not file.readable:
            return Shown(file, None, ends_at)
        if file.category is Category.AVATAR:
            sizes = {width: await self._sign(file, ends_at, width) for width in AVATAR_WIDTHS}
            return Shown(file, sizes[max(AVATAR_WIDTHS)], ends_at, sizes)
        return Shown(file, await self._sign(file, ends_at, None), ends_at)

    async def delete(self, caller: Caller, file_id: str) -> None:
        """By its owner or an administrator. Raises FileNotFound, Unavailable.

        From the first write on nobody is shown it. What holds it shows it as gone. Should we crash in between, the
        sweep does the rest.
        """
        stored = await self.documents.find(FILES, file_id, FILE_ID)
        if stored is None:
            raise FileNotFound
        file = from_item(stored.item)
        if file.state is State.DELETED or not (file.is_owned_by(caller) or caller.is_admin):
            raise FileNotFound
        await self._delete(stored)

    async def list_owned(self, user_id: str, *, limit: int = 1000) -> list[StoredFile]:
        """Somebody's files, the oldest first: for their data export. Looks in all partitions."""
        return [from_item(stored.item) for stored in await self._owned(user_id, limit)]

    async def delete_owned(self, user_id: str) -> None:
        """All of somebody's files, when their account is erased. Safe to repeat. Raises Unavailable."""
        for stored in await self._owned(user_id, 1000):
            if from_item(stored.item).state is not State.DELETED:
                await self._delete(stored)

    async def _owned(self, user_id: str, limit: int) -> list[Stored]:
        found: list[Stored] = []
        above = None
        while len(found) < limit:
            page = Query(order="owned", starts=f"{user_id}:", above=above, limit=min(100, limit - len(found)))
            stored = await self.documents.query_everywhere(FILES, page)
            found += stored
            if len(stored) < page.limit:
                break
            above = stored[-1].item["owned"]
        return found

    async def _delete(self, stored: Stored) -> None:
        frozen = await self.holders.is_frozen(from_item(stored.item))
        gone = await delete_file(self.documents, self.blobs, self.clock, stored, frozen=frozen)
        if gone is not None:
            with suppress(DomainError):
                await self.holders.forget(gone)

    async def _may_read(self, caller: Caller, file: StoredFile) -> bool:
        if file.is_owned_by(caller) or file.category is Category.AVATAR:
            return True
        if file.category is Category.FORM and caller.is_admin:
            return True
        return caller.user_id is not None and await self.holders.may_read(caller.user_id, file)

    async def _sign(self, file: StoredFile, ends_at: datetime, width: int | None) -> str:
        return await self.blobs.sign_download(
            blob_name(file, width),
            media_type=file.media_type,
            disposition=content_disposition(file.name if width is None else f"avatar-{width}.webp"),
            expires_at=ends_at,
        )


def read_ends_at(now: datetime) -> datetime:
    """When a URL that is made now ends."""
    step = READ_STEP.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // step * step, UTC) + READ_LIVES
