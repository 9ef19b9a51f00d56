"""Blobs as files below one folder, for one process. `devhost/blobs.py` serves them by their signed URLs."""

import asyncio
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from adapters.blobs.names import check_name, is_name
from adapters.blobs.signing import CREATE, READ, WRITE, Grant, read_grant, sign
from domain.files.ports import BlobChanged, BlobNotFound, BlobStat, SignedUpload
from domain.kernel.clock import Clock, epoch_seconds
from domain.kernel.errors import Unavailable
from domain.kernel.ids import is_uuid7
from domain.kernel.keys import Keys

PATH: Final = "/_blobs/"
_TRIES: Final = 10
T = TypeVar("T")


class BlobExists(Exception):
    """There is a blob of this name, and the grant does not let it be overwritten."""


class BlockMissing(Exception):
    """A list names a block that was not uploaded."""


class Arriving:
    """Bytes on their way in: a file that becomes a blob, or a block, when all of it is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb")
        self.size = 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.size += len(piece)

    def finish(self) -> Path:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._path

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class EmbeddedBlobs:
    """The port `Blobs`."""

    def __init__(self, folder: Path, keys: Keys, clock: Clock, *, api_url: str) -> None:
        """*api_url*: where the dev host serves; `PATH` is below it."""
        self._kept, self._blocks, self._arriving = folder / "kept", folder / "blocks", folder / "arriving"
        self._keys = keys
        self._clock = clock
        self._url = api_url + PATH
        self._ready = False
        self._preparing = threading.Lock()

    async def sign_upload(
        self, name: str, *, media_type: str, max_bytes: int, expires_at: datetime, in_blocks: bool
    ) -> SignedUpload:
        grant = Grant(WRITE if in_blocks else CREATE, epoch_seconds(expires_at), media_type, max_bytes=max_bytes)
        return SignedUpload(
            await self._signed(name, grant), {"Content-Type": media_type, "x-ms-blob-type": "BlockBlob"}
        )

    async def sign_download(self, name: str, *, media_type: str, disposition: str, expires_at: datetime) -> str:
        return await self._signed(name, Grant(READ, epoch_seconds(expires_at), media_type, disposition))

    async def _signed(self, name: str, grant: Grant) -> str:
        keys = await self._keys.get()
        return f"{self._url}{check_name(name)}?{sign(keys.current, name, grant)}"

    async def find_grant(self, name: str, query: dict[str, str]) -> Grant | None:
        """What a URL of ours permits; None for any other, and once its time is over."""
        if not is_name(name):
            return None
        keys = await self._keys.get()
        return read_grant(keys.accepted, name, query, now=epoch_seconds(self._clock.now()))

    async def stat(self, name: str) -> BlobStat | None:
        return await self._do(lambda: _stat(self._path(name)))

    async def read(self, name: str, *, etag: str, length: int) -> bytes:
        def read() -> bytes:
            try:
                with self._path(name).open("rb") as file:
                    if _etag(os.fstat(file.fileno())) != etag:
                        raise BlobChanged
                    return file.read(length)
            except FileNotFoundError:
                raise BlobNotFound from None

        return await self._do(read)

    async def put(self, name: str, content: bytes, *, media_type: str) -> None:  # noqa: ARG002 - said by the grant
        path = self._path(name)

        def put() -> None:
            arriving = self.arrive()
            arriving.write(content)
            self._settle(arriving.finish(), path, overwrite=True)

        await self._do(put)

    async def promote(self, source: str, name: str, *, etag: str) -> None:
        origin, path = self._path(source), self._path(name)

        def promote() -> None:
            link = self._scratch()
            try:
                link.hardlink_to(origin)  # from here on it is this file, whatever *source* becomes
            except FileNotFoundError:
                raise BlobNotFound from None
            if _etag(link.stat()) != etag:
                link.unlink()
                raise BlobChanged
            with suppress(BlobExists):
                self._settle(link, path, overwrite=False)

        await self._do(promote)

    async def delete_all(self, prefix: str) -> None:
        file_id, _, leaf = prefix.partition("/")
        if not is_uuid7(file_id):
            msg = f"not the beginning of blobs' names: {prefix!r}"
            raise ValueError(msg)

        def delete() -> None:
            for folder in (self._kept / file_id, self._blocks / file_id):
                for path in _children(folder):
                    if path.name.startswith(leaf):
                        with suppress(FileNotFoundError):  # another deletion was here first
                            shutil.rmtree(path) if path.is_dir() else path.unlink()
                with suppress(OSError):  # not empty, or not there
                    folder.rmdir()

        await self._do(delete)

    async def ping(self) -> None:
        await self._do(self._prepare)

    async def close(self) -> None:
        """Nothing is held open."""

    def open(self, name: str) -> tuple[Path, BlobStat] | None:
        """For whoever serves it: where the blob is, if it is there."""
        stat = _stat(self._path(name))
        return None if stat is None else (self._path(name), stat)

    def arrive(self) -> Arriving:
        self._prepare()
        return Arriving(self._scratch())

    def keep(self, arriving: Arriving, name: str, *, overwrite: bool) -> BlobStat:
        """Make a blob of what arrived. Raises BlobExists."""
        path = self._path(name)
        self._settle(arriving.finish(), path, overwrite=overwrite)
        stat = _stat(path)
        if stat is None:
            raise BlobNotFound
        return stat

    def keep_block(self, arriving: Arriving, name: str, block_id: bytes) -> None:
        folder = self._blocks / check_name(name)
        folder.mkdir(parents=True, exist_ok=True)
        arriving.finish().replace(folder / block_id.hex())

    def blocks_size(self, name: str) -> int:
        folder = self._blocks / check_name(name)
        return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0

    def commit(self, name: str, block_ids: list[bytes]) -> BlobStat:
        """Make a blob of its blocks, in this order. Raises BlockMissing."""
        folder = self._blocks / check_name(name)
        arriving = self.arrive()
        try:
            for block_id in block_ids:
                with (folder / block_id.hex()).open("rb") as block:
                    while piece := block.read(1 << 20):
                        arriving.write(piece)
        except FileNotFoundError:
            arriving.discard()
            raise BlockMissing from None
        stat = self.keep(arriving, name, overwrite=True)
        shutil.rmtree(folder, ignore_errors=True)
        return stat

    def _path(self, name: str) -> Path:
        return self._kept / check_name(name)

    def _scratch(self) -> Path:
        return self._arriving / secrets.token_hex(16)

    def _prepare(self) -> None:
        with self._preparing:
            if self._ready:
                return
            for folder in (self._kept, self._blocks, self._arriving):
                folder.mkdir(parents=True, exist_ok=True)
            for left in self._arriving.iterdir():  # by a process that is no more
                left.unlink()
            self._ready = True

    def _settle(self, scratch: Path, path: Path, *, overwrite: bool) -> None:
        try:
            for _ in range(_TRIES):
                path.parent.mkdir(exist_ok=True)
                # The folder goes with its last blob, perhaps at this moment.
                with suppress(FileNotFoundError):
                    if overwrite:
                        scratch.replace(path)
                    else:
                        path.hardlink_to(scratch)
                    return
            raise Unavailable
        except FileExistsError:
            raise BlobExists from None
        finally:
            scratch.unlink(missing_ok=True)

    async def _do(self, work: Callable[[], T]) -> T:
        def run() -> T:
            self._prepare()
            return work()

        try:
            return await asyncio.to_thread(run)
        except OSError as error:
            raise Unavailable from error


def _children(folder: Path) -> list[Path]:
    """What is in *folder*; nothing where it is not there, or goes at this moment."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _stat(path: Path) -> BlobStat | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return BlobStat(found.st_size, _etag(found))


def _etag(found: os.stat_result) -> str:
    """Of one file and its bytes: they are written once, and replaced as a whole."""
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"
