"""When the outbox is asked: rarely enough for a database to sleep, often enough for nothing to be lost."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.sweeping import TICK, Debts, SqlSweep, begins
from tests.factories import ManualClock

SIX_HOURS = timedelta(hours=6)
MIDNIGHT = datetime(2026, 1, 20, tzinfo=UTC)


class Outbox:
    def __init__(self) -> None:
        self.sweeps = 0

    async def sweep(self, *, batch: int = 100) -> int:  # noqa: ARG002 - the port's
        self.sweeps += 1
        return 3


@pytest.mark.parametrize(
    ("after_midnight", "due"),
    [(timedelta(), True), (timedelta(seconds=14), True), (timedelta(seconds=15), False), (timedelta(hours=5), False)],
)
def test_a_period_begins_at_the_same_moment_everywhere(after_midnight: timedelta, *, due: bool) -> None:
    assert begins(MIDNIGHT + after_midnight, SIX_HOURS) is due


async def test_a_day_of_ticks_wakes_a_sleeping_database_four_times() -> None:
    outbox, clock = Outbox(), ManualClock(MIDNIGHT)
    sweep = SqlSweep(lambda: outbox, Debts(), clock, SIX_HOURS)
    for _ in range(int(timedelta(days=1) / TICK)):
        await sweep.run()
        clock.advance(TICK)
    assert outbox.sweeps == 4


async def test_what_is_known_to_be_left_is_swept_at_the_next_tick() -> None:
    outbox, debts = Outbox(), Debts(known=True)
    sweep = SqlSweep(lambda: outbox, debts, ManualClock(MIDNIGHT + timedelta(hours=1)), SIX_HOURS)
    assert await sweep.run() == 3
    debts.known = False
    assert await sweep.run() == 0


async def test_an_embedded_database_is_asked_at_every_tick() -> None:
    outbox = Outbox()
    await SqlSweep(lambda: outbox, Debts(), ManualClock(MIDNIGHT + timedelta(hours=1)), timedelta()).run()
    assert outbox.sweeps == 1
