"""Drafts over HTTP."""

import pytest

from tests.http.test_chat_signals import CHAT, open_direct, post, say
from tests.http.test_users import code, get
from tests.world import World


async def test_a_draft_is_saved_read_sent_and_forgotten(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    url = f"{CHAT}/{room}/draft"
    assert code(await get(world, url, ada)) == (404, "not_found")
    saved = await world.client.put(url, json={"text": "  I thi\u0302nk "}, headers=ada.bearer)
    assert saved.json() == {
        "conversationId": room,
        "text": "I th\u00eenk",
        "replyTo": None,
        "updatedAt": "2026-01-20T12:00:00.000Z",
    }
    assert (await get(world, url, ada)).json() == saved.json()
    assert (await get(world, CHAT, ada)).json()["items"][0]["draft"] == {
        "text": "I th\u00eenk",
        "updatedAt": "2026-01-20T12:00:00.000Z",
    }
    assert code(await get(world, url, bob)) == (404, "not_found")
    await say(world, ada, room, "I think so")
    assert code(await get(world, url, ada)) == (404, "not_found")
    assert (await get(world, CHAT, ada)).json()["items"][0]["draft"] is None
    for _ in range(2):
        assert (await world.client.delete(url, headers=ada.bearer)).status_code == 204


async def test_only_the_draft_one_has_seen_is_overwritten(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    url = f"{CHAT}/{await open_direct(world, ada, bob)}/draft"

    async def save(text: str, tag: str) -> int:
        reply = await world.client.put(url, json={"text": text}, headers={**ada.bearer, "If-Match": tag})
        return reply.status_code

    assert await save("nothing there yet", "*") == 412
    await world.client.put(url, json={"text": "one"}, headers=ada.bearer)
    tag = (await get(world, url, ada)).headers["etag"]
    assert (await world.client.get(url, headers={**ada.bearer, "If-None-Match": tag})).status_code == 304
    assert await save("two", tag) == 200
    assert await save("three", tag) == 412
    assert (await get(world, url, ada)).json()["text"] == "two"


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": "  "}, {"text": 1}, {"text": "x" * 4001}, {"text": "x", "seq": 1}, {"text": "\a"}],
)
async def test_what_is_no_draft(world: World, body: object) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    url = f"{CHAT}/{await open_direct(world, ada, bob)}/draft"
    assert code(await world.client.put(url, json=body, headers=ada.bearer)) == (400, "validation_error")


async def test_sync_tells_other_devices(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    cursor = (await get(world, "/api/v1/chat/sync", ada)).json()["cursor"]
    await world.client.put(f"{CHAT}/{room}/draft", json={"text": "I"}, headers=ada.bearer)
    changes = (await get(world, "/api/v1/chat/sync", ada, since=cursor)).json()["changes"]
    assert [each["data"]["text"] for each in changes if each["type"] == "draft"] == ["I"]
    assert (await post(world, f"{CHAT}/{room}/messages", ada, {"text": "I am"})).status_code == 201
