"""Sign-in and revocation with Redis behind them: one trip a request, and right answers when it dies in mid-flight."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from adapters.cache.redis import RedisCache
from runtime.admin import run
from tests.servers import Server, redis_server
from tests.world import World, a_world

pytestmark = pytest.mark.servers

ME = "/api/v1/users/me"


@pytest.fixture
def own_redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@pytest.fixture
async def redis_world(own_redis: Server, tmp_path: Path) -> AsyncGenerator[World]:
    async with a_world(tmp_path, APP_REDIS_URL=f"redis://127.0.0.1:{own_redis.port}") as world:
        yield world


def end(server: Server) -> None:
    server.process.kill()
    server.process.wait()


async def test_a_request_is_one_trip_to_redis(redis_world: World) -> None:
    ada = await redis_world.sign_up("ada")
    await redis_world.client.get(ME, headers=ada.bearer)
    cache = redis_world.parts.cache
    assert isinstance(cache, RedisCache)
    redis = cache._open()
    await redis.config_resetstat()
    for _ in range(10):
        assert (await redis_world.client.get(ME, headers=ada.bearer)).status_code == 200
    stats = await redis.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 10
    assert "cmdstat_eval" not in stats


async def test_when_redis_dies_people_stay_signed_in_and_who_left_stays_out(
    redis_world: World, own_redis: Server
) -> None:
    ada, bob = await redis_world.sign_up("ada"), await redis_world.sign_up("bob")
    for person in (ada, bob):
        assert (await redis_world.client.get(ME, headers=person.bearer)).status_code == 200
    end(own_redis)
    assert (await redis_world.client.get(ME, headers=ada.bearer)).status_code == 200
    assert (await redis_world.client.post("/api/v1/auth/logout", headers=bob.bearer)).is_success
    refused = await redis_world.client.get(ME, headers=bob.bearer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_revoked")
    login = {"email": bob.email, "password": bob.password}
    assert (await redis_world.client.post("/api/v1/auth/login", json=login)).status_code == 200
    ready = (await redis_world.client.get("/api/readyz")).json()
    assert ready["dependencies"]["cache"]["status"] == "down"
    assert ready["dependencies"]["cache"]["circuit"] in {"open", "half_open"}
    assert (await redis_world.client.get("/api/healthz")).status_code == 200


async def test_the_check_tells_each_service_in_a_line(redis_world: World, own_redis: Server) -> None:
    status, text = await run(redis_world.parts, "check", {}, "")
    assert status == 0, text
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "documents",
        "sql",
        "cache",
        "blobs",
        "queue",
        "keys",
        "mailer",
    ]
    end(own_redis)
    status, text = await run(redis_world.parts, "check", {}, "")
    assert status == 1
    assert "cache: A service we depend on does not answer" in text
    assert "documents: ok" in text
