"""What GCRA promises, whatever the rhythm of the requests."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.cache.in_process import InProcessCache
from domain.kernel.cache import Allowance, Rate
from tests.factories import ManualClock

PERIOD = 60.0
limits = st.integers(1, 1000)
rhythms = st.lists(st.integers(0, 70_000), min_size=1, max_size=150)
"""Milliseconds between one request and the next."""


async def run(limit: int, rhythm: list[int]) -> list[tuple[float, Allowance]]:
    clock = ManualClock()
    cache = InProcessCache(clock)
    start = clock.now().timestamp()
    seen = []
    for pause in rhythm:
        clock.advance(seconds=pause / 1000)
        allowance = (await cache.admit([Rate("key", limit)])).allowance
        seen.append((clock.now().timestamp() - start, allowance))
    return seen


@given(limits, rhythms)
async def test_no_more_than_twice_the_limit_in_any_period_and_the_limit_in_the_long_run(
    limit: int, rhythm: list[int]
) -> None:
    let_in = [moment for moment, allowance in await run(limit, rhythm) if allowance.retry_after is None]
    for first, moment in enumerate(let_in):
        for last in range(first, len(let_in)):
            # a full bucket, and what came back since
            assert last - first + 1 <= limit + (let_in[last] - moment) * limit / PERIOD + 1e-3


@given(limits, rhythms)
async def test_what_the_headers_promise_is_kept(limit: int, rhythm: list[int]) -> None:
    clock = ManualClock()
    cache = InProcessCache(clock)
    rate = Rate("key", limit)
    allowance = (await cache.peek([rate]))[0]
    for pause in rhythm:
        clock.advance(seconds=pause / 1000)
        allowance = (await cache.admit([rate])).allowance
        assert 0 <= allowance.remaining < limit
        assert clock.now().timestamp() <= allowance.reset_at <= clock.now().timestamp() + PERIOD + 1
    for _ in range(allowance.remaining):
        assert (await cache.admit([rate])).allowance.retry_after is None
    refused = (await cache.admit([rate])).allowance
    assert refused.retry_after is not None
    clock.advance(seconds=refused.retry_after + 1e-5)
    assert (await cache.admit([rate])).allowance.retry_after is None


@given(limits, rhythms)
async def test_a_refusal_costs_nothing(limit: int, rhythm: list[int]) -> None:
    clock, other_clock = ManualClock(), ManualClock()
    cache, other = InProcessCache(clock), InProcessCache(other_clock)
    rate = Rate("key", limit)
    for pause in rhythm:
        clock.advance(seconds=pause / 1000)
        other_clock.advance(seconds=pause / 1000)
        allowance = (await cache.admit([rate])).allowance
        if allowance.retry_after is None:
            await other.admit([rate])
    assert (await cache.peek([rate])) == (await other.peek([rate]))


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=60))
async def test_keys_do_not_touch_each_other(order: list[str]) -> None:
    cache = InProcessCache(ManualClock())
    counts = {"a": 0, "b": 0, "c": 0}
    for key in order:
        counts[key] += (await cache.admit([Rate(key, 7)])).allowance.retry_after is None
    for key, count in counts.items():
        assert count == min(7, order.count(key))
