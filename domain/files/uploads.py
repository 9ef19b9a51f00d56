"""From the announcement of a file to a file that can be read.  Walk: `docs/flows/upload.md`."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from domain.files.errors import FileNotFound, FileRefused, NotUploaded, UploadNotVerified
from domain.files.kinds import AUTHOR_ROLES, MIB, RULES, WEBP, Category, Rule, Who, media_type
from domain.files.model import (
    AVATAR_WIDTHS,
    FILE_ID,
    SWEPT_AFTER,
    Caller,
    State,
    StoredFile,
    blob_name,
    from_item,
    prefix_of,
    to_item,
    upload_name,
    version_of,
)
from domain.files.names import clean_file_name, file_name_fault
from domain.files.ports import BlobChanged, BlobNotFound, Blobs, BlobStat, Inspector, SignedUpload
from domain.files.verdicts import apply_verdict
from domain.kernel.clock import Clock
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemExists, ItemNotFound, ItemStale, Stored
from domain.kernel.errors import Fault, Forbidden, Invalid, MissingToken, Unavailable

READ_WHOLE: Final = 50 * MIB
"""Up to here all of a file is looked at, and only the beginning of what is larger: videos."""
HEAD_BYTES: Final = 64 * 1024
AT_ONCE: Final = 2
"""Files read and looked at at the same time: each may be 50 MiB, and a picture unpacks to 160. Others wait."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a client says of the file it is about to upload."""

    name: str
    type: str
    size: int
    category: Category


@dataclass(frozen=True)
class Uploads:
    """*quarantine*: files wait for a scanner's verdict before anybody reads them."""

    documents: DocumentStore
    blobs: Blobs
    inspector: Inspector
    clock: Clock
    quarantine: bool = False
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), repr=False)

    async def begin(self, caller: Caller, announced: Announced, file_id: str) -> tuple[StoredFile, SignedUpload]:
        """Give out the right to upload one file. One store call. Safe to retry with the same *file_id*.

        Raises Invalid, MissingToken, Forbidden, Unavailable.
        """
        rule = RULES[announced.category]
        _check_who(announced.category, rule, caller)
        kind, name = media_type(announced.type), clean_file_name(announced.name)
        faults = _faults(rule, kind, name, announced.size)
        if faults:
            raise Invalid(faults=faults)
        now = self.clock.now()
        file = StoredFile(
            id=file_id,
            owner_id=caller.user_id,
            category=announced.category,
            name=name,
            media_type=kind,
            size=announced.size,
            created_at=now,
            sweep_at=now + SWEPT_AFTER,
        )
        with suppress(ItemExists):  # by the first try of this very request
            await self.documents.create(FILES, to_item(file))
        upload = await self.blobs.sign_upload(
            upload_name(file_id),
            media_type=kind,
            max_bytes=announced.size,
            expires_at=file.upload_ends_at,
            in_blocks=rule.in_blocks,
        )
        return file, upload

    async def complete(self, caller: Caller, file_id: str) -> StoredFile:
        """Look at what was uploaded, and keep it for good or not at all. Safe to repeat, also at the same time.

        Raises FileNotFound, NotUploaded, FileRefused, Unavailable.
        """
        stored, file = await self._find(caller, file_id)
        if file.state is not State.PENDING:
            return await self._done_before(file)
        stat = await self.blobs.stat(upload_name(file_id))
        if stat is None:
            return await self._done_meanwhile(caller, file_id)
        try:
            finished = await self._keep(file, stat)
        except FileRefused as refusal:
            await self._discard(stored, file, refusal.reason)
            raise
        except (BlobNotFound, BlobChanged):
            return await self._done_meanwhile(caller, file_id)
        return await self._write(caller, stored, finished)

    async def _find(self, caller: Caller, file_id: str) -> tuple[Stored, StoredFile]:
        stored = await self.documents.find(FILES, file_id, FILE_ID)
        if stored is None:
            raise FileNotFound
        file = from_item(stored.item)
        if file.owner_id is not None and not file.is_owned_by(caller):
            raise FileNotFound
        return stored, file

    async def _done_meanwhile(self, caller: Caller, file_id: str) -> StoredFile:
        """The upload is not there, or no longer: a twin may have finished, and taken it away."""
        _, file = await self._find(caller, file_id)
        if file.state is State.PENDING:
            raise NotUploaded
        return await self._done_before(file)

    async def _done_before(self, file: StoredFile) -> StoredFile:
        if file.refusal is not None:
            raise FileRefused(file.refusal)
        if file.state is State.DELETED:
            raise FileNotFound
        return file

    async def _keep(self, file: StoredFile, stat: BlobStat) -> StoredFile:
        """Check the upload, and copy it to where no URL of a client's leads. Returns the file as it then is."""
        if stat.size != file.size:
            raise FileRefused("size_mismatch")
        async with self.slots:
            pictures = await self._look(file, stat)
        state = State.QUARANTINED if self.quarantine and file.category is not Category.AVATAR else State.COMPLETE
        file = replace(file, state=state, version=version_of(stat.etag), uploaded_at=self.clock.now())
        if file.category is not Category.AVATAR:
            await self.blobs.promote(upload_name(file.id), blob_name(file), etag=stat.etag)
            return file
        for width, picture in pictures.items():
            await self.blobs.put(blob_name(file, width), picture, media_type=WEBP)
        return replace(file, media_type=WEBP, size=len(pictures[max(AVATAR_WIDTHS)]))

    async def _look(self, file: StoredFile, stat: BlobStat) -> Mapping[int, bytes]:
        """Look at the upload's bytes. Returns the pictures made of an avatar."""
        whole = stat.size <= READ_WHOLE
        length = stat.size if whole else HEAD_BYTES
        content = await self.blobs.read(upload_name(file.id), etag=stat.etag, length=length)
        await self.inspector.inspect(content, file.media_type, whole=whole)
        return await self.inspector.make_avatars(content) if file.category is Category.AVATAR else {}

    async def _write(self, caller: Caller, stored: Stored, finished: StoredFile) -> StoredFile:
        try:
            written = await self.documents.replace(FILES, to_item(finished), if_match=stored.etag)
        except (ItemStale, ItemNotFound):
            _, file = await self._find(caller, finished.id)  # a twin was quicker, or somebody deleted it
            if file.state is State.DELETED:
                await self.blobs.delete_all(prefix_of(finished.id))
            return await self._done_before(file)
        with suppress(Unavailable):  # else the sweep does it
            await self.blobs.delete_all(upload_name(finished.id))
        if finished.state is State.QUARANTINED:
            return await apply_verdict(self.documents, self.blobs, written)
        return finished

    async def _discard(self, stored: Stored, file: StoredFile, reason: str) -> None:
        """Remember the refusal first: then the bytes go, now or by the sweep, and a repeat is told the same."""
        try:
            refused = replace(file, state=State.DELETED, refusal=reason, sweep_at=self.clock.now())
            await self.documents.replace(FILES, to_item(refused), if_match=stored.etag)
        except (ItemStale, ItemNotFound):
            return  # whoever was quicker saw the same bytes
        with suppress(Unavailable):
            await self.blobs.delete_all(prefix_of(file.id))


def _check_who(category: Category, rule: Rule, caller: Caller) -> None:
    if caller.guest:
        if category is not Category.MESSAGE:
            raise Forbidden
        return
    if rule.who is Who.ANYONE:
        return
    if caller.user_id is None:
        raise MissingToken
    if not caller.verified:
        raise UploadNotVerified
    if rule.who is Who.AUTHOR and caller.role not in AUTHOR_ROLES:
        raise Forbidden


def _faults(rule: Rule, kind: str, name: str, size: int) -> list[Fault]:
    faults = []
    if kind not in rule.types:
        faults.append(Fault("fileType", "choice", f"Must be one of {', '.join(sorted(rule.types))}."))
    fault = file_name_fault(name, kind)
    if fault is not None:
        faults.append(fault)
    if not 1 <= size <= rule.max_bytes:
        code = "too_large" if size > rule.max_bytes else "too_small"
        faults.append(Fault("fileSize", code, f"Must be 1 to {rule.max_bytes} bytes."))
    return faults
