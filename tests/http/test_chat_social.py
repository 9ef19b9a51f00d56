"""Muting, blocking and searching over HTTP."""

from tests.http.test_chat_signals import open_direct, post, say
from tests.http.test_users import code, get
from tests.world import World

CHAT = "/api/v1/conversations"
USERS = "/api/v1/users"


async def test_a_conversation_is_muted_for_one_of_them(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    url = f"{CHAT}/{await open_direct(world, ada, bob)}"
    for _ in range(2):
        assert (await post(world, f"{url}/mute", ada)).status_code == 204
    assert (await get(world, url, ada)).json()["muted"] is True
    assert [row["muted"] for row in (await get(world, CHAT, ada)).json()["items"]] == [True]
    assert (await get(world, url, bob)).json()["muted"] is False
    for _ in range(2):
        assert (await world.client.delete(f"{url}/mute", headers=ada.bearer)).status_code == 204
    assert (await get(world, url, ada)).json()["muted"] is False
    eve = await world.sign_up("eve")
    assert code(await post(world, f"{url}/mute", eve)) == (404, "not_found")


async def test_a_blocked_person_can_neither_open_nor_write(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    for _ in range(2):
        assert (await post(world, f"{USERS}/{bob.id}/block", ada)).status_code == 204
    assert code(await post(world, f"{CHAT}/{room}/messages", bob, {"text": "hi"})) == (403, "forbidden")
    body = {"type": "direct", "participantIds": [ada.id]}
    refused = await post(world, CHAT, bob, body)
    assert code(refused) == (403, "forbidden")
    assert "block" not in refused.text
    listed = (await get(world, f"{USERS}/me/blocks", ada)).json()["items"]
    assert [(row["userId"], row["name"]) for row in listed] == [(bob.id, "Bob")]
    assert (await get(world, f"{USERS}/me/blocks", bob)).json()["items"] == []
    for _ in range(2):
        assert (await world.client.delete(f"{USERS}/{bob.id}/block", headers=ada.bearer)).status_code == 204
    assert (await post(world, f"{CHAT}/{room}/messages", bob, {"text": "hi"})).status_code == 201


async def test_who_cannot_be_blocked(world: World) -> None:
    ada = await world.sign_up("ada")
    assert code(await post(world, f"{USERS}/{ada.id}/block", ada)) == (400, "validation_error")
    assert code(await post(world, f"{USERS}/018d2b1e-7a3c-7c4e-8f5a-0123456789ab/block", ada)) == (404, "not_found")
    assert code(await post(world, f"{USERS}/nobody/block", ada)) == (404, "not_found")


async def test_messages_are_searched_in_ones_own_conversations(world: World) -> None:
    ada, bob, eve = [await world.sign_up(name) for name in ("ada", "bob", "eve")]
    room = await open_direct(world, ada, bob)
    for text in ("Caf\u00e9 at nine", "tea", "caf\u00e9 at ten"):
        await say(world, ada, room, text)
    url = f"{CHAT}/{room}/messages/search"
    first = (await get(world, url, bob, q="CAFE", limit=1)).json()
    assert [item["text"] for item in first["items"]] == ["caf\u00e9 at ten"]
    rest = await get(world, url, bob, q="CAFE", limit=1, cursor=first["pagination"]["nextCursor"])
    assert [item["text"] for item in rest.json()["items"]] == ["Caf\u00e9 at nine"]
    assert rest.json()["pagination"] == {"hasMore": False, "nextCursor": None}
    everywhere = await get(world, "/api/v1/messages/search", bob, q="cafe nine")
    assert [item["text"] for item in everywhere.json()["items"]] == ["Caf\u00e9 at nine"]
    assert (await get(world, "/api/v1/messages/search", eve, q="cafe")).json()["items"] == []
    assert code(await get(world, url, eve, q="cafe")) == (404, "not_found")
    for asked in ({}, {"q": ""}, {"q": "?"}, {"q": "x" * 201}):
        assert code(await get(world, url, bob, **asked)) == (400, "validation_error")
