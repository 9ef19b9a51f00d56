"""Whether the services behind us answer."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from adapters.resilience import Guard

logger = logging.getLogger("runtime")
TIME_LIMIT_SECONDS: Final = 2.0
"""For each check; they run side by side."""
FRESH_SECONDS: Final = 1.0
"""A finding this young is given again: probes, and whoever plays with the address, cost one round a second."""


@dataclass(frozen=True, slots=True)
class Check:
    """*required*: without this service the product is down, not just poorer.

    *part* is built when it is first asked, so one that cannot be built is down. *ask* names its method that raises
    when the service does not answer.
    """

    name: str
    required: bool
    part: Callable[[], object]
    ask: str = "ping"
    note: str | None = None
    """What an operator should know of how this stands, whether it answers or not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """*circuit* is `closed`, `open` or `half_open`; None where nothing is between us and the part."""

    name: str
    required: bool
    up: bool
    latency_ms: float
    circuit: str | None = None
    note: str | None = None


class Readiness:
    """Asks every service at once, and remembers the answers for a moment."""

    def __init__(self, checks: Sequence[Check], guards: Mapping[str, Guard] | None = None) -> None:
        self._checks = checks
        self._guards = {} if guards is None else guards
        self._asked_at = 0.0
        self._round: asyncio.Task[list[Finding]] | None = None

    async def look(self) -> list[Finding]:
        """In the order of the checks. Takes at most `TIME_LIMIT_SECONDS`; never raises."""
        now = perf_counter()
        if self._round is None or (self._round.done() and now - self._asked_at > FRESH_SECONDS):
            self._round = asyncio.create_task(self._ask_all())
            self._asked_at = now
        return await asyncio.shield(self._round)  # a probe that hangs up does not stop the others' round

    async def _ask_all(self) -> list[Finding]:
        return list(await asyncio.gather(*(self._ask(check) for check in self._checks)))

    async def _ask(self, check: Check) -> Finding:
        up, latency_ms = await _ask(check)
        guard = self._guards.get(check.name)
        return Finding(
            check.name, check.required, up, latency_ms, None if guard is None else guard.circuit.value, check.note
        )


async def _ask(check: Check) -> tuple[bool, float]:
    start = perf_counter()
    try:
        async with asyncio.timeout(TIME_LIMIT_SECONDS):
            await getattr(check.part(), check.ask)()
        up = True
    except Exception as error:  # noqa: BLE001 - whatever it is, the service does not answer
        logger.warning("%s does not answer: %s", check.name, type(error).__name__)
        up = False
    return up, round((perf_counter() - start) * 1000, 1)
