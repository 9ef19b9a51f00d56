"""Sync over HTTP: cursors in, changes out."""

from datetime import timedelta
from typing import Any

from tests.http.test_chat_signals import open_direct, post, say
from tests.http.test_users import code
from tests.world import Person, World

SYNC = "/api/v1/chat/sync"


async def sync(world: World, who: Person, **params: Any) -> dict[str, Any]:
    reply = await world.client.get(SYNC, params=params, headers=who.bearer)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def test_a_client_that_was_away_gets_what_it_missed(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    begun = await sync(world, bob)
    assert (begun["changes"], begun["hasMore"]) == ([], False)
    world.clock.advance(timedelta(seconds=1))
    room = await open_direct(world, ada, bob)
    message = await say(world, ada, room, "hello")
    await world.client.patch(f"/api/v1/messages/{message['id']}", json={"text": "hi"}, headers=ada.bearer)
    await post(world, f"/api/v1/conversations/{room}/read", bob, {"seq": 1})
    await world.parts.chat.sending.settle()
    await world.run_jobs()
    seen = await sync(world, bob, since=begun["cursor"])
    by_type = {change["type"]: change["data"] for change in seen["changes"]}
    assert (by_type["conversation"]["id"], by_type["conversation"]["name"]) == (room, "Ada")
    assert (by_type["message"]["text"], by_type["message"]["seq"]) == ("hi", 1)
    places = [change["data"] for change in seen["changes"] if change["type"] == "participant"]
    receipts = {place["userId"]: place["lastReadSeq"] for place in places}
    assert receipts == {ada.id: 1, bob.id: 1}
    assert (await sync(world, bob, since=seen["cursor"]))["changes"] == []
    pages: list[dict[str, Any]] = []
    cursor = begun["cursor"]
    for _ in range(10):
        page = await sync(world, bob, since=cursor, limit=1)
        pages, cursor = [*pages, *page["changes"]], page["cursor"]
        if not page["hasMore"]:
            break
    assert sorted(each["type"] for each in pages) == sorted(each["type"] for each in seen["changes"])


async def test_cursors_are_ones_own_and_old_ones_start_afresh(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    cursor = (await sync(world, ada))["cursor"]
    for who, since in ((bob, cursor), (ada, "x"), (ada, cursor[:-2])):
        reply = await world.client.get(SYNC, params={"since": since}, headers=who.bearer)
        assert code(reply) == (400, "validation_error"), since
    world.clock.advance(timedelta(days=91))
    world_again = await world.browser().post("/api/v1/auth/login", json={"email": ada.email, "password": ada.password})
    token = world_again.json()["accessToken"]
    reply = await world.client.get(SYNC, params={"since": cursor}, headers={"Authorization": f"Bearer {token}"})
    assert reply.json() == {"reset": True}
