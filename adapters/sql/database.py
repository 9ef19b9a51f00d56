"""Transactions: the one way to the database. Blocking work runs in slots, errors become the product's own."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.resilience import Guard
from adapters.sql.errors import RETRY_AFTER_SECONDS, Duplicate, Meaning, SqlUnavailable, meaning_of
from adapters.sql.slots import Slots

T = TypeVar("T")
Work = Callable[[Connection], T]

WAKING: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0)
"""Seconds between attempts while the server refuses: a paused serverless database needs up to a minute to resume."""


class Refused(Exception):
    """The server would not do it now; nothing was kept."""


class Again(Refused):
    """Raised by work that lost a race which the same work would now win: it is rolled back and run again."""


class Database:
    """One engine, some threads.

    Work is a function of an open connection, runs inside one transaction, and may run more than once (a deadlock, a
    waking server): it must not touch anything but its connection. What it raises rolls back and flies through;
    a driver's error becomes Duplicate, SqlUnavailable, or a fault of ours.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        reads: Slots,
        writes: Slots,
        pauses: Sequence[float] = WAKING,
        idle_after: timedelta | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._engine = engine
        self._writing = engine.execution_options(tools_write=True)  # SQLite takes its write lock at once, see `sqlite`
        self._reads = reads
        self._writes = writes
        self._pauses = pauses
        self._idle_after = idle_after
        self._guard = guard
        self._running = 0
        self._idle: asyncio.TimerHandle | None = None
        self._letting_go: asyncio.Future[None] | None = None

    @property
    def engine(self) -> Engine:
        return self._engine

    async def read(self, work: Work[T]) -> T:
        """Run *work* in a transaction that only reads. Raises SqlUnavailable, SlotsTaken."""
        return await self._attempt(self._reads, partial(transact, self._engine, work))

    async def write(self, work: Work[T]) -> T:
        """Run *work* in one transaction. Raises Duplicate, SqlUnavailable, SlotsTaken.

        After SqlUnavailable the transaction may have been committed all the same, when the answer to the commit
        itself was lost: the work's own unique key must tell on a second try.
        """
        return await self._attempt(self._writes, partial(transact, self._writing, work))

    async def ping(self) -> None:
        """Raises SqlUnavailable, SlotsTaken."""
        await self.read(lambda connection: connection.execute(select(1)).one())

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._letting_go is not None:
            await self._letting_go
        for slots in {self._reads, self._writes}:
            await asyncio.to_thread(slots.close)
        await asyncio.to_thread(self._engine.dispose)

    async def _attempt(self, slots: Slots, attempt: Callable[[], T]) -> T:
        if self._guard is None:
            return await self._tried(slots, attempt)
        async with self._guard.call():
            return await self._tried(slots, attempt)

    async def _tried(self, slots: Slots, attempt: Callable[[], T]) -> T:
        self._running += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            if self._letting_go is not None:  # a connection taken from a pool while it is disposed of is never closed
                await asyncio.shield(self._letting_go)
            return await self._repeated(slots, attempt)
        finally:
            self._running -= 1
            self._watch_idleness()

    async def _repeated(self, slots: Slots, attempt: Callable[[], T]) -> T:
        pauses = iter(self._pauses)
        while True:
            try:
                return await slots.run(attempt)
            except Refused as error:
                pause = next(pauses, None)
                if pause is None:
                    raise SqlUnavailable(retry_after=RETRY_AFTER_SECONDS) from error
                await asyncio.sleep(0 if isinstance(error, Again) else pause)

    def _watch_idleness(self) -> None:
        """Let go of idle connections: one that is held keeps a serverless database from pausing, and costs."""
        if self._idle_after is None or self._running:
            return
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._idle_after.total_seconds(), self._let_go)

    def _let_go(self) -> None:
        self._letting_go = asyncio.get_running_loop().run_in_executor(None, self._engine.dispose)


def transact(engine: Engine, work: Work[T]) -> T:
    """Run *work* in one transaction of *engine*, in this thread."""
    committing = False
    try:
        with engine.connect() as connection, connection.begin():
            result = work(connection)
            committing = True
        return result  # noqa: TRY300 - the commit above is what may fail
    except SQLAlchemyError as error:
        match meaning_of(error):
            case Meaning.DUPLICATE:
                raise Duplicate from error
            case Meaning.TRANSIENT if not committing:
                raise Refused from error
            case Meaning.TRANSIENT | Meaning.AWAY:
                raise SqlUnavailable(retry_after=RETRY_AFTER_SECONDS) from error
            case _:
                raise
