"""Redis goes in mid-flight: sign-in and revocation stay right, limits fall back, and nothing is forgotten after."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from adapters.cache.redis import RedisCache
from domain.kernel.errors import Unavailable
from tests.auth import bearer, code, is_refused, log_in
from tests.faults.proxy import Proxy
from tests.servers import Server
from tests.world import World, a_world

pytestmark = pytest.mark.servers

FORGOTTEN_PER_MINUTE = 3


@pytest.fixture
async def way(redis: Server) -> AsyncGenerator[Proxy]:
    async with Proxy.before(redis.port) as way:
        yield way


@pytest.fixture
async def shared(way: Proxy, tmp_path: Path) -> AsyncGenerator[World]:
    """The application with Redis by way of the proxy `way`."""
    settings = {
        "APP_REDIS_URL": f"redis://127.0.0.1:{way.port}",
        "APP_RATE_LIMIT_FORGOT_PASSWORD_PER_MINUTE": str(FORGOTTEN_PER_MINUTE),
    }
    async with a_world(tmp_path, **settings) as world:
        assert isinstance(world.parts.cache, RedisCache)
        yield world


async def forget(world: World) -> list[int]:
    body = {"email": "nobody@people.example"}
    async with world.browser() as browser:
        return [(await browser.post("/api/v1/auth/forgot-password", json=body)).status_code for _ in range(6)]


async def cache_of(world: World) -> tuple[str, dict[str, object]]:
    """What readiness says of it, asked anew."""
    vars(world.parts).pop("readiness", None)
    reply: httpx.Response = await world.client.get("/api/readyz")
    assert reply.status_code == 200
    found = reply.json()
    return found["status"], found["dependencies"]["cache"]


async def until_it_answers(world: World) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await world.parts.cache.ping()
            except Unavailable:
                await asyncio.sleep(0.05)  # its circuit breaker counts real time


@pytest.mark.parametrize("how", ["away", "cut", "hanging"])
async def test_without_it_people_sign_in_and_out_and_limits_hold(shared: World, way: Proxy, how: str) -> None:
    ada = await shared.sign_up("ada")
    other = bearer(await log_in(shared.browser(), ada.email))
    assert await is_refused(shared, ada.bearer) is None
    match how:
        case "away":
            await way.close()
        case "cut":
            way.cut()
        case _:
            way.hang()
    assert await is_refused(shared, ada.bearer) is None
    third = bearer(await log_in(shared.browser(), ada.email))
    assert (await log_in(shared.browser(), ada.email, "not the password")).status_code == 401
    left = await shared.browser().post("/api/v1/auth/logout", json={}, headers=other)
    assert left.status_code == 200
    assert await is_refused(shared, other) == "token_revoked"
    assert await is_refused(shared, third) is None
    assert await forget(shared) == [200] * FORGOTTEN_PER_MINUTE + [429] * (6 - FORGOTTEN_PER_MINUTE)
    for _ in range(3):
        assert await is_refused(shared, ada.bearer) is None
    assert shared.parts.guards["cache"].circuit.value in {"open", "half_open"}
    status, cache = await cache_of(shared)
    assert (status, cache["status"]) == ("degraded", "down")
    assert cache["circuit"] in {"open", "half_open"}

    await way.close()
    await way.open()
    way.mend()
    await until_it_answers(shared)
    status, cache = await cache_of(shared)
    assert (status, cache["status"], cache["circuit"]) == ("ready", "up", "closed")
    assert await is_refused(shared, other) == "token_revoked"  # which Redis had not heard of
    assert await is_refused(shared, third) is None
    gone = await shared.browser().post("/api/v1/auth/logout-all", json={}, headers=third)
    assert gone.status_code == 200
    refused = await shared.browser().get("/api/v1/users/me", headers=ada.bearer)
    assert (refused.status_code, code(refused)) == (401, "token_revoked")
