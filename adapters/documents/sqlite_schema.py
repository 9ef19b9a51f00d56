"""The embedded store's file: a table for each container, an index for each member that queries order or filter by."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from adapters.documents.lock import StoreUnusable
from domain.kernel.containers import Container

VERSION: Final = 1

_COLUMNS: Final = frozenset({"pk", "id"})
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS "{name}" (
  pk TEXT NOT NULL,
  id TEXT NOT NULL,
  body TEXT NOT NULL,
  etag TEXT NOT NULL,
  expires_at REAL,
  PRIMARY KEY (pk, id)
) WITHOUT ROWID
"""
_EXPIRY: Final = """
CREATE INDEX IF NOT EXISTS "expiry:{name}" ON "{name}" (expires_at) WHERE expires_at IS NOT NULL
"""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection in autocommit; the store says when a transaction begins.

    WAL with synchronous=FULL: a commit returns when it is on the disk, and readers never wait for the writer.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=5.0
    )
    try:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "cache_size=-16384",  # 16 MiB
            "journal_size_limit=67108864",
            "temp_store=MEMORY",
            f"query_only={int(read_only)}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(path: Path, containers: Sequence[Container]) -> sqlite3.Connection:
    """Create or open the file, bring its indexes up to date, and return the connection to write with.

    Raises StoreUnusable.
    """
    connection = None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # what is in it concerns nobody else
        connection = connect(path, read_only=False)
        _bring_up_to_date(connection, path, containers)
    except (OSError, sqlite3.Error, StoreUnusable) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, StoreUnusable):
            raise
        raise StoreUnusable(f"{path} cannot be used: {error}.") from error
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, containers: Sequence[Container]) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] > VERSION:
        raise StoreUnusable(f"{path} was written by a newer version of this program.")
    declared = dict(_indexes(containers))
    connection.execute("BEGIN IMMEDIATE")
    for container in containers:
        connection.execute(_TABLE.format(name=container.name))
        connection.execute(_EXPIRY.format(name=container.name))
    existing = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'by:%'")
    for (name,) in existing.fetchall():
        if name not in declared:
            connection.execute(f'DROP INDEX "{name}"')
    for sql in declared.values():
        connection.execute(sql)
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def member_sql(member: str) -> str:
    """The expression for a top-level member; the same text in an index and in a query, or SQLite sees no match."""
    return member if member in _COLUMNS else f"json_extract(body, '$.{member}')"


def _indexes(containers: Sequence[Container]) -> Iterator[tuple[str, str]]:
    """Partial indexes: an item that lacks a member costs nothing."""
    for container in containers:
        within: list[tuple[str, ...]] = [("pk", member) for member in container.indexed]
        within += [tuple(dict.fromkeys(("pk", *pair))) for pair in container.composites if pair != ("pk", "id")]
        for members in dict.fromkeys([*within, *((member,) for member in container.swept)]):
            name = f"by:{container.name}:{','.join(members)}"
            columns = ", ".join(member_sql(member) for member in members)
            present = " AND ".join(f"{member_sql(member)} IS NOT NULL" for member in members if member not in _COLUMNS)
            yield name, f'CREATE INDEX IF NOT EXISTS "{name}" ON "{container.name}" ({columns}) WHERE {present}'
