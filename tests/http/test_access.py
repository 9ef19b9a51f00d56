"""Access rules, and what one signed-in request costs."""

from datetime import timedelta

import pytest

from domain.kernel.cache import SessionState
from tests.http.lab import Lab


def bearer(user: str, session: str = "s1") -> dict[str, str]:
    return {"Authorization": f"Bearer {user}:{session}"}


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("me", {}, "missing_token"),
        ("me", {"Authorization": "Basic YWRhOnB3"}, "missing_token"),
        ("me", {"Authorization": "Bearer nonsense"}, "invalid_token"),
        ("me", {"Cookie": "accessToken=nonsense"}, "invalid_token"),
        ("me", bearer("ada", "ended"), "token_revoked"),
        ("list", bearer("ada", "unverified"), "email_not_verified"),
    ],
)
async def test_nobody_gets_in_unproven(lab: Lab, path: str, headers: dict[str, str], code: str) -> None:
    reply = await lab.client.get(f"/api/v1/lab/{path}", headers=headers)
    assert reply.json()["error"]["code"] == code
    assert reply.status_code == (403 if code == "email_not_verified" else 401)


async def test_an_unverified_account_may_use_what_says_so(lab: Lab) -> None:
    assert (await lab.client.get("/api/v1/lab/me", headers=bearer("ada", "unverified"))).status_code == 200


async def test_a_rule_may_ask_for_a_role(lab: Lab) -> None:
    refused = await lab.client.delete("/api/v1/lab/admin", headers=bearer("ada"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert (await lab.client.delete("/api/v1/lab/admin", headers=bearer("admin"))).status_code == 204


@pytest.mark.parametrize("token", ["nonsense", "ada:ended"])
async def test_on_a_public_address_a_bad_token_makes_a_stranger(lab: Lab, token: str) -> None:
    reply = await lab.client.get("/api/v1/lab/public", headers={"Authorization": f"Bearer {token}"})
    assert reply.json() == {"who": None}
    good = await lab.client.get("/api/v1/lab/public", headers=bearer("ada"))
    assert good.json() == {"who": "ada"}


async def test_an_id_that_cannot_be_one_is_not_found(lab: Lab) -> None:
    for wrong in ("1", "018D2B1E-7A3C-4C4E-8F5A-0123456789AB", "%2e%2e%2f"):
        reply = await lab.client.get(f"/api/v1/lab/notes/{wrong}", headers=bearer("ada"))
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


async def test_a_signed_in_request_costs_one_cache_trip_and_no_store_call(lab: Lab) -> None:
    known = SessionState(revoked=False, role="user", verified=True)
    await lab.cache.set_sessions({"s1": known}, timedelta(minutes=1))
    before = lab.cache.trips
    with lab.documents.measure() as calls:
        assert (await lab.client.get("/api/v1/lab/list", headers=bearer("ada"))).status_code == 200
    assert (lab.cache.trips - before, lab.doorman.loads, calls.total) == (1, 0, 0)


async def test_a_session_the_cache_does_not_know_is_loaded_once(lab: Lab) -> None:
    await lab.client.get("/api/v1/lab/me", headers=bearer("ada"))
    assert (lab.cache.trips, lab.doorman.loads) == (1, 1)


async def test_a_stranger_costs_one_cache_trip(lab: Lab) -> None:
    await lab.client.get("/api/v1/lab/me")
    await lab.client.post("/api/v1/lab/forms", json={"text": "a"})
    assert (lab.cache.trips, lab.doorman.loads) == (2, 0)


async def test_a_key_costs_two_store_calls_and_a_replay_two(lab: Lab) -> None:
    for _ in range(2):
        with lab.documents.measure() as calls:
            await lab.post("/api/v1/lab/notes", {"text": "a"}, Idempotency_Key="k1")
        assert calls.total == 2
    with lab.documents.measure() as calls:
        await lab.post("/api/v1/lab/notes", {"text": "a"})
    assert calls.total == 0


async def test_a_probe_asks_nobody_even_with_a_token(lab: Lab) -> None:
    for headers in ({}, bearer("ada"), {"Cookie": "accessToken=ada:s1"}, bearer("keys-are-away", "")):
        assert (await lab.client.get("/api/v1/lab/probe", headers=headers)).status_code == 204
    assert (lab.cache.trips, lab.doorman.loads) == (0, 0)
