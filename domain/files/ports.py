"""What files need from outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.kernel.errors import Conflict, NotFound


class BlobNotFound(NotFound):
    """There is no blob of this name."""


class BlobChanged(Conflict):
    """The blob is not the one the etag names."""


@dataclass(frozen=True, slots=True)
class BlobStat:
    size: int
    etag: str
    """Opaque; changes whenever the bytes do."""


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """Where to PUT, and the headers to send. Whoever has *url* may upload."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Blobs(Protocol):
    """Bytes by name. Names are `<file id>/<leaf>`, made here and never by clients (`domain/files/model.py`).

    All methods but those that sign raise Unavailable. None but `sign_*` tells a client anything.
    """

    async def sign_upload(
        self, name: str, *, media_type: str, max_bytes: int, expires_at: datetime, in_blocks: bool
    ) -> SignedUpload:
        """A URL that creates this one blob. It cannot read, delete, or write any other.

        It does not overwrite either, unless *in_blocks*: whoever may commit a list of blocks may do so again. So what
        counts is what `promote` made. *max_bytes* holds where the store can see to it; completion measures anyway.
        """
        ...

    async def sign_download(self, name: str, *, media_type: str, disposition: str, expires_at: datetime) -> str:
        """A URL that reads this one blob, always as *media_type* and with *disposition*."""
        ...

    async def stat(self, name: str) -> BlobStat | None: ...

    async def read(self, name: str, *, etag: str, length: int) -> bytes:
        """The first *length* bytes, fewer where the blob is shorter.

        Raises BlobNotFound, BlobChanged; for one that is not there either.
        """
        ...

    async def put(self, name: str, content: bytes, *, media_type: str) -> None:
        """Create or overwrite."""
        ...

    async def promote(self, source: str, name: str, *, etag: str) -> None:
        """Copy *source* as it is at *etag* to *name*; done already is fine. Raises BlobNotFound, BlobChanged."""
        ...

    async def delete_all(self, prefix: str) -> None:
        """Every blob whose name begins so; none is fine."""
        ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Inspector(Protocol):
    """Looks at bytes, in threads. Pictures unpack to much more than they are: ask for few at once."""

    async def inspect(self, content: bytes, media_type: str, *, whole: bool) -> None:
        """Return if *content* is a sound file of *media_type*. Raises FileRefused.

        Not *whole*: only its beginning is there (videos).
        """
        ...

    async def make_avatars(self, content: bytes) -> Mapping[int, bytes]:
        """By width in pixels: square WebP pictures with no metadata. Raises FileRefused."""
        ...
