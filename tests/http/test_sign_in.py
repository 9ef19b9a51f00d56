"""Signing up, in and out, as clients see it."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from adapters.cache.in_process import InProcessCache
from domain.kernel.cache import SessionState
from tests.auth import OURS, bearer, code, is_cleared, is_refused, log_in, sessions_of
from tests.world import PASSWORD, World


async def test_signing_up_answers_with_the_person_and_both_tokens(world: World) -> None:
    body = {"email": " Ada@People.Example", "password": PASSWORD, "name": "Ada"}
    reply = await world.client.post("/api/v1/auth/signup", json=body)
    assert reply.status_code == 201
    answer = reply.json()
    assert set(answer) == {"user", "accessToken"}
    assert answer["user"] == {
        "id": answer["user"]["id"],
        "email": "Ada@people.example",
        "name": "Ada",
        "avatar": None,
    }
    access, refresh = reply.headers.get_list("set-cookie")
    assert access.startswith(f"accessToken={answer['accessToken']}; ")
    assert {part.strip().lower() for part in access.split(";")[1:]} == {
        "path=/",
        "max-age=900",
        "httponly",
        "samesite=lax",
    }
    assert {part.strip().lower() for part in refresh.split(";")[1:]} == {
        "path=/api/v1/auth",
        "max-age=604800",
        "httponly",
        "samesite=lax",
    }


@pytest.mark.parametrize("again", ["ada@people.example", "ADA@People.example", "\uff41da@people.example"])
async def test_an_address_is_taken_however_it_is_spelt(world: World, again: str) -> None:
    await world.sign_up("ada", verified=False)
    body = {"email": again, "password": PASSWORD, "name": "Eve"}
    reply = await world.client.post("/api/v1/auth/signup", json=body)
    assert (reply.status_code, code(reply)) == (409, "user_exists")


async def test_of_many_parallel_sign_ups_exactly_one_gets_the_address(world: World) -> None:
    async def sign_up(number: int) -> httpx.Response:
        body = {"email": "ada@people.example", "password": f"{PASSWORD} {number}", "name": f"Ada {number}"}
        return await world.browser().post("/api/v1/auth/signup", json=body)

    replies = await asyncio.gather(*(sign_up(number) for number in range(20)))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 19
    assert {code(reply) for reply in replies if reply.status_code == 409} == {"user_exists"}
    (winner,) = [n for n, reply in enumerate(replies) if reply.status_code == 201]
    assert (await log_in(world.client, "ada@people.example", f"{PASSWORD} {winner}")).status_code == 200


async def test_signing_in_answers_with_the_role_too(world: World) -> None:
    ada = await world.sign_up("ada")
    reply = await log_in(world.client, ada.email)
    assert reply.status_code == 200
    assert reply.json()["user"] == {
        "id": ada.id,
        "email": ada.email,
        "name": "Ada",
        "avatar": None,
        "role": "user",
    }


async def test_a_wrong_password_and_an_unknown_address_answer_the_same(world: World) -> None:
    ada = await world.sign_up("ada")
    wrong = await log_in(world.client, ada.email, "not the password")
    unknown = await log_in(world.client, "nobody@people.example", "not the password")
    for reply in (wrong, unknown):
        assert (reply.status_code, code(reply)) == (401, "invalid_credentials")
    without_id = [{**reply.json()["error"], "requestId": ""} for reply in (wrong, unknown)]
    assert without_id[0] == without_id[1]


async def test_signing_out_ends_the_session_at_once_and_may_be_repeated(world: World) -> None:
    ada = await world.sign_up("ada")
    browser = world.browser()
    headers = bearer(await log_in(browser, ada.email))
    assert await is_refused(world, headers) is None
    for _ in range(2):
        reply = await browser.post("/api/v1/auth/logout", headers=OURS)
        assert reply.status_code == 200
        assert is_cleared(reply)
    assert await is_refused(world, headers) == "token_revoked"


async def test_a_native_client_signs_out_with_its_access_token(world: World) -> None:
    ada = await world.sign_up("ada")
    assert (await world.client.post("/api/v1/auth/logout", headers=ada.bearer)).status_code == 200
    assert await is_refused(world, ada.bearer) == "token_revoked"


async def test_another_site_can_sign_nobody_out(world: World) -> None:
    ada = await world.sign_up("ada")
    await log_in(world.client, ada.email)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        for path in ("logout", "refresh"):
            reply = await world.client.post(f"/api/v1/auth/{path}", headers=headers)
            assert (reply.status_code, code(reply)) == (403, "csrf_failed")
            assert "set-cookie" not in reply.headers


async def test_the_list_of_sessions_tells_devices_apart(world: World) -> None:
    ada = await world.sign_up("ada")
    world.clock.advance(minutes=1)
    phone = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1"}
    await log_in(world.browser(), ada.email, headers=phone)
    first, second = await sessions_of(world, ada.bearer)
    assert (first["device"], first["current"], first["ip"]) == ("Safari on iPhone", False, "203.0.113.7")
    assert (second["device"], second["current"]) == ("Python", True)
    assert first["createdAt"] == first["lastUsedAt"] == "2026-01-20T12:01:00.000Z"


async def test_a_person_signs_out_another_device_and_nobody_else_s(world: World) -> None:
    ada, eve = await world.sign_up("ada"), await world.sign_up("eve")
    phone = bearer(await log_in(world.browser(), ada.email))
    other = next(item["id"] for item in await sessions_of(world, ada.bearer) if not item["current"])
    assert (await world.client.delete(f"/api/v1/auth/sessions/{other}", headers=eve.bearer)).status_code == 404
    assert (await world.client.delete(f"/api/v1/auth/sessions/{other}", headers=ada.bearer)).status_code == 204
    assert (await world.client.delete(f"/api/v1/auth/sessions/{other}", headers=ada.bearer)).status_code == 404
    assert await is_refused(world, phone) == "token_revoked"
    assert [item["current"] for item in await sessions_of(world, ada.bearer)] == [True]


async def test_signing_out_everywhere_tells_how_many_and_closes_their_sockets(world: World) -> None:
    ada = await world.sign_up("ada")
    for _ in range(2):
        await log_in(world.browser(), ada.email)
    ids = {item["id"] for item in await sessions_of(world, ada.bearer)}
    reply = await world.client.post("/api/v1/auth/logout-all", headers=ada.bearer)
    assert (reply.status_code, reply.json()) == (200, {"revokedSessions": 3})
    assert await is_refused(world, ada.bearer) == "token_revoked"
    await world.run_jobs()
    closed = {call[1] for call in world.realtime.calls if call[0] == "close_session"}
    assert closed == ids


async def test_every_endpoint_of_a_signed_in_person_asks_for_a_token(world: World) -> None:
    for method, path in (
        ("POST", "logout-all"),
        ("GET", "sessions"),
        ("DELETE", "sessions/019bdc00-0000-7000-8000-000000000000"),
        ("POST", "change-password"),
        ("POST", "resend-verification"),
    ):
        reply = await world.client.request(method, f"/api/v1/auth/{path}")
        assert (reply.status_code, code(reply)) == (401, "missing_token"), path


async def test_a_person_has_fifty_sessions_at_most_and_the_oldest_end(world: World) -> None:
    ada = await world.sign_up("ada")
    replies = [await log_in(world.browser(), ada.email) for _ in range(51)]
    assert await is_refused(world, ada.bearer) == "token_revoked"
    assert await is_refused(world, bearer(replies[0])) == "token_revoked"
    assert await is_refused(world, bearer(replies[1])) is None
    assert len(await sessions_of(world, bearer(replies[-1]))) == 50
    await world.run_jobs()
    assert len({call[1] for call in world.realtime.calls if call[0] == "close_session"}) == 2


async def test_a_surplus_session_that_is_gone_already_stops_no_sign_in(world: World) -> None:
    ada = await world.sign_up("ada")
    world.clock.advance(days=8)  # expired and swept, but begun within thirty days
    for _ in range(50):
        assert (await log_in(world.browser(), ada.email)).status_code == 200


async def test_a_revocation_that_the_cache_missed_is_made_good_by_the_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await world.sign_up("ada")
    other = bearer(await log_in(world.browser(), ada.email))
    assert await is_refused(world, ada.bearer) is None

    async def lost(self: InProcessCache, states: object, ttl: object) -> None:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(InProcessCache, "set_sessions", lost)
        assert (await world.client.post("/api/v1/auth/logout", headers=ada.bearer)).status_code == 200
    assert await is_refused(world, ada.bearer) is None, "what is cached still stands"
    await world.run_jobs()
    assert await is_refused(world, ada.bearer) == "token_revoked"
    assert await is_refused(world, other) is None


async def test_what_reads_an_older_state_cannot_undo_a_revocation(world: World) -> None:
    ada = await world.sign_up("ada")
    (session,) = await sessions_of(world, ada.bearer)
    await world.client.post("/api/v1/auth/logout", headers=ada.bearer)
    stale = SessionState(revoked=False, role="user", verified=True)
    await world.parts.cache.set_sessions({session["id"]: stale}, timedelta(minutes=5))
    await world.parts.cache.learn_session(session["id"], stale, timedelta(minutes=5))
    assert await is_refused(world, ada.bearer) == "token_revoked"


async def test_everything_that_is_wrong_with_a_sign_up_is_said_at_once(world: World) -> None:
    shape = {"email": "ada@", "password": "short", "name": " ", "role": "admin"}
    rules = {"email": "ada@", "password": "password1", "name": "123 !"}
    for body in (shape, rules):
        answer = await world.client.post("/api/v1/auth/signup", json=body)
        assert answer.status_code == 400
        assert {detail["path"] for detail in answer.json()["error"]["details"]} == (
            set(body) if body is shape else {"email", "password"}
        )
