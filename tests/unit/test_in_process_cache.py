from datetime import timedelta

from adapters.cache.in_process import InProcessCache
from domain.kernel.cache import Rate, SessionState
from tests.factories import ManualClock

FINE = SessionState(revoked=False, role="user", verified=True)
ENDED = SessionState(revoked=True, role="user", verified=True)


async def test_a_whole_limit_may_be_used_at_once_and_then_comes_back_evenly() -> None:
    clock = ManualClock()
    cache = InProcessCache(clock)
    rate = Rate("ip:1", 5)
    left = [(await cache.admit([rate])).allowance.remaining for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    refused = (await cache.admit([rate])).allowance
    assert refused.retry_after is not None
    assert round(refused.retry_after, 3) == 12.0
    clock.advance(seconds=12)
    assert (await cache.admit([rate])).allowance.retry_after is None
    assert (await cache.admit([rate])).allowance.retry_after is not None


async def test_when_one_rate_refuses_none_is_counted() -> None:
    cache = InProcessCache(ManualClock())
    wide, narrow = Rate("user:1", 100), Rate("upload:1", 1)
    await cache.admit([wide, narrow])
    refused = (await cache.admit([wide, narrow])).allowance
    assert refused.limit == 1
    assert refused.retry_after is not None
    assert (await cache.admit([wide])).allowance.remaining == 98


async def test_a_revocation_is_not_undone_by_what_was_read_from_the_store_before_it() -> None:
    cache = InProcessCache(ManualClock())
    await cache.set_sessions({"s": ENDED}, timedelta(minutes=1))
    await cache.learn_session("s", FINE, timedelta(minutes=1))
    assert (await cache.admit([], session_id="s")).session == ENDED


async def test_what_is_remembered_expires_and_is_bounded() -> None:
    clock = ManualClock()
    cache = InProcessCache(clock, max_entries=100)
    await cache.set_sessions({"s": FINE}, timedelta(seconds=10))
    clock.advance(seconds=10)
    assert (await cache.admit([], session_id="s")).session is None
    for number in range(1000):
        await cache.admit([Rate(f"ip:{number}", 5)])
    assert len(cache._rates) <= 100


async def test_failures_count_up_until_they_are_cleared_or_old() -> None:
    clock = ManualClock()
    cache = InProcessCache(clock)
    assert await cache.add_failure(["a", "b"], timedelta(minutes=15)) == [1, 1]
    clock.advance(seconds=30)
    assert await cache.add_failure(["a"], timedelta(minutes=15)) == [2]
    clock.advance(seconds=5)
    assert await cache.failures(["a", "b", "c"]) == [(2, 5.0), (1, 35.0), (0, 0.0)]
    await cache.clear_failures(["b"])
    assert (await cache.failures(["b"]))[0][0] == 0
    clock.advance(minutes=15)
    assert (await cache.failures(["a"]))[0][0] == 0
