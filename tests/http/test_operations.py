"""Health, readiness, version, and the API's description of itself."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from domain.kernel.errors import Unavailable
from runtime.readiness import Check, Readiness
from tests.world import World


class Broken:
    async def ping(self) -> None:
        raise Unavailable


async def test_the_process_tells_that_it_is_up(world: World) -> None:
    reply = await world.client.get("/api/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
    assert reply.headers["cache-control"] == "no-store"


async def test_it_tells_which_release_it_is(world: World) -> None:
    assert (await world.client.get("/api/version")).json() == {"version": world.parts.settings.version}


async def test_it_is_ready_when_every_service_answers(world: World) -> None:
    reply = await world.client.get("/api/readyz")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["status"] == "ready"
    assert {"documents", "keys", "cache", "queue", "mail"} <= set(body["dependencies"])
    for each in body["dependencies"].values():
        assert each["status"] == "up"
        assert each["latencyMs"] >= 0


@pytest.mark.parametrize(("required", "status", "word"), [(True, 503, "unavailable"), (False, 200, "degraded")])
async def test_what_is_down_is_named(
    world: World, required: bool, status: int, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    vars(world.parts)["readiness"] = Readiness([Check("thing", required=required, part=Broken)])
    reply = await world.client.get("/api/readyz", headers={"X-Request-Id": "r-1"})
    assert (reply.status_code, reply.json()["status"]) == (status, word)
    assert reply.json()["dependencies"]["thing"]["status"] == "down"
    assert "thing does not answer: Unavailable" in caplog.text
    if required:
        assert reply.json()["error"]["code"] == "service_unavailable"
        assert reply.json()["error"]["requestId"] == "r-1"
    else:
        assert "error" not in reply.json()


async def test_the_api_describes_itself(world: World) -> None:
    reply = await world.client.get("/api/openapi.json")
    assert reply.json()["openapi"] == "3.1.0"
    assert "/api/healthz" in reply.json()["paths"]
    again = await world.client.get("/api/openapi.json", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304


async def test_the_page_for_people_needs_nothing_from_elsewhere(world: World) -> None:
    reply = await world.client.get("/api/docs")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    page = reply.text
    assert "/api/healthz" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://localhost", "")
    assert " style=" not in page
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = reply.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "frame-ancestors 'none'" in policy


async def test_what_is_served_is_the_golden_file(world: World) -> None:
    golden = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert (await world.client.get("/api/openapi.json")).json() == json.loads(golden.read_text("utf-8"))
