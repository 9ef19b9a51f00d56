"""Redis goes away, comes back empty, or comes back with what it had: answers stay right."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from adapters.cache.redis import RedisCache
from adapters.resilience import Guard, Limits
from domain.kernel.cache import Rate, SessionState
from domain.kernel.clock import SystemClock
from domain.kernel.errors import Unavailable
from tests.servers import free_port, redis_server

pytestmark = pytest.mark.servers

FINE = SessionState(revoked=False, role="user", verified=True)
ENDED = SessionState(revoked=True, role="user", verified=True)
MINUTE = timedelta(minutes=1)
IMPATIENT = Limits(failures=2, rest=0.01)


async def until_it_answers(cache: RedisCache) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                return await cache.ping()
            except Unavailable:
                await asyncio.sleep(0.02)


@pytest.fixture
async def port() -> int:
    return free_port()


@pytest.fixture
async def cache(port: int) -> AsyncGenerator[RedisCache]:
    cache = RedisCache(f"redis://127.0.0.1:{port}", SystemClock(), guard=Guard("cache", IMPATIENT))
    yield cache
    await cache.close()


async def test_without_redis_rates_hold_in_the_process_and_sessions_are_unknown(cache: RedisCache) -> None:
    rate = Rate("ip", 2)
    admitted = [await cache.admit([rate], session_id="s") for _ in range(3)]
    assert [each.allowance.retry_after is None for each in admitted] == [True, True, False]
    assert admitted[0].session is None
    await cache.learn_session("s", FINE, MINUTE)
    assert (await cache.admit([], session_id="s")).session is None
    assert await cache.add_failure(["f"], MINUTE) == [1]
    assert (await cache.failures(["f"]))[0][0] == 1
    with pytest.raises(Unavailable):
        await cache.ping()


async def test_a_redis_that_was_restarted_is_used_again(cache: RedisCache, port: int) -> None:
    with redis_server(port=port):
        await cache.learn_session("s", FINE, MINUTE)
        assert (await cache.admit([], session_id="s")).session == FINE
    assert (await cache.admit([Rate("ip", 5)], session_id="s")).session is None
    with redis_server(port=port):
        await until_it_answers(cache)
        assert (await cache.admit([Rate("ip", 5)], session_id="s")).allowance.remaining == 4  # scripts loaded anew
        await cache.learn_session("s", FINE, MINUTE)
        assert (await cache.admit([], session_id="s")).session == FINE


async def test_a_revocation_redis_missed_is_told_first_when_it_is_back(cache: RedisCache, port: int) -> None:
    await cache.set_sessions({"s": ENDED}, MINUTE)
    assert (await cache.admit([], session_id="s")).session == ENDED
    with redis_server(port=port):
        other = RedisCache(f"redis://127.0.0.1:{port}", SystemClock())
        await other.learn_session("s", FINE, MINUTE)
        await until_it_answers(cache)
        await cache.admit([Rate("ip", 5)])
        assert (await other.admit([], session_id="s")).session == ENDED
        await other.close()
    assert cache._untold == {}


async def test_a_redis_that_hangs_costs_a_moment_and_then_nothing(port: int) -> None:
    gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", port)
    cache = RedisCache(f"redis://127.0.0.1:{port}", SystemClock(), guard=Guard("cache", Limits(failures=1, rest=9)))
    async with asyncio.timeout(3):
        assert (await cache.admit([Rate("ip", 5)], session_id="s")).allowance.remaining == 4
    async with asyncio.timeout(0.2):
        assert (await cache.admit([Rate("ip", 5)], session_id="s")).allowance.remaining == 3
    await cache.close()
    server.close()
    await gone.wait()
