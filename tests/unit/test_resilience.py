"""The guard around a dependency, on a clock of its own."""

import asyncio
from dataclasses import dataclass

import pytest

from adapters.resilience import LONGEST_REST_SECONDS, Circuit, Guard, Limits, NotAsked
from domain.kernel.errors import NotFound, Unavailable


class Throttled(Unavailable):
    """There, but busy."""


@dataclass
class Moment:
    """Seconds, moved by hand."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def guard(moment: Moment) -> Guard:
    return Guard("it", Limits(slots=2, patience=0.01, failures=3, rest=1.0), answered=(Throttled,), now=moment)


def state(guard: Guard) -> Circuit:
    """Asked anew each time, which a type checker cannot know of a property."""
    return guard.circuit


async def ask(guard: Guard, error: Exception | None = None) -> None:
    async with guard.call():
        if error is not None:
            raise error


async def fail(guard: Guard, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            await ask(guard, Unavailable())


async def test_it_is_left_alone_after_so_many_failures_in_a_row(guard: Guard) -> None:
    await fail(guard, 2)
    await ask(guard)
    await fail(guard, 2)
    assert state(guard) is Circuit.CLOSED
    await fail(guard, 1)
    assert state(guard) is Circuit.OPEN
    with pytest.raises(NotAsked) as refused:
        await ask(guard)
    assert refused.value.retry_after == 1.0


async def test_one_caller_probes_and_its_answer_decides_for_all(guard: Guard, moment: Moment) -> None:
    await fail(guard, 3)
    moment.at = 1.0
    assert state(guard) is Circuit.HALF_OPEN
    async with guard.call():
        with pytest.raises(NotAsked):
            await ask(guard)
    assert state(guard) is Circuit.CLOSED
    await ask(guard)


async def test_the_rest_doubles_with_each_failed_probe_up_to_its_limit(guard: Guard, moment: Moment) -> None:
    await fail(guard, 3)
    rests = []
    for _ in range(7):
        moment.at = guard._open_until or 0.0
        await fail(guard, 1)
        rests.append((guard._open_until or 0.0) - moment.at)
    assert rests == [2.0, 4.0, 8.0, 16.0, LONGEST_REST_SECONDS, LONGEST_REST_SECONDS, LONGEST_REST_SECONDS]


async def test_a_probe_whose_caller_goes_away_leaves_the_way_to_the_next(guard: Guard, moment: Moment) -> None:
    await fail(guard, 3)
    moment.at = 1.0
    gone = asyncio.create_task(hold(guard, asyncio.Event()))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await ask(guard)
    assert state(guard) is Circuit.CLOSED


async def test_what_hangs_holds_its_slots_and_nobody_else(guard: Guard) -> None:
    gate = asyncio.Event()
    hanging = [asyncio.create_task(hold(guard, gate)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(NotAsked):
        await ask(guard)
    assert state(guard) is Circuit.CLOSED  # full is not away
    gate.set()
    await asyncio.gather(*hanging)
    await ask(guard)


@pytest.mark.parametrize("answer", [NotFound(), Throttled(), ValueError()])
async def test_an_answer_is_an_answer_whatever_it_says(guard: Guard, answer: Exception) -> None:
    await fail(guard, 2)
    with pytest.raises(type(answer)):
        await ask(guard, answer)
    await fail(guard, 2)
    assert state(guard) is Circuit.CLOSED


async def hold(guard: Guard, gate: asyncio.Event) -> None:
    async with guard.call():
        await gate.wait()
