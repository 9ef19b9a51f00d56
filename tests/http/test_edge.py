"""What every answer of the edge has in common."""

from tests.world import World


async def test_an_unknown_address_gets_the_envelope(world: World) -> None:
    reply = await world.client.get("/api/v1/nowhere", headers={"X-Request-Id": "abc-1"})
    assert reply.status_code == 404
    assert reply.json() == {
        "error": {"code": "not_found", "message": "There is no such thing here.", "requestId": "abc-1"}
    }
    assert reply.headers["x-request-id"] == "abc-1"
    assert reply.headers["x-ratelimit-limit"] == "1000000"


async def test_a_wrong_method_is_told_the_right_ones(world: World) -> None:
    reply = await world.client.post("/api/healthz", json={})
    assert reply.status_code == 405
    assert reply.json()["error"]["code"] == "method_not_allowed"
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_the_process_tells_that_it_is_up(world: World) -> None:
    reply = await world.client.get("/api/healthz")
    assert reply.status_code == 200
    assert reply.json() == {"status": "ok"}
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
