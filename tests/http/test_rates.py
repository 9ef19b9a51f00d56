"""Rate limits: who is counted, by what, and what the headers say."""

from pathlib import Path

import pytest

from tests.factories import NOON
from tests.http.lab import ADA, Lab, a_lab
from web.edge import EdgeRates

PUBLIC = "/api/v1/lab/public"


async def test_every_answer_tells_what_is_left(lab: Lab) -> None:
    paths = [PUBLIC, "/api/v1/nowhere", "/api/v1/lab/down", "/api/v1/lab/me", "/api/v1/lab/find?maxCount=x"]
    replies = [await lab.client.get(path) for path in paths]
    assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["99", "98", "97", "96", "95"]
    assert {reply.headers["x-ratelimit-limit"] for reply in replies} == {"100"}
    assert replies[0].headers["x-ratelimit-reset"] == str(int(NOON.timestamp()) + 1)


async def test_too_many_requests_have_to_wait(lab: Lab) -> None:
    for _ in range(100):
        assert (await lab.client.get(PUBLIC)).status_code == 200
    refused = await lab.client.get(PUBLIC)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.json()["error"]["retryAfter"] == 1
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert (await lab.client.get("/api/v1/nowhere")).status_code == 429
    lab.clock.advance(seconds=0.6)
    assert (await lab.client.get(PUBLIC)).status_code == 200


async def test_a_person_is_counted_apart_from_the_address(lab: Lab) -> None:
    await lab.client.get(PUBLIC)
    reply = await lab.client.get("/api/v1/lab/me", headers=ADA)
    assert (reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) == ("1000", "999")


async def test_guessing_tokens_is_counted_by_address(lab: Lab) -> None:
    for _ in range(100):
        await lab.client.get("/api/v1/lab/me", headers={"Authorization": "Bearer nonsense"})
    reply = await lab.client.get("/api/v1/lab/me", headers={"Authorization": "Bearer other"})
    assert reply.status_code == 429


async def test_a_named_limit_counts_besides_the_common_one(lab: Lab) -> None:
    replies = [await lab.client.post("/api/v1/lab/forms", json={"text": "a"}) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert replies[-1].headers["x-ratelimit-limit"] == "5"
    assert replies[-1].headers["retry-after"] == "12"
    assert (await lab.client.get(PUBLIC)).headers["x-ratelimit-remaining"] == "94"


async def test_uploads_are_counted_by_person(lab: Lab) -> None:
    path = "/api/v1/lab/uploads"
    for _ in range(5):
        assert (await lab.client.post(path, headers=ADA)).status_code == 200
    assert (await lab.client.post(path, headers=ADA)).status_code == 429
    assert (await lab.client.post(path, headers={"Authorization": "Bearer bob:s1"})).status_code == 200


@pytest.mark.parametrize("forged", ["1.2.3.4", "1.2.3.4, 5.6.7.8", "unknown", "[::1]:80", ",,,"])
async def test_a_forged_address_buys_nothing(lab: Lab, forged: str) -> None:
    await lab.client.get(PUBLIC)
    reply = await lab.client.get(PUBLIC, headers={"X-Forwarded-For": forged, "X-Azure-ClientIP": "9.9.9.9"})
    assert reply.headers["x-ratelimit-remaining"] == "98"


async def test_behind_one_more_proxy_its_entry_is_believed_and_no_other(tmp_path: Path) -> None:
    async with a_lab(tmp_path, trusted_proxy_depth=2) as lab:
        left = []
        for prefix in ("", "6.6.6.6, ", "7.7.7.7, 8.8.8.8, "):
            reply = await lab.client.get(PUBLIC, headers={"X-Forwarded-For": f"{prefix}198.51.100.1:4711"})
            left.append(reply.headers["x-ratelimit-remaining"])
        assert left == ["99", "98", "97"]
        other = await lab.client.get(PUBLIC, headers={"X-Forwarded-For": "198.51.100.2"})
        assert other.headers["x-ratelimit-remaining"] == "99"


async def test_without_a_trusted_proxy_everyone_is_one(tmp_path: Path) -> None:
    async with a_lab(tmp_path, trusted_proxy_depth=0) as lab:
        await lab.client.get(PUBLIC, headers={"X-Forwarded-For": "1.1.1.1"})
        reply = await lab.client.get(PUBLIC, headers={"X-Forwarded-For": "2.2.2.2"})
        assert reply.headers["x-ratelimit-remaining"] == "98"


async def test_the_limits_are_settings(tmp_path: Path) -> None:
    async with a_lab(tmp_path, rates=EdgeRates(public=7, signed_in=8, named={})) as lab:
        assert (await lab.client.get(PUBLIC)).headers["x-ratelimit-limit"] == "7"
        assert (await lab.client.get("/api/v1/lab/me", headers=ADA)).headers["x-ratelimit-limit"] == "8"
