"""What every cache promises: rates, session states, failures. In Redis time passes by itself, so limits are short."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.cache.in_process import InProcessCache
from adapters.cache.redis import RedisCache
from domain.kernel.cache import Cache, Rate, SessionState
from domain.kernel.clock import SystemClock
from tests.factories import ManualClock
from tests.servers import Server

FINE = SessionState(revoked=False, role="user", verified=True)
NEW = SessionState(revoked=False, role="mentor", verified=False)
GUEST = SessionState(revoked=False, role="user", verified=False, guest=True)
ENDED = SessionState(revoked=True, role="user", verified=True)
MINUTE = timedelta(minutes=1)


@dataclass
class Bench:
    """A cache, names nobody else uses, and its time."""

    cache: Cache
    clock: ManualClock | None

    def name(self, text: str) -> str:
        return f"{id(self)}:{text}"

    async def wait(self, duration: timedelta) -> None:
        if self.clock is None:
            await asyncio.sleep(duration.total_seconds() + 0.01)
        else:
            self.clock.advance(duration)


@pytest.fixture(params=["in_process", pytest.param("redis", marks=pytest.mark.servers)])
async def bench(request: pytest.FixtureRequest) -> AsyncGenerator[Bench]:
    if request.param == "redis":
        server: Server = request.getfixturevalue("redis")
        database = uuid4().int % 16
        cache = RedisCache(f"redis://127.0.0.1:{server.port}/{database}", SystemClock())
        yield Bench(cache, None)
        await cache._open().flushdb()
        await cache.close()
    else:
        clock = ManualClock()
        yield Bench(InProcessCache(clock), clock)


async def test_a_whole_limit_may_be_used_at_once_and_then_comes_back_evenly(bench: Bench) -> None:
    rate = Rate(bench.name("ip"), 4, timedelta(seconds=1))
    left = [(await bench.cache.admit([rate])).allowance.remaining for _ in range(4)]
    assert left == [3, 2, 1, 0]
    refused = (await bench.cache.admit([rate])).allowance
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 0.25
    assert refused.remaining == 0
    await bench.wait(timedelta(seconds=refused.retry_after))
    assert (await bench.cache.admit([rate])).allowance.retry_after is None
    assert (await bench.cache.admit([rate])).allowance.retry_after is not None


async def test_when_one_rate_refuses_none_is_counted(bench: Bench) -> None:
    wide, narrow = Rate(bench.name("user"), 100), Rate(bench.name("upload"), 1)
    await bench.cache.admit([wide, narrow])
    refused = (await bench.cache.admit([wide, narrow])).allowance
    assert refused.limit == 1
    assert refused.retry_after is not None
    assert 59 < refused.retry_after <= 60
    assert (await bench.cache.admit([wide])).allowance.remaining == 98


async def test_a_look_counts_nothing(bench: Bench) -> None:
    rate = Rate(bench.name("ip"), 5)
    for _ in range(3):
        assert [each.remaining for each in await bench.cache.peek([rate])] == [4]
    reset_at = (await bench.cache.admit([rate])).allowance.reset_at
    assert reset_at >= (bench.clock or SystemClock()).now().timestamp() + 11


async def test_of_many_at_once_the_limit_gets_in(bench: Bench) -> None:
    rate = Rate(bench.name("ip"), 10)
    admitted = await asyncio.gather(*(bench.cache.admit([rate]) for _ in range(30)))
    assert sum(each.allowance.retry_after is None for each in admitted) == 10


async def test_very_large_limits_never_refuse(bench: Bench) -> None:
    rate = Rate(bench.name("ip"), 1_000_000_000)
    for _ in range(50):
        assert (await bench.cache.admit([rate])).allowance.retry_after is None


async def test_a_session_is_unknown_until_it_is_learnt(bench: Bench) -> None:
    name, rate = bench.name("s"), Rate(bench.name("ip"), 5)
    assert (await bench.cache.admit([rate], session_id=name)).session is None
    await bench.cache.learn_session(name, FINE, MINUTE)
    await bench.cache.learn_session(name, NEW, MINUTE)
    assert (await bench.cache.admit([rate], session_id=name)).session == FINE
    for state in (NEW, GUEST):
        await bench.cache.set_sessions({name: state}, MINUTE)
        assert (await bench.cache.admit([], session_id=name)).session == state


async def test_a_revocation_is_final(bench: Bench) -> None:
    name = bench.name("s")
    await bench.cache.learn_session(name, FINE, MINUTE)
    await bench.cache.set_sessions({name: ENDED}, MINUTE)
    await bench.cache.learn_session(name, FINE, MINUTE)
    await bench.cache.set_sessions({name: FINE}, MINUTE)
    assert (await bench.cache.admit([], session_id=name)).session == ENDED


async def test_a_session_is_forgotten_in_time(bench: Bench) -> None:
    name = bench.name("s")
    await bench.cache.set_sessions({name: ENDED}, timedelta(milliseconds=40))
    await bench.wait(timedelta(milliseconds=50))
    assert (await bench.cache.admit([], session_id=name)).session is None


async def test_failures_count_up_until_they_are_cleared_or_old(bench: Bench) -> None:
    one, other, none = bench.name("a"), bench.name("b"), bench.name("c")
    long, short = MINUTE, timedelta(milliseconds=60)
    assert await bench.cache.add_failure([one, other], long) == [1, 1]
    await bench.wait(timedelta(milliseconds=20))
    assert await bench.cache.add_failure([one], long) == [2]
    (count, since), (other_count, other_since), unknown = await bench.cache.failures([one, other, none])
    assert (count, other_count, unknown) == (2, 1, (0, 0.0))
    assert 0 <= since < other_since < 10
    await bench.cache.clear_failures([other])
    assert await bench.cache.failures([other]) == [(0, 0.0)]
    await bench.cache.add_failure([one], short)
    await bench.wait(short * 1.1)
    assert (await bench.cache.failures([one]))[0][0] == 0


async def test_a_ping_answers(bench: Bench) -> None:
    await bench.cache.ping()
