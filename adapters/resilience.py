"""One guard around each dependency: how many calls may be under way, and whether it is asked at all.

A dependency that hangs holds its slots and nothing else: who finds none free hears Unavailable soon. One that failed
several times running is left alone for a while, then asked by a single caller (half open), whose answer decides for
all. `docs/dependencies.md` has the numbers of each.

Each turn of a circuit is one line in the log, `circuit <service> <state>: <why>`, and that is its metric: the Functions
host carries lines to Application Insights, and drops what a logger has beside them. The alert `left-alone` in
infra/bicep/modules/alerts.bicep and the queries in `docs/deploy.md` count these lines.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final

from domain.kernel.errors import Unavailable

log = logging.getLogger(__name__)

LONGEST_REST_SECONDS: Final = 30.0


class Circuit(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class NotAsked(Unavailable):
    """The dependency was not asked: it is being left alone, or every slot is taken."""


@dataclass(frozen=True, slots=True)
class Limits:
    """*slots* calls at once; a further one waits *patience* seconds for a slot. After *failures* in a row the
    dependency is left alone for *rest* seconds, twice as long after each failed probe, `LONGEST_REST_SECONDS` at most.
    """

    slots: int = 32
    patience: float = 0.25
    failures: int = 5
    rest: float = 1.0


class Guard:
    """*answered* are the errors by which a dependency shows that it is there: they count as an answer."""

    def __init__(
        self,
        name: str,
        limits: Limits = Limits(),
        *,
        answered: tuple[type[Unavailable], ...] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._limits = limits
        self._answered = (*answered, NotAsked)
        self._now = now
        self._free = asyncio.Semaphore(limits.slots)
        self._failed = 0
        self._rest = limits.rest
        self._open_until: float | None = None
        self._probing = False

    @property
    def circuit(self) -> Circuit:
        if self._open_until is None:
            return Circuit.CLOSED
        return Circuit.OPEN if self._now() < self._open_until else Circuit.HALF_OPEN

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Around one call, which ends by itself and raises Unavailable where nobody answers. Raises NotAsked."""
        probe = self._admit()
        try:
            await self._take_slot()
            try:
                yield
            finally:
                self._free.release()
        except Unavailable as error:
            if isinstance(error, self._answered):
                self._settle(error)
            else:
                self._fail()
            raise
        except Exception:
            self._succeed()  # an answer, if not the one hoped for
            raise
        else:
            self._succeed()
        finally:
            if probe:
                self._probing = False

    def _admit(self) -> bool:
        """Whether this call is the probe. Raises NotAsked."""
        match self.circuit:
            case Circuit.CLOSED:
                return False
            case Circuit.HALF_OPEN if not self._probing:
                self._probing = True
                self._tell(Circuit.HALF_OPEN, "one caller asks")
                return True
            case _:
                left = (self._open_until or 0.0) - self._now()
                raise NotAsked(retry_after=max(1.0, left))

    async def _take_slot(self) -> None:
        if not self._free.locked():
            await self._free.acquire()  # at once: no need for a timer
            return
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._free.acquire()
        except TimeoutError:
            log.warning("%s: all %d slots are taken", self.name, self._limits.slots)
            raise NotAsked(retry_after=1.0) from None

    def _settle(self, error: Unavailable) -> None:
        if not isinstance(error, NotAsked):
            self._succeed()

    def _succeed(self) -> None:
        if self._open_until is not None:
            self._tell(Circuit.CLOSED, "it answers again")
        self._failed, self._rest, self._open_until = 0, self._limits.rest, None

    def _fail(self) -> None:
        self._failed += 1
        again = self._open_until is not None
        if not again and self._failed < self._limits.failures:
            return
        if again:
            if self.circuit is Circuit.OPEN:
                return  # a call from before the rest began: old news
            self._rest = min(self._rest * 2, LONGEST_REST_SECONDS)
        self._open_until = self._now() + self._rest
        self._tell(Circuit.OPEN, f"left alone for {self._rest:.0f} s after {self._failed} failures")

    def _tell(self, state: Circuit, why: str) -> None:
        log.warning("circuit %s %s: %s", self.name, state.value, why)
