"""The embedded mailer: each message is an `.eml` file, which any mail program opens. Oldest first by name."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path
from typing import Final

from adapters.mail.mime import to_mime
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable
from domain.kernel.mail import MailMessage

_PRIVATE: Final = 0o600


class EmlMailer:
    """Writes `<time>-<sequence>-<digest of the Message-ID>.eml` below *folder*.

    File names hold nothing about people. A message that was written before (the same Message-ID) is not written again.
    """

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock
        self._lock = threading.Lock()
        self._sequence = 0

    async def send(self, message: MailMessage) -> None:
        """Return when the file is on disk. Raises ValueError for a message no mailer could send."""
        now = self._clock.now()
        content = to_mime(message, sender=self._sender, now=now).as_bytes()
        stamp = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z"
        digest = hashlib.sha256(message.message_id.encode()).hexdigest()[:16]
        try:
            await asyncio.to_thread(self._write, stamp, digest, content)
        except OSError as error:
            raise Unavailable from error

    def _write(self, stamp: str, digest: str, content: bytes) -> None:
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            if next(self._folder.glob(f"*-{digest}.eml"), None) is not None:
                return
            self._sequence += 1
            final = self._folder / f"{stamp}-{self._sequence:06d}-{digest}.eml"
            draft = final.with_suffix(".tmp")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(final)
            _sync_folder(self._folder)

    async def ping(self) -> None:
        """Raises Unavailable when the folder cannot be written."""
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable from error
        if not os.access(self._folder, os.W_OK):
            raise Unavailable

    async def close(self) -> None:
        """Nothing is held open."""


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system can open a folder."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
