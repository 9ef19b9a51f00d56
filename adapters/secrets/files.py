"""Secrets kept in files of mode 0600, made at the first start: what Key Vault keeps in the cloud."""

import asyncio
import base64
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from domain.kernel.errors import Unavailable
from domain.kernel.keys import Key, KeySet

_PRIVATE: Final = 0o600
_KEY_BYTES: Final = 32


class FileKeys:
    """The key set in one JSON file: `{"current": {"kid", "secret"}, "previous": ..., "next": ...}`.

    Made with one fresh key where there is no file. To turn keys over, edit the file and start again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: KeySet | None = None

    async def get(self) -> KeySet:
        """Raises Unavailable when the file cannot be read or written, or is not a key set."""
        if self._keys is None:
            try:
                self._keys = _decode(await asyncio.to_thread(read_or_make, self._path, _fresh))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise Unavailable from error
        return self._keys


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The file's text; what *make* returns is put there first where there is no file. One of two racers wins."""
    with suppress(FileNotFoundError):
        return path.read_text("utf-8")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as file:
        file.write(make())
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, never replaces the keys of whoever was first
    finally:
        draft.unlink()
    return path.read_text("utf-8")


def _fresh() -> str:
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    return json.dumps({"current": {"kid": secrets.token_hex(4), "secret": secret}, "previous": None, "next": None})


def _decode(text: str) -> KeySet:
    said = json.loads(text)
    return KeySet(
        _key(said["current"]), *(_key(said[name]) if said.get(name) else None for name in ("previous", "next"))
    )


def _key(said: dict[str, str]) -> Key:
    secret = base64.urlsafe_b64decode(said["secret"])
    if len(secret) < _KEY_BYTES:
        raise ValueError("a key of fewer than 32 bytes")
    return Key(said["kid"], secret)
