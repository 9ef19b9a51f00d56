"""Group commit: many writes share one transaction and one fsync, and are answered when it is on the disk.

The writes themselves take microseconds and run in the event loop; only COMMIT, which waits for the disk, runs in a
thread. Were the writes in the thread, each statement would fight the loop for the interpreter lock, and lose.
While a commit is under way, further writes gather and make the next group.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from domain.kernel.errors import Unavailable

T = TypeVar("T")
Work = Callable[[], T]

MOST_WRITES_A_GROUP: Final = 128
"""Bounds how long one group holds the loop: about 2 ms."""


@dataclass
class _Group:
    done: list[tuple[asyncio.Future[Any], Any]] = field(default_factory=list)
    refused: list[tuple[asyncio.Future[Any], Exception]] = field(default_factory=list)

    def settle(self) -> None:
        for future, result in self.done:
            if not future.done():  # its caller may have gone away
                future.set_result(result)
        for future, error in self.refused:
            if not future.done():
                future.set_exception(error)

    def fail(self) -> None:
        """Nothing of the group was kept."""
        for future, _ in [*self.done, *self.refused]:
            if not future.done():
                future.set_exception(Unavailable())


class GroupCommit:
    """Owns the writing connection. Belongs to one event loop."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: deque[tuple[Work[Any], asyncio.Future[Any]]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents-commit")

    async def run(self, work: Work[T]) -> T:
        """Call *work*, which writes to the connection, and return its result once it is durable.

        *work* must either raise or write, not both: a group has no savepoints. When the caller is cancelled before
        its group begins, *work* is not called; after that it happens whole. Raises what *work* raises, and
        Unavailable when nothing could be kept (the disk is full).
        """
        if self._closed:
            raise Unavailable
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, future))
        if self._idle.is_set():
            self._idle.clear()
            loop.call_soon(self._begin, loop)  # soon, not now: what else this turn of the loop brings joins
        return await future

    async def close(self) -> None:
        """Finish what was begun, then end the thread. Writes that come later raise Unavailable."""
        self._closed = True
        await self._idle.wait()
        self._thread.shutdown()
        self._connection.close()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group = _Group()
        try:
            changes = self._connection.total_changes
            self._connection.execute("BEGIN IMMEDIATE")
            self._write(group)
            if self._connection.total_changes == changes:
                self._connection.execute("ROLLBACK")
                self._end(loop, group)
                return
        except sqlite3.Error:
            self._undo(group)
            self._end(loop, group)
            return
        commit = loop.run_in_executor(self._thread, self._commit)
        commit.add_done_callback(lambda committed: self._committed(loop, group, committed))

    def _write(self, group: _Group) -> None:
        while self._waiting and len(group.done) + len(group.refused) < MOST_WRITES_A_GROUP:
            work, future = self._waiting.popleft()
            if future.done():
                continue
            try:
                group.done.append((future, work()))
            except sqlite3.Error:
                group.done.append((future, None))
                raise
            except Exception as error:  # noqa: BLE001 - handed to the caller whose work it is
                group.refused.append((future, error))

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def _committed(self, loop: asyncio.AbstractEventLoop, group: _Group, commit: asyncio.Future[None]) -> None:
        if commit.cancelled() or commit.exception() is not None:
            self._undo(group)
        self._end(loop, group)

    def _undo(self, group: _Group) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        group.fail()

    def _end(self, loop: asyncio.AbstractEventLoop, group: _Group) -> None:
        group.settle()
        if self._waiting:
            loop.call_soon(self._begin, loop)
        else:
            self._idle.set()
