"""The JSON of `/files`."""

from typing import Annotated, Literal

import msgspec

from domain.files.kinds import Category
from domain.files.model import Caller, State, StoredFile
from domain.files.ports import SignedUpload
from domain.files.service import Shown
from domain.files.uploads import Announced
from domain.kernel.clock import to_iso
from web.bodies import In, Out
from web.call import Call

MAX_FILE_NAME = 255


class UploadIn(In):
    """*fileSize* in bytes. `fileName` must end as `fileType` does."""

    file_name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_FILE_NAME)]
    file_type: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    file_size: Annotated[int, msgspec.Meta(ge=1)]
    category: Category

    def announced(self) -> Announced:
        return Announced(self.file_name, self.file_type, self.file_size, self.category)


class UploadOut(Out):
    """Send the bytes to *uploadUrl* by *method* with just these *headers*."""

    upload_url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    file_id: str
    expires_at: str

    @classmethod
    def of(cls, file: StoredFile, upload: SignedUpload) -> "UploadOut":
        return cls(upload.url, "PUT", dict(upload.headers), file.id, to_iso(file.upload_ends_at))


class CompleteIn(In):
    file_id: str


class FileOut(Out):
    """*url* is good until *urlExpiresAt*, and null while the file waits for the malware scanner.

    *sizes*: an avatar's pictures by width in pixels; else empty.
    """

    id: str
    url: str | None
    file_name: str
    size: int
    mime_type: str
    uploaded_at: str
    category: Category
    status: Literal["complete", "scanning"]
    url_expires_at: str
    sizes: dict[str, str]

    @classmethod
    def of(cls, shown: Shown) -> "FileOut":
        file = shown.file
        return cls(
            id=file.id,
            url=shown.url,
            file_name=file.name,
            size=file.size,
            mime_type=file.media_type,
            uploaded_at=to_iso(file.uploaded_at or file.created_at),
            category=file.category,
            status="complete" if file.state is State.COMPLETE else "scanning",
            url_expires_at=to_iso(shown.url_ends_at),
            sizes={str(width): url for width, url in shown.sizes.items()},
        )


def caller_of(call: Call) -> Caller:
    identity = call.identity
    if identity is None:
        return Caller(None)
    return Caller(identity.user_id, identity.role, identity.verified, identity.guest)
