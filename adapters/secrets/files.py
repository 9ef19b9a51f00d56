"""Secrets kept in files of mode 0600, made at the first start: what Key Vault keeps in the cloud."""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from adapters.secrets.key_ring import KeyRing, decode_ring, encode_ring, fresh_ring
from domain.kernel.errors import Unavailable
from domain.kernel.keys import KeySet

_PRIVATE: Final = 0o600
LOOK_EVERY: Final = 2.0
"""Seconds between two looks at whether the file was changed."""


class FileKeys:
    """The key set in one JSON file (`key_ring.py`), made with one fresh key where there is none.

    A changed file is read again, so keys are turned over without a restart.
    """

    def __init__(self, path: Path, *, look_every: float = LOOK_EVERY) -> None:
        self._path = path
        self._look_every = look_every
        self._keys: KeySet | None = None
        self._stamp: tuple[int, int] | None = None
        self._look_at = 0.0

    async def get(self, kid: str | None = None) -> KeySet:  # noqa: ARG002 - it is looked at often enough
        """Raises Unavailable when the file cannot be read or written, or is not a key set."""
        if self._keys is None or time.monotonic() >= self._look_at:
            self._keys = await asyncio.to_thread(self._read)
            self._look_at = time.monotonic() + self._look_every
        return self._keys

    async def ping(self) -> None:
        """Raises Unavailable."""
        await self.get()

    async def close(self) -> None:
        """Nothing is held open."""

    async def change(self, step: Callable[[KeyRing], KeyRing]) -> KeySet:
        """Put what *step* makes of the key set in its place. Raises Unavailable, and what *step* raises."""
        self._keys = await asyncio.to_thread(self._change, step)
        return self._keys

    def _read(self) -> KeySet:
        try:
            stamp = _stamp(self._path)
            if self._keys is None or stamp != self._stamp:
                self._keys = decode_ring(read_or_make(self._path, lambda: encode_ring(fresh_ring()))).keys
                self._stamp = stamp
        except (OSError, ValueError, KeyError, TypeError) as error:
            if self._keys is None:
                raise Unavailable from error  # later a file that is gone or broken takes nobody's session away
        return self._keys

    def _change(self, step: Callable[[KeyRing], KeyRing]) -> KeySet:
        try:
            ring = decode_ring(read_or_make(self._path, lambda: encode_ring(fresh_ring())))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable from error
        changed = step(ring)
        try:
            _write_draft(self._path, encode_ring(changed)).replace(self._path)
        except OSError as error:
            raise Unavailable from error
        return changed.keys


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The file's text; what *make* returns is put there first where there is no file. One of two racers wins."""
    with suppress(FileNotFoundError):
        return path.read_text("utf-8")
    draft = _write_draft(path, make())
    try:
        with suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, never replaces the keys of whoever was first
    finally:
        draft.unlink()
    return path.read_text("utf-8")


def _write_draft(path: Path, text: str) -> Path:
    """A file beside *path*, on disk, that only this user may read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes whenever the file is replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino
