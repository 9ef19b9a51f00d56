"""The folder of the embedded stores belongs to one process; who that is, and how a command reaches it.

The process that serves holds a lock on `DIR/devhost.lock` for its life (the system lets go of it however the process
ends) and writes there where it takes administrative commands, with a secret only this user can read.
"""

import errno
import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "devhost.lock"
_PRIVATE: Final = 0o600
_WAIT_SECONDS: Final = 2.0
"""How long a holder has from its lock to its address."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that serves a folder. *control_url* takes commands from who knows *secret*."""

    pid: int
    control_url: str
    secret: str = field(repr=False)


class FolderHeld(Exception):
    """Another process serves this folder."""

    def __init__(self, folder: Path, holder: Holder | None) -> None:
        by = f"process {holder.pid}" if holder else "another process"
        super().__init__(f"the data folder {folder} is in use by {by}")


class DataFolder:
    """The folder, held. Make it with `take`."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.secret = secrets.token_urlsafe(32)
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> "DataFolder":
        """Make the folder (mode 0700) where there is none, and hold it. Raises FolderHeld, OSError."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, _PRIVATE)
        if not _try_lock(handle, fcntl.LOCK_EX):
            holder = _read(handle)
            os.close(handle)
            raise FolderHeld(path, holder)
        os.ftruncate(handle, 0)
        return cls(path, handle)

    def announce(self, control_url: str) -> None:
        """Say where commands are taken."""
        text = json.dumps({"pid": os.getpid(), "controlUrl": control_url, "secret": self.secret})
        os.pwrite(self._handle, text.encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


def find_holder(path: Path) -> Holder | None:
    """Who serves the folder, or None when nobody does. Raises FolderHeld for a holder that does not say where."""
    try:
        handle = os.open(path / LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        last = time.monotonic() + _WAIT_SECONDS
        while True:
            if _try_lock(handle, fcntl.LOCK_SH):
                return None
            holder = _read(handle)
            if holder is not None:
                return holder
            if time.monotonic() > last:
                raise FolderHeld(path, None)
            time.sleep(0.02)
    finally:
        os.close(handle)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EAGAIN}:
            return False
        raise
    return True


def _read(handle: int) -> Holder | None:
    try:
        said = json.loads(os.pread(handle, 4096, 0))
        return Holder(said["pid"], said["controlUrl"], said["secret"])
    except (ValueError, KeyError):
        return None
