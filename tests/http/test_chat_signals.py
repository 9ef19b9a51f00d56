"""Receipts and typing, over HTTP and by the events of the realtime service."""

import hashlib
import hmac
from typing import Any

import httpx

from tests.world import Person, World

CHAT = "/api/v1/conversations"
EVENTS = "/api/v1/chat/events"
KEY = "k" * 44


async def post(world: World, url: str, person: Person, body: Any = None, **headers: str) -> httpx.Response:
    return await world.client.post(url, json=body or {}, headers=person.bearer | headers)


async def open_direct(world: World, one: Person, other: Person) -> str:
    reply = await post(world, CHAT, one, {"type": "direct", "participantIds": [other.id]})
    assert reply.status_code in {200, 201}, reply.text
    return str(reply.json()["id"])


async def say(world: World, who: Person, where: str, text: str) -> dict[str, Any]:
    reply = await post(world, f"{CHAT}/{where}/messages", who, {"text": text})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def service_event(
    world: World, kind: str, person: Person, body: Any, *, connection: str = "c1", event_id: str = "1", **more: str
) -> httpx.Response:
    """An event as Azure Web PubSub sends and signs it."""
    signature = hmac.new(KEY.encode(), connection.encode(), hashlib.sha256).hexdigest()
    headers = {
        "ce-specversion": "1.0",
        "ce-type": f"azure.webpubsub.{kind}",
        "ce-source": f"/hubs/mackchat/client/{connection}",
        "ce-id": event_id,
        "ce-hub": "mackchat",
        "ce-connectionId": connection,
        "ce-userId": person.id,
        "ce-signature": f"sha256={signature}",
        **more,
    }
    return await world.client.post(EVENTS, json=body, headers=headers)


async def let_in(world: World, person: Person, connection: str = "c1", **more: str) -> None:
    """Have *person* negotiate and connect."""
    await post(world, "/api/v1/chat/negotiate", person)
    session = next(call[2] for call in reversed(world.realtime.calls) if call[0] == "client_access")
    claims = {"claims": {"webpubsub.group": [f"s.{session}"]}}
    reply = await service_event(world, "sys.connect", person, claims, connection=connection, event_id="0", **more)
    assert reply.status_code == 200, reply.text


async def test_reading_over_http_and_over_the_socket_is_the_same(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    for text in ("one", "two", "three"):
        await say(world, ada, room, text)
    reply = await post(world, f"{CHAT}/{room}/read", bob, {"seq": 2})
    assert reply.json() == {
        "conversationId": room,
        "userId": bob.id,
        "lastReadSeq": 2,
        "lastReadAt": "2026-01-20T12:00:00.000Z",
        "unreadCount": 1,
    }
    await let_in(world, bob)
    reply = await service_event(world, "user.read", bob, {"conversationId": room, "seq": 3})
    assert (reply.status_code, reply.json()["unreadCount"]) == (200, 0)
    reply = await service_event(world, "user.typing", bob, {"conversationId": room, "state": "start"})
    assert (reply.status_code, reply.content) == (204, b"")
    assert (await post(world, f"{CHAT}/{room}/typing", bob, {"state": "stop"})).status_code == 204
    await world.parts.chat.sending.settle()
    told = [event["event"] for where, event in world.realtime.sent if where == f"group:c.{room}"]
    assert sorted(told) == ["message.new"] * 3 + ["read.updated"] * 2 + ["typing.start", "typing.stop"]


async def test_what_is_no_receipt_and_no_state_is_refused(world: World) -> None:
    ada, bob, eve = [await world.sign_up(name) for name in ("ada", "bob", "eve")]
    room = await open_direct(world, ada, bob)
    for body in ({}, {"seq": -1}, {"seq": "1"}, {"seq": 1, "userId": ada.id}):
        assert (await post(world, f"{CHAT}/{room}/read", bob, body)).status_code == 400
    for body in ({}, {"state": "maybe"}):
        assert (await post(world, f"{CHAT}/{room}/typing", bob, body)).status_code == 400
    assert (await post(world, f"{CHAT}/{room}/read", eve, {"seq": 1})).status_code == 404
    assert (await post(world, f"{CHAT}/{room}/typing", eve, {"state": "start"})).status_code == 404
