"""A file as the store knows it. Its bytes are blobs whose names begin with its id, and hold nothing of its name."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from domain.files.kinds import Category
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

FILE_ID: Final = "file"
UPLOAD_LIVES: Final = timedelta(minutes=15)
READ_LIVES: Final = timedelta(minutes=15)
"""At most. Ends on a multiple of READ_STEP, so that the same file has the same URL, and entity tag, for a while."""
READ_STEP: Final = timedelta(minutes=5)
SWEPT_AFTER: Final = timedelta(hours=24)
AVATAR_WIDTHS: Final = (64, 256, 512)


class State(StrEnum):
    PENDING = "pending"
    """Announced; its bytes may or may not be there."""
    QUARANTINED = "quarantined"
    """Complete, and nobody's to read until the scanner finds it clean."""
    COMPLETE = "complete"
    DELETED = "deleted"
    """Its blobs are going, or gone. The item stays for as long as an upload URL could bring one back."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; *user_id* is None for a stranger."""

    user_id: str | None
    role: str = ""
    verified: bool = False
    guest: bool = False

    @property
    def is_admin(self) -> bool:
        return self.user_id is not None and self.role == "admin"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """*media_type* and *size* are as announced until complete, then as found (an avatar's: as made).

    *version* names the blobs that are served. *claimed_by* names what holds the file: the fingerprint of a form, or a
    claim of another feature's (`domain/kernel/attachments.py`).
    """

    id: str
    owner_id: str | None
    category: Category
    name: str
    media_type: str
    size: int
    created_at: datetime
    state: State = State.PENDING
    sweep_at: datetime | None = None
    uploaded_at: datetime | None = None
    version: str | None = None
    claimed_by: str | None = None
    refusal: str | None = None

    @property
    def readable(self) -> bool:
        return self.state is State.COMPLETE

    @property
    def upload_ends_at(self) -> datetime:
        return self.created_at + UPLOAD_LIVES

    def is_owned_by(self, caller: Caller) -> bool:
        """What a stranger uploaded is nobody's: for that, knowing the id is all there is."""
        return self.owner_id is not None and self.owner_id == caller.user_id


def prefix_of(file_id: str) -> str:
    return f"{file_id}/"


def upload_name(file_id: str) -> str:
    """Where the client's bytes arrive. What is served is never this blob."""
    return f"{file_id}/upload"


def version_of(etag: str) -> str:
    """The same for the same bytes, so that two completions at once make one blob."""
    return hashlib.sha256(etag.encode()).hexdigest()[:24]


def blob_name(file: StoredFile, width: int | None = None) -> str:
    name = served_name(file.id, file.version or "")
    return name if width is None else f"{name}-{width}"


def served_name(file_id: str, version: str) -> str:
    return f"{file_id}/{version}"


def sweep_key(moment: datetime, file_id: str) -> str:
    """Orders the sweep, and is unique."""
    return f"{to_iso(moment)}:{file_id}"


def to_item(file: StoredFile) -> Item:
    item: dict[str, Any] = {
        "id": FILE_ID,
        "pk": file.id,
        "type": "file",
        "ownerId": file.owner_id,
        "category": file.category.value,
        "name": file.name,
        "mediaType": file.media_type,
        "size": file.size,
        "createdAt": to_iso(file.created_at),
        "state": file.state.value,
        "uploadedAt": None if file.uploaded_at is None else to_iso(file.uploaded_at),
        "version": file.version,
        "claimedBy": file.claimed_by,
        "refusal": file.refusal,
    }
    if file.owner_id is not None:
        item["owned"] = f"{file.owner_id}:{file.id}"
    if file.sweep_at is not None:
        item["sweepAt"] = sweep_key(file.sweep_at, file.id)
    return item


def from_item(item: Item) -> StoredFile:
    uploaded_at, sweep_at = item.get("uploadedAt"), item.get("sweepAt")
    return StoredFile(
        id=item["pk"],
        owner_id=item["ownerId"],
        category=Category(item["category"]),
        name=item["name"],
        media_type=item["mediaType"],
        size=item["size"],
        created_at=from_iso(item["createdAt"]),
        state=State(item["state"]),
        sweep_at=None if sweep_at is None else from_iso(sweep_at.removesuffix(f":{item['pk']}")),
        uploaded_at=None if uploaded_at is None else from_iso(uploaded_at),
        version=item.get("version"),
        claimed_by=item.get("claimedBy"),
        refusal=item.get("refusal"),
    )
