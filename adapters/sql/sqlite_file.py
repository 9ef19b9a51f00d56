"""What an embedded database's file says for itself, asked without SQLAlchemy.

An instance that wakes for a message, or that only ticks, seldom has anything to do with SQL; importing SQLAlchemy to
learn that costs 85 ms of CPU and 9 MB (import profile, memray). The file is only ever read here.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

FILE_NAME: Final = "sql.db"
HEAD: Final = "0001"
"""The newest migration, known here so that looking costs one statement instead of importing Alembic."""
_PATIENCE_SECONDS: Final = 0.05


def sqlite_path(folder: Path) -> Path:
    return folder / FILE_NAME


def is_current(path: Path) -> bool:
    """Whether the schema is this release's. False also where that cannot be told: then ask the database."""
    try:
        with _read_only(path) as connection:
            return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    except sqlite3.Error:
        return False


def owes(path: Path) -> bool:
    """Whether anything is in the outbox, due or not. True also where that cannot be told: then ask the outbox."""
    try:
        with _read_only(path) as connection:
            return connection.execute("SELECT 1 FROM outbox LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    address = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)) as connection:
        yield connection
