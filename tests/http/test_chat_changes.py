"""Edits, deletions and reactions over HTTP."""

from urllib.parse import quote

from tests.http.test_chat_signals import open_direct, say
from tests.http.test_users import an_admin, code
from tests.world import World

URL = "/api/v1/messages"
HEART = "\u2764\ufe0f"


async def test_a_message_is_edited_reacted_to_and_deleted(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    message = await say(world, ada, room, "helo")
    url = f"{URL}/{message['id']}"
    edited = await world.client.patch(url, json={"text": " hello "}, headers=ada.bearer)
    assert edited.json() == {**message, "text": "hello", "editedAt": "2026-01-20T12:00:00.000Z", "version": 1}
    await world.client.put(f"{url}/reactions/{quote(HEART)}", headers=bob.bearer)
    reply = await world.client.put(f"{url}/reactions/{quote('👍')}", headers=bob.bearer)
    assert reply.status_code == 200, reply.text
    assert reply.json()["reactions"] == {HEART: [bob.id], "👍": [bob.id]}
    assert (await world.client.delete(f"{url}/reactions/{HEART}", headers=bob.bearer)).status_code == 204
    assert code(await world.client.delete(url, headers=bob.bearer)) == (403, "forbidden")
    for _ in range(2):
        assert (await world.client.delete(url, headers=ada.bearer)).status_code == 204
    page = (await world.client.get(f"/api/v1/conversations/{room}/messages", headers=bob.bearer)).json()["items"]
    assert [(each["text"], each["reactions"], bool(each["deletedAt"])) for each in page] == [("", {}, True)]
    await world.parts.chat.sending.settle()
    told = [event["event"] for where, event in world.realtime.sent if where == f"group:c.{room}"]
    assert sorted(told) == [
        "message.deleted",
        "message.new",
        "message.updated",
        "reaction.updated",
        "reaction.updated",
        "reaction.updated",
    ]


async def test_a_stranger_finds_no_message_and_an_administrator_may_delete_it(world: World) -> None:
    ada, bob, eve = [await world.sign_up(name) for name in ("ada", "bob", "eve")]
    room = await open_direct(world, ada, bob)
    url = f"{URL}/{(await say(world, ada, room, 'hello'))['id']}"
    assert code(await world.client.patch(url, json={"text": "x"}, headers=eve.bearer)) == (404, "not_found")
    assert code(await world.client.delete(url, headers=eve.bearer)) == (404, "not_found")
    assert code(await world.client.put(f"{url}/reactions/{HEART}", headers=eve.bearer)) == (404, "not_found")
    admin = await an_admin(world)
    assert code(await world.client.patch(url, json={"text": "x"}, headers=admin.bearer)) == (404, "not_found")
    assert (await world.client.delete(url, headers=admin.bearer)).status_code == 204


async def test_what_is_no_text_and_no_emoji_is_refused(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    url = f"{URL}/{(await say(world, ada, room, 'hello'))['id']}"
    bodies: list[dict[str, str]] = [{}, {"text": ""}, {"text": "x" * 4001}, {"text": "x", "senderId": bob.id}]
    for body in bodies:
        assert (await world.client.patch(url, json=body, headers=ada.bearer)).status_code == 400
    for emoji in ("like", "<b>", "%3Cb%3E", "a" * 500):
        reply = await world.client.put(f"{url}/reactions/{quote(emoji)}", headers=ada.bearer)
        assert reply.status_code in {400, 404}, emoji
