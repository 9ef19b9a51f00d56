"""SQLite in the place of Azure SQL: durable when acknowledged, one writer at a time."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event

from adapters.sql.database import Database
from adapters.sql.slots import Slots
from adapters.sql.sqlite_file import sqlite_path

READERS: Final = 4
BUSY_MILLISECONDS: Final = 5000


def sqlite_engine(path: Path) -> Engine:
    """An engine for the file at *path*, made if absent, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=READERS + 1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_MILLISECONDS / 1000},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def sqlite_database(folder: Path, *, patience: timedelta = timedelta(seconds=10)) -> Database:
    """The database in *folder*. Writers queue for one thread here, instead of polling for SQLite's lock."""
    return Database(
        sqlite_engine(sqlite_path(folder)),
        reads=Slots(READERS, patience=patience, name="sql-read"),
        writes=Slots(1, patience=patience, name="sql-write"),
        pauses=(0.0, 0.0, 0.0),
    )


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver leaves BEGIN to us, and so DDL is transactional too
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # an acknowledged commit survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later can meet SQLITE_BUSY_SNAPSHOT, which no waiting cures: so
    # writers take the lock at the start.
    writes = connection.get_execution_options().get("tools_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
