"""The outbox in SQL: hands over what a transaction promised.  docs/adr/0061 says why it seldom asks the database."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select

from adapters.sql.database import Database
from adapters.sql.form_rows import read_task
from adapters.sql.sweeping import Debts
from adapters.sql.tables import OUTBOX
from domain.kernel.clock import Clock
from domain.kernel.outbox import Queue, Task

_LOG: Final = logging.getLogger(__name__)


class SqlOutbox:
    """Every task arrives at least once: what is queued is deleted after, so a crash between the two repeats it."""

    def __init__(self, database: Database, queue: Queue, debts: Debts, clock: Clock) -> None:
        self._database = database
        self._queue = queue
        self._debts = debts
        self._clock = clock

    async def hand_over(self, tasks: Sequence[Task]) -> None:
        """Queue *tasks*, which are in the outbox, and delete them there.

        Raises nothing: what they belong to is durable already, and what fails now, a sweep will hand over.
        """
        try:
            await self._deliver(tasks)
        except Exception:  # noqa: BLE001 - whatever it is, the caller can do nothing about it, and has its answer
            self._debts.known = True
            _LOG.warning("outbox: %d tasks wait for the sweep", len(tasks), exc_info=True)

    async def sweep(self, *, batch: int = 100) -> int:
        """Hand over all that is due, oldest first; returns how many. Raises the first failure."""
        handed_over = 0
        while due := await self._find_due(batch):
            await self._deliver(due)
            handed_over += len(due)
            if len(due) < batch:
                return handed_over
        self._debts.known = False
        return handed_over

    async def _find_due(self, limit: int) -> list[Task]:
        now = self._clock.now()
        return await self._database.read(lambda connection: _due(connection, now, limit))

    async def _deliver(self, tasks: Sequence[Task]) -> None:
        """Queue what can be queued, and delete just that. Raises the first failure."""
        results = await asyncio.gather(
            *(self._queue.send(task.queue, task.payload) for task in tasks), return_exceptions=True
        )
        sent = [task.id for task, result in zip(tasks, results, strict=True) if result is None]
        now = self._clock.now()
        if sent:
            self._debts.known = await self._database.write(lambda connection: _forget(connection, sent, now))
        for result in results:
            if result is not None:
                raise result


def _due(connection: Connection, now: datetime, limit: int) -> list[Task]:
    due = select(OUTBOX.c.id, OUTBOX.c.queue, OUTBOX.c.payload).where(OUTBOX.c.due_at <= now)
    return [read_task(row) for row in connection.execute(due.order_by(OUTBOX.c.due_at).limit(limit)).mappings()]


def _forget(connection: Connection, ids: list[str], now: datetime) -> bool:
    """Delete what was queued. Returns whether something else is due: left by an instance that crashed, say."""
    connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(ids)))
    return bool(_due(connection, now, 1))
