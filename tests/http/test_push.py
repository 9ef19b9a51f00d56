"""Web Push over HTTP: from a browser's subscription to what it decrypts, and to its end."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.kernel.accounts import ACCOUNT_ID
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Patch
from tests.http.test_chat_signals import open_direct, post, say
from tests.http.test_users import NOBODY, code, get, paths
from tests.push_service import PUSH, Browser, PushServer, a_push_server
from tests.world import Person, World, a_world

KEY = "/api/v1/chat/push/key"
URL = "/api/v1/chat/push/subscriptions"


@dataclass
class Stage:
    """A world in which push is set up, and a push service beside it."""

    world: World
    server: PushServer

    async def subscribe(self, who: Person, browser: Browser, **headers: str) -> httpx.Response:
        return await post(self.world, URL, who, browser.to_json(), **headers)

    async def listed(self, who: Person) -> list[dict[str, Any]]:
        reply = await get(self.world, URL, who)
        assert reply.status_code == 200
        items: list[dict[str, Any]] = reply.json()["items"]
        return items

    async def send(self, who: Person, room: str, text: str = "a secret") -> None:
        """A message, and what follows it by itself within six seconds."""
        await say(self.world, who, room, text)
        await self.world.parts.chat.behind.settle()
        self.world.clock.advance(seconds=6)
        await self.world.run_jobs("none")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncGenerator[Stage]:
    async with a_world(tmp_path, **PUSH) as world, a_push_server(world.clock) as server:
        yield Stage(world, server)


async def test_a_browser_is_told_of_a_message_by_ids(stage: Stage) -> None:
    ada, bob = await stage.world.sign_up("ada"), await stage.world.sign_up("bob")
    key = (await get(stage.world, KEY, bob)).json()["publicKey"]
    assert len(key) == 87
    browser = stage.server.browser()
    reply = await stage.subscribe(bob, browser)
    assert reply.status_code == 201
    [listed] = await stage.listed(bob)
    assert reply.json() == listed
    assert listed == {
        "id": reply.headers["Location"].rpartition("/")[2],
        "service": "127.0.0.1",
        "createdAt": "2026-01-20T12:00:00.000Z",
        "current": True,
    }
    room = await open_direct(stage.world, ada, bob)
    await stage.send(ada, room)
    [pushed] = stage.server.pushed
    assert browser.read(pushed.body) == {
        "event": "message.new",
        "conversationId": room,
        "seq": 1,
        "mentioned": False,
    }
    assert stage.server.refused == []


async def test_subscribing_again_is_the_same_and_a_key_makes_it_one_answer(stage: Stage) -> None:
    ada, browser = await stage.world.sign_up("ada"), stage.server.browser()
    first = await stage.subscribe(ada, browser, **{"Idempotency-Key": "k1"})
    replayed = await stage.subscribe(ada, browser, **{"Idempotency-Key": "k1"})
    again = await stage.subscribe(ada, browser)
    assert (first.status_code, replayed.status_code, again.status_code) == (201, 201, 200)
    assert first.json() == replayed.json() == again.json()


async def test_subscriptions_are_ones_own(stage: Stage) -> None:
    ada, eve = await stage.world.sign_up("ada"), await stage.world.sign_up("eve")
    mine = (await stage.subscribe(ada, stage.server.browser())).json()["id"]
    assert await stage.listed(eve) == []
    for who, what in ((eve, mine), (ada, NOBODY), (ada, "b1")):
        reply = await stage.world.client.delete(f"{URL}/{what}", headers=who.bearer)
        assert code(reply) == (404, "not_found")
    assert code(await stage.subscribe(eve, stage.server.browser())) == (409, "conflict")
    assert (await stage.world.client.delete(f"{URL}/{mine}", headers=ada.bearer)).status_code == 204
    assert await stage.listed(ada) == []


async def test_nobody_subscribes_without_a_verified_sign_in(stage: Stage) -> None:
    eve = await stage.world.sign_up("eve", verified=False)
    for method, url in (("GET", KEY), ("GET", URL), ("POST", URL), ("DELETE", f"{URL}/{NOBODY}")):
        body = stage.server.browser().to_json() if method == "POST" else None
        async with stage.world.browser() as nobody:
            assert code(await nobody.request(method, url, json=body)) == (401, "missing_token")
            assert code(await nobody.request(method, url, json=body, headers=eve.bearer)) == (403, "email_not_verified")


async def test_a_mention_breaks_through_mute_and_a_message_does_not(stage: Stage) -> None:
    world = stage.world
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    browser = stage.server.browser()
    await stage.subscribe(bob, browser)
    await post(world, f"/api/v1/conversations/{room}/mute", bob)
    await stage.send(ada, room)
    assert stage.server.pushed == []
    await stage.send(ada, room, "@Bob, are you there?")
    [pushed] = stage.server.pushed
    assert pushed.urgency == "high"
    assert browser.read(pushed.body) == {
        "event": "message.new",
        "conversationId": room,
        "seq": 2,
        "mentioned": True,
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"endpoint": "https://evil.example/x"}, "endpoint"),
        ({"endpoint": "http://169.254.169.254/metadata"}, "endpoint"),
        ({"endpoint": "https://127.0.0.1/x"}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": 5}, "endpoint"),
        ({"endpoint": "https://fcm.googleapis.com/" + "x" * 2000}, "endpoint"),
        ({"keys": {"p256dh": "x"}}, "keys.auth"),
        ({"keys": {"p256dh": "x", "auth": "AAAAAAAAAAAAAAAAAAAAAA"}}, "keys.p256dh"),
        ({"keys": {"p256dh": "BA" + "A" * 85, "auth": "AAAAAAAAAAAAAAAAAAAAAA"}}, "keys.p256dh"),
        ({"keys": None}, "keys"),
        ({"vapid": "x"}, "vapid"),
        ({"expirationTime": "soon"}, "expirationTime"),
    ],
)
async def test_what_is_no_subscription_is_refused(stage: Stage, changes: dict[str, Any], path: str) -> None:
    ada = await stage.world.sign_up("ada")
    reply = await post(stage.world, URL, ada, stage.server.browser().to_json() | changes)
    assert code(reply) == (400, "validation_error")
    assert paths(reply) == [path]
    assert await stage.listed(ada) == []


async def sign_in(world: World, person: Person) -> dict[str, str]:
    """On another device."""
    async with world.browser() as browser:
        reply = await browser.post("/api/v1/auth/login", json={"email": person.email, "password": person.password})
    return {"Authorization": f"Bearer {reply.json()['accessToken']}"}


@pytest.mark.parametrize("how", ["logout", "logout-all", "session", "password"])
async def test_a_sign_in_that_ends_takes_its_browsers_along(stage: Stage, how: str) -> None:
    world = stage.world
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    other = await sign_in(world, bob)
    phone = stage.server.browser("phone")
    assert (await world.client.post(URL, json=phone.to_json(), headers=other)).status_code == 201
    assert [item["current"] for item in await stage.listed(bob)] == [False]
    match how:
        case "logout" | "logout-all":
            async with world.browser() as browser:
                assert (await browser.post(f"/api/v1/auth/{how}", json={}, headers=other)).status_code == 200
        case "session":
            sessions = (await get(world, "/api/v1/auth/sessions", bob)).json()["items"]
            [theirs] = [session["id"] for session in sessions if not session["current"]]
            reply = await world.client.delete(f"/api/v1/auth/sessions/{theirs}", headers=bob.bearer)
            assert reply.status_code == 204
        case _:
            body = {"currentPassword": bob.password, "newPassword": "another long enough phrase"}
            assert (await post(world, "/api/v1/auth/change-password", bob, body)).status_code == 200
    await world.run_jobs("none")
    assert await stage.world.parts.push.devices.list(bob.id) == []
    await stage.send(ada, await open_direct(world, ada, bob))
    assert stage.server.pushed == []


async def test_suspension_ends_pushes(stage: Stage) -> None:
    ada, bob = await stage.world.sign_up("ada"), await stage.world.sign_up("bob")
    room = await open_direct(stage.world, ada, bob)
    await stage.subscribe(bob, stage.server.browser())
    change = Patch(ACCOUNT_ID, set={"status": "suspended"}, incr={"version": 1})
    await stage.world.parts.documents.patch(ACCOUNTS, bob.id, change)
    await stage.send(ada, room)
    assert stage.server.pushed == []


async def test_a_service_that_is_gone_is_forgotten_and_one_that_is_busy_asked_again(stage: Stage) -> None:
    world = stage.world
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    await stage.subscribe(bob, stage.server.browser())
    stage.server.answers = [503, 410]
    await stage.send(ada, room)
    assert len(await stage.listed(bob)) == 1
    world.clock.advance(seconds=31)
    await world.run_jobs("none")
    assert len(stage.server.pushed) == 2
    assert await stage.listed(bob) == []


async def test_where_push_is_not_set_up_it_is_not_there(world: World) -> None:
    ada = await world.sign_up("ada")
    assert code(await get(world, KEY, ada)) == (404, "not_found")
    assert code(await post(world, URL, ada, Browser("https://fcm.googleapis.com/x").to_json())) == (404, "not_found")
    assert (await get(world, URL, ada)).json() == {"items": []}
