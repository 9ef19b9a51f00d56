"""One process holds a file of the embedded store."""

import fcntl
import os
from pathlib import Path


class StoreUnusable(Exception):
    """The file cannot be opened; the text is one line for the person who started the program."""


class StoreInUse(StoreUnusable):
    """Another process holds the store."""


class FileLock:
    """An exclusive lock that the system releases when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Raises StoreInUse."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            by = f"process {holder}" if holder.isdecimal() else "another process"
            raise StoreInUse(f"The data in {path.parent} is in use by {by}.") from error
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        os.close(self._file)
