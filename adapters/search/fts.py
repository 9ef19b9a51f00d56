"""Searching with SQLite's FTS5, beside the embedded document store.

The index is a copy that may be lost: before a search each conversation's changes since the last one are read from the
document store (`changedAt`), so sending pays nothing, and a missing or broken file is simply filled again. Hits are
read from the store, which has the last word.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from domain.chat.model import Message, partition_of
from domain.chat.records import message_of
from domain.chat.search import Hits, is_hit
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query
from domain.kernel.errors import Unavailable
from domain.kernel.ids import uuid7
from domain.kernel.names import words

T = TypeVar("T")
ROOMS: Final = 200
OVERLAP: Final = timedelta(minutes=1)
"""Looked at again each time: a change counts from when it was made, and is stored a moment later."""

_PAGE: Final = 1000
_LAST: Final = "g"
"""Above every id in hexadecimal."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS message (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, room TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS message_of_room ON message (room, id);
CREATE TABLE IF NOT EXISTS progress (room TEXT PRIMARY KEY, upto TEXT NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5(words, tokenize = 'unicode61 remove_diacritics 2');
"""
_FIND: Final = """
SELECT message.id FROM said JOIN message ON message.number = said.rowid
WHERE said MATCH ? AND message.room IN (SELECT value FROM json_each(?)) AND message.id < ?
ORDER BY message.id DESC LIMIT ?
"""


class FtsIndex:
    """A `MessageIndex`. Its file belongs to the process that holds the document store's."""

    def __init__(self, path: Path, documents: DocumentStore) -> None:
        self.rooms = ROOMS
        self._documents = documents
        self._connection = _open(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._filling = asyncio.Lock()

    async def find(
        self, conversation_ids: Sequence[str], wanted: Sequence[str], *, below: str | None, limit: int
    ) -> Hits:
        async with self._filling:
            for room in conversation_ids:
                await self._catch_up(room)
        match = " AND ".join(f'"{word}"*' for word in wanted)
        rooms = "[" + ",".join(f'"{room}"' for room in conversation_ids) + "]"
        ids = await self._run(self._find, match, rooms, below or _LAST, limit + 1)
        keys = [(partition_of(message_id), message_id) for message_id in ids[:limit]]
        found = await self._documents.find_many(CHAT, keys) if keys else []
        messages = [message_of(stored.item) for stored in found if stored is not None]
        hits = [message for message in messages if is_hit(message, wanted)]
        return Hits(hits, ids[limit - 1] if len(ids) > limit else None)

    async def forget(self, conversation_id: str, *, before: datetime) -> None:
        await self._run(self._drop, conversation_id, uuid7(millis=int(before.timestamp() * 1000), low_bits=0))

    async def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()

    async def _catch_up(self, room: str) -> None:
        above: str | None = await self._run(self._progress, room)
        while True:
            query = Query(order="changedAt", above=above, eq={"type": "message"}, limit=_PAGE)
            page = [stored.item for stored in await self._documents.query(CHAT, partition_of(room), query)]
            if page:
                above = page[-1]["changedAt"]
                await self._run(self._take, room, [message_of(item) for item in page], above)
            if len(page) < _PAGE:
                return

    def _progress(self, room: str) -> str | None:
        row = self._connection.execute("SELECT upto FROM progress WHERE room = ?", (room,)).fetchone()
        if row is None:
            return None
        return to_iso(from_iso(row[0].partition("Z")[0] + "Z") - OVERLAP)

    def _take(self, room: str, messages: Sequence[Message], upto: str) -> None:
        connection = self._connection
        with connection:
            connection.execute("BEGIN")
            for message in messages:
                connection.execute("INSERT OR IGNORE INTO message (id, room) VALUES (?, ?)", (message.id, room))
                number = connection.execute("SELECT number FROM message WHERE id = ?", (message.id,)).fetchone()[0]
                connection.execute("DELETE FROM said WHERE rowid = ?", (number,))
                if message.text:
                    said = " ".join(words(message.text))
                    connection.execute("INSERT INTO said (rowid, words) VALUES (?, ?)", (number, said))
            connection.execute("INSERT OR REPLACE INTO progress (room, upto) VALUES (?, ?)", (room, upto))

    def _drop(self, room: str, floor: str) -> None:
        """Ids begin with their time, so *floor* is above those of all older messages."""
        with self._connection as connection:
            connection.execute("BEGIN")
            old = "SELECT number FROM message WHERE room = ? AND id < ?"
            connection.execute(f"DELETE FROM said WHERE rowid IN ({old})", (room, floor))  # noqa: S608 - no input in it
            connection.execute("DELETE FROM message WHERE room = ? AND id < ?", (room, floor))

    def _find(self, match: str, rooms: str, below: str, limit: int) -> list[str]:
        return [row[0] for row in self._connection.execute(_FIND, (match, rooms, below, limit))]

    async def _run(self, work: Callable[..., T], *values: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
        except (sqlite3.Error, RuntimeError) as error:  # RuntimeError: closed
            raise Unavailable from error


def _open(path: Path) -> sqlite3.Connection:
    """Open the file; one that cannot be read is made anew, as nothing in it is lost by that."""
    try:
        return _prepare(path)
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).unlink()
        return _prepare(path)


def _prepare(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # what is in it concerns nobody else
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.execute("PRAGMA synchronous=OFF").close()  # what a power cut breaks is filled again
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
