"""The embedded queues: one SQLite file that behaves like Azure Storage Queues.

At least once: a received message stays hidden for its visibility time-out and comes back unless it is deleted. After
`MAX_TRIES` it moves to `<name>-poison`. Nothing is lost with the process: a send returns after the commit is on disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

from adapters.queues.messages import encode_message
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import NO_DELAY

MAX_TRIES: Final = 5
"""host.json, `extensions.queues.maxDequeueCount`."""
POISON: Final = "-poison"

T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    inserted_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    dequeue_count INTEGER NOT NULL DEFAULT 0,
    pop_receipt TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS by_queue ON messages (queue, visible_at, seq);
"""
_TAKE: Final = """
UPDATE messages SET visible_at = ?, dequeue_count = dequeue_count + 1, pop_receipt = ? WHERE seq = ?
RETURNING id, queue, body, inserted_at, visible_at, dequeue_count, pop_receipt
"""
_PEEK: Final = """
SELECT id, queue, body, inserted_at, visible_at, dequeue_count, pop_receipt FROM messages
WHERE ? IS NULL OR queue = ? ORDER BY seq LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message. *pop_receipt* proves the latest receipt: an older one can no longer delete it."""

    id: str
    queue: str
    body: str = field(repr=False)
    inserted_at: datetime
    visible_at: datetime
    dequeue_count: int
    pop_receipt: str = field(repr=False)


class SqliteQueue:
    """All access goes through one thread, so an fsync never stalls the event loop."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queues")
        self._connection: sqlite3.Connection | None = None
        self.arrived = asyncio.Event()
        """Set by each send, so that a consumer in this process need not poll; the consumer clears it."""

    async def send(self, name: str, payload: dict[str, Any], *, delay: timedelta = NO_DELAY) -> None:
        """Raises ValueError for a payload that is too large, Unavailable when the file cannot be written."""
        body = encode_message(name, payload)
        now = _millis(self._clock.now())

        def insert(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO messages (id, queue, body, inserted_at, visible_at) VALUES (?, ?, ?, ?, ?)",
                (str(uuid4()), name, body, now, now + _length(delay)),
            )

        await self._run(insert)
        self.arrived.set()

    async def receive(
        self, name: str, *, limit: int = 8, visibility: timedelta = timedelta(seconds=30)
    ) -> list[QueuedMessage]:
        """The oldest visible messages, hidden from now on for *visibility*. Worn-out ones go to poison instead."""
        now = _millis(self._clock.now())
        until = now + _length(visibility)

        def take(db: sqlite3.Connection) -> list[QueuedMessage]:
            db.execute(
                "UPDATE messages SET queue = queue || ?, visible_at = ?, dequeue_count = 0, pop_receipt = '' "
                "WHERE queue = ? AND visible_at <= ? AND dequeue_count >= ?",
                (POISON, now, name, now, MAX_TRIES),
            )
            rows = db.execute(
                "SELECT seq FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, seq LIMIT ?",
                (name, now, limit),
            ).fetchall()
            taken = []
            for (seq,) in rows:
                row = db.execute(_TAKE, (until, uuid4().hex, seq)).fetchone()
                taken.append(_message(row))
            return taken

        return await self._run(take)

    async def delete(self, message: QueuedMessage) -> bool:
        """The work is done. False when the message was received again meanwhile: the other one will delete it."""

        def remove(db: sqlite3.Connection) -> bool:
            held = db.execute(
                "DELETE FROM messages WHERE id = ? AND pop_receipt = ?", (message.id, message.pop_receipt)
            )
            return held.rowcount == 1

        return await self._run(remove)

    async def give_back(self, message: QueuedMessage, *, after: timedelta) -> None:
        """The work failed: show the message again *after* this long, or move it to poison when worn out."""
        again = _millis(self._clock.now()) + _length(after)

        def update(db: sqlite3.Connection) -> None:
            if message.dequeue_count >= MAX_TRIES:
                db.execute(
                    "UPDATE messages SET queue = queue || ?, visible_at = ?, dequeue_count = 0, pop_receipt = '' "
                    "WHERE id = ? AND pop_receipt = ?",
                    (POISON, again, message.id, message.pop_receipt),
                )
            else:
                db.execute(
                    "UPDATE messages SET visible_at = ? WHERE id = ? AND pop_receipt = ?",
                    (again, message.id, message.pop_receipt),
                )

        await self._run(update)

    async def release(self) -> None:
        """Show everything now: for the one process that consumes, at its start, when nobody else can hold anything."""
        now = _millis(self._clock.now())
        await self._run(lambda db: db.execute("UPDATE messages SET visible_at = ? WHERE visible_at > ?", (now, now)))

    async def peek(self, name: str | None = None, *, limit: int = 100) -> list[QueuedMessage]:
        """What is queued, visible or not, oldest first, of one queue or of all. Changes nothing."""

        def read(db: sqlite3.Connection) -> list[QueuedMessage]:
            rows = db.execute(_PEEK, (name, name, limit))
            return [_message(row) for row in rows]

        return await self._run(read)

    async def next_visible(self) -> datetime | None:
        """When the next message outside the poison queues becomes visible (maybe long ago); None if there is none."""

        def read(db: sqlite3.Connection) -> int | None:
            row = db.execute("SELECT MIN(visible_at) FROM messages WHERE queue NOT LIKE ?", (f"%{POISON}",)).fetchone()
            return None if row[0] is None else int(row[0])

        millis = await self._run(read)
        return None if millis is None else _moment(millis)

    async def ping(self) -> None:
        await self._run(lambda db: db.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable from error

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._open()
        db.execute("BEGIN IMMEDIATE")
        try:
            result = work(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
                db.executescript(_SCHEMA)
            except BaseException:
                db.close()
                raise
            self._connection = db
        return self._connection


def _message(row: tuple[str, str, str, int, int, int, str]) -> QueuedMessage:
    message_id, queue, body, inserted_at, visible_at, dequeue_count, pop_receipt = row
    return QueuedMessage(message_id, queue, body, _moment(inserted_at), _moment(visible_at), dequeue_count, pop_receipt)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _length(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)
