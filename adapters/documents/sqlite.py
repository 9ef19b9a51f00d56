"""The document store in one SQLite file, held by one process: `make dev`, and the tests.

Reads run in the event loop (8 µs each; through a thread they would take ten times that) on a connection of their own,
which never waits for the writer (WAL). A read that turns out long is given up after 5 ms and done in a thread.
Writes: `adapters/documents/sqlite_commit.py`. See `docs/adr/0010-embedded-document-store.md`.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from adapters.documents import rules, sqlite_query, sqlite_schema
from adapters.documents.lock import FileLock
from adapters.documents.sqlite_commit import GroupCommit
from adapters.documents.sqlite_write import Partition, decode_item, do_all, etags
from domain.kernel.clock import Clock, SystemClock
from domain.kernel.containers import CONTAINERS, Container
from domain.kernel.documents import (
    Create,
    Delete,
    Item,
    ItemNotFound,
    Operation,
    Patch,
    Query,
    Replace,
    Stored,
    Upsert,
)
from domain.kernel.errors import Unavailable

_FIND: Final = 'SELECT body, etag, expires_at FROM "{}" WHERE pk = ? AND id = ?'
_SWEEP: Final = """
DELETE FROM "{0}" WHERE (pk, id) IN (SELECT pk, id FROM "{0}" WHERE expires_at <= ? ORDER BY expires_at LIMIT 500)
"""
_SWEEP_EVERY_SECONDS: Final = 60.0
_LOOP_SECONDS: Final = 0.005
_LOOP_LIMIT: Final = 200
"""Pages above this many items are read in the thread: decoding them would hold the loop."""
_STEPS_BETWEEN_LOOKS: Final = 2000


class SqliteDocuments:
    """A `DocumentStore`. Belongs to one event loop; items that expired are gone at once and swept with later writes."""

    def __init__(self, path: Path, clock: Clock | None = None, containers: Sequence[Container] = CONTAINERS) -> None:
        """Open or create the file. Raises StoreInUse when another process holds it, StoreUnusable when it is broken."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        try:
            self._writer = sqlite_schema.prepare(path, containers)
        except BaseException:
            self._lock.release()
            raise
        self._clock = clock or SystemClock()
        self._containers = {container.name: container for container in containers}
        self._commits = GroupCommit(self._writer)
        self._reader = sqlite_schema.connect(path, read_only=True)
        self._reader.set_progress_handler(self._is_overdue, _STEPS_BETWEEN_LOOKS)
        self._scanner = sqlite_schema.connect(path, read_only=True)
        self._scans = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents-scan")
        self._deadline = 0.0
        self._new_etag = etags()
        self._next_sweep = 0.0
        self._closed = False

    async def find(self, container: str, pk: str, item_id: str) -> Stored | None:
        self._check(container)
        return self._find(container, pk, item_id)

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        self._check(container)
        rules.check_find_many(keys)
        return [self._find(container, pk, item_id) for pk, item_id in keys]

    async def create(self, container: str, item: Item) -> Stored:
        return await self._write_item(container, Create(item), item)

    async def upsert(self, container: str, item: Item) -> Stored:
        return await self._write_item(container, Upsert(item), item)

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        return await self._write_item(container, Replace(item, if_match), item)

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        self._check(container)
        rules.check_patch(change)
        rules.check_key(pk, change.id)
        stored = await self._write_one(container, pk, change, None)
        if stored is None:
            raise ItemNotFound
        return stored

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        self._check(container)
        rules.check_key(pk, item_id)
        await self._write_one(container, pk, Delete(item_id, if_match), None)

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        self._check(container)
        texts = rules.check_batch(pk, operations)
        if not operations:
            return []

        def work() -> list[Stored | None]:
            return do_all(self._partition(container, pk), operations, texts)

        return await self._commits.run(work)

    async def query(self, container: str, pk: str, query: Query) -> list[Stored]:
        return await self._query(container, pk, query)

    async def query_everywhere(self, container: str, query: Query) -> list[Stored]:
        return await self._query(container, None, query)

    async def ping(self) -> None:
        if self._closed:
            raise Unavailable
        self._read("SELECT 1", ())

    async def close(self) -> None:
        """Finish what was begun, and let go of the file. May be called twice."""
        if self._closed:
            return
        self._closed = True
        await self._commits.close()
        self._scans.shutdown()
        self._reader.close()
        self._scanner.close()
        self._lock.release()

    def _check(self, container: str) -> None:
        if self._closed:
            raise Unavailable
        if container not in self._containers:
            raise ValueError(f"there is no container {container}")

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _find(self, container: str, pk: str, item_id: str) -> Stored | None:
        if not rules.is_key(pk, item_id):
            return None
        rows = self._read(_FIND.format(container), (pk, item_id))
        if not rows:
            return None
        body, etag, expires_at = rows[0]
        if expires_at is not None and expires_at <= self._now():
            return None
        return Stored(decode_item(body), etag)

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        # No deadline: SQLite counts a kept statement's steps over all its runs, so it looks at the clock in short reads
        # too, now and then, and a machine that paused just there would make one fail.
        self._deadline = math.inf
        try:
            return self._reader.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable from error

    def _is_overdue(self) -> bool:
        return time.perf_counter() > self._deadline

    async def _query(self, container: str, pk: str | None, query: Query) -> list[Stored]:
        self._check(container)
        rules.check_query(self._containers[container], query, everywhere=pk is None)
        sql, values = sqlite_query.select(container, pk, query, self._now())
        if query.limit <= _LOOP_LIMIT:
            self._deadline = time.perf_counter() + _LOOP_SECONDS
            try:
                return _stored(self._reader.execute(sql, values).fetchall())
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise Unavailable from error
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._scans, self._scan, sql, values)
        except sqlite3.Error as error:
            raise Unavailable from error

    def _scan(self, sql: str, values: tuple[Any, ...]) -> list[Stored]:
        return _stored(self._scanner.execute(sql, values).fetchall())

    def _partition(self, container: str, pk: str) -> Partition:
        now = self._now()
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_EVERY_SECONDS
            for name in self._containers:
                self._writer.execute(_SWEEP.format(name), (now,))
        return Partition(self._writer, container, pk, now=now, new_etag=self._new_etag)

    async def _write_item(self, container: str, operation: Operation, item: Item) -> Stored:
        self._check(container)
        stored = await self._write_one(container, item["pk"], operation, rules.encode_item(item))
        if stored is None:
            raise ItemNotFound
        return stored

    async def _write_one(self, container: str, pk: str, operation: Operation, text: str | None) -> Stored | None:
        def work() -> Stored | None:
            partition = self._partition(container, pk)
            stored = partition.do(operation, text)
            partition.save()
            return stored

        return await self._commits.run(work)


def _stored(rows: list[tuple[str, str]]) -> list[Stored]:
    return [Stored(decode_item(body), etag) for body, etag in rows]
