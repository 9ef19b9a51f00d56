"""Groups over HTTP."""

from typing import Any

from tests.http.test_chat_signals import CHAT, post, say
from tests.http.test_users import code
from tests.world import Person, World

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


async def a_group(world: World, lead: Person, *others: Person, **headers: str) -> str:
    body = {"type": "group", "participantIds": [other.id for other in others], "name": "Welders"}
    reply = await post(world, CHAT, lead, body, **headers)
    assert reply.status_code == 201, reply.text
    assert reply.headers["Location"] == f"{CHAT}/{reply.json()['id']}"
    return str(reply.json()["id"])


async def test_a_group_lives_and_changes(world: World) -> None:
    ada, bob, cyd = [await world.sign_up(name) for name in ("ada", "bob", "cyd")]
    room = await a_group(world, ada, bob)
    url = f"{CHAT}/{room}"
    tag = (await world.client.get(url, headers=ada.bearer)).headers["ETag"]
    changed = await world.client.patch(url, json={"name": "Smiths"}, headers=ada.bearer | {"If-Match": tag})
    assert (changed.status_code, changed.json()["name"]) == (200, "Smiths")
    again = await world.client.patch(url, json={"name": "Late"}, headers=ada.bearer | {"If-Match": tag})
    assert code(again) == (412, "precondition_failed")
    added = await post(world, f"{url}/participants", ada, {"userIds": [cyd.id]})
    assert {each["userId"]: each["role"] for each in added.json()["participants"]} == {
        ada.id: "admin",
        bob.id: "member",
        cyd.id: "member",
    }
    promoted = await world.client.patch(f"{url}/participants/{bob.id}", json={"role": "admin"}, headers=ada.bearer)
    assert promoted.json()["participantCount"] == 3
    await say(world, cyd, room, "hello")
    assert (await world.client.delete(f"{url}/participants/{cyd.id}", headers=bob.bearer)).status_code == 204
    assert code(await world.client.get(url, headers=cyd.bearer)) == (403, "not_participant")
    assert (await world.client.delete(f"{url}/participants/{ada.id}", headers=ada.bearer)).status_code == 204
    [row] = (await world.client.get(CHAT, headers=bob.bearer)).json()["items"]
    assert (row["name"], row["type"], row["participantCount"], row["unreadCount"]) == ("Smiths", "group", 1, 1)


async def test_an_idempotency_key_makes_one_group(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    first = await a_group(world, ada, bob, **{"Idempotency-Key": "k-1"})
    assert await a_group(world, ada, bob, **{"Idempotency-Key": "k-1"}) == first


async def test_what_is_no_group_is_refused(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    openings: list[dict[str, Any]] = [
        {"type": "group", "participantIds": []},
        {"type": "group", "participantIds": [ada.id]},
        {"type": "group", "participantIds": [NOBODY]},
        {"type": "group", "participantIds": ["bob"]},
        {"type": "group", "participantIds": [bob.id], "name": "x" * 101},
        {"type": "party", "participantIds": [bob.id]},
        {"type": "direct", "participantIds": [bob.id], "name": "x"},
        {"type": "direct", "participantIds": [bob.id, NOBODY]},
    ]
    for body in openings:
        assert code(await post(world, CHAT, ada, body)) == (400, "validation_error"), body
    room = await a_group(world, ada, bob)
    changes: list[dict[str, Any]] = [{"name": ""}, {"avatar": NOBODY}, {"type": "direct"}, {"name": 1}]
    for change in changes:
        reply = await world.client.patch(f"{CHAT}/{room}", json=change, headers=ada.bearer)
        assert reply.status_code == 400, change
    url = f"{CHAT}/{room}/participants"
    assert (await world.client.patch(f"{url}/{bob.id}", json={"role": "owner"}, headers=ada.bearer)).status_code == 400
    assert code(await world.client.delete(f"{url}/{NOBODY}", headers=ada.bearer)) == (404, "not_found")
