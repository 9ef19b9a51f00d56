"""When to ask the SQL outbox what is left, without waking a database that sleeps.  See docs/adr/0061.

Imports nothing of SQL: a timer runs this in instances that may never need it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from domain.kernel.clock import Clock

TICK: Final = timedelta(seconds=15)
"""How often the timer in `blueprints/jobs.py` comes round."""


@dataclass
class Debts:
    """What this process knows to be left over: a queue was down, or another instance's tasks were seen lying there."""

    known: bool = False


class Sweeps(Protocol):
    async def sweep(self, *, batch: int = 100) -> int: ...


@dataclass(frozen=True, slots=True)
class SqlSweep:
    """*outbox* is built only when there is something to do. A *period* of zero sweeps at every tick.

    Where *owes* can tell for little that nothing is left, a sweep that is due is left out.
    """

    outbox: Callable[[], Sweeps]
    debts: Debts
    clock: Clock
    period: timedelta
    owes: Callable[[], bool] = lambda: True

    async def run(self) -> int:
        """Sweep if something is known to be left, or once a *period*. Returns how many tasks were handed over."""
        if self.debts.known or (begins(self.clock.now(), self.period) and self.owes()):
            return await self.outbox().sweep()
        return 0


def begins(now: datetime, period: timedelta) -> bool:
    """Whether a period (counted from the epoch, so all instances agree) has begun since the tick before."""
    if period <= TICK:
        return True
    seconds, ticks = now.timestamp(), TICK.total_seconds()
    return int(seconds // period.total_seconds()) != int((seconds - ticks) // period.total_seconds())
