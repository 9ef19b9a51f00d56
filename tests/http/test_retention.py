"""Retention and legal holds over HTTP."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.test_chat_signals import CHAT, open_direct, post, say
from tests.http.test_groups import a_group
from tests.http.test_users import an_admin, code, get
from tests.world import Person, World, a_world

ADMIN = "/api/v1/admin"
NOBODY = "018d2b1e-7a3c-7c4e-8f5a-0123456789ab"


async def put(world: World, url: str, who: Person, body: Any, **headers: str) -> httpx.Response:
    return await world.client.put(url, json=body, headers=who.bearer | headers)


async def lift(world: World, url: str, who: Person, body: Any) -> httpx.Response:
    return await world.client.request("DELETE", url, json=body, headers=who.bearer)


async def again(world: World, who: Person) -> Person:
    """Signed in once more: sessions do not last as long as messages."""
    async with world.browser() as browser:
        reply = await browser.post("/api/v1/auth/login", json={"email": who.email, "password": who.password})
    return replace(who, token=reply.json()["accessToken"])


async def pass_time(world: World, days: float) -> None:
    await world.parts.chat.sending.settle()
    world.clock.advance(timedelta(days=days))
    await world.run_jobs("expire_messages", "renew_holds")


async def test_a_groups_admin_says_how_long_and_what_is_older_goes(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await a_group(world, ada, bob)
    url = f"{CHAT}/{room}/retention"
    before = await get(world, url, bob)
    assert before.json() == {"conversationId": room, "days": None, "firstSeq": 1, "setBy": None, "setAt": None}
    tag = before.headers["etag"]
    changed = await put(world, url, ada, {"days": 7}, **{"If-Match": tag})
    assert (changed.status_code, changed.json()["days"], changed.json()["setBy"]) == (200, 7, ada.id)
    assert code(await put(world, url, ada, {"days": 8}, **{"If-Match": tag})) == (412, "precondition_failed")
    await say(world, ada, room, "old")
    await pass_time(world, 8)
    ada, bob = await again(world, ada), await again(world, bob)
    messages = (await get(world, f"{CHAT}/{room}/messages", bob)).json()
    assert messages == {"items": [], "pagination": {"hasMore": False, "nextCursor": None}, "firstSeq": 2}
    row = (await get(world, CHAT, bob)).json()["items"][0]
    assert (row["lastMessage"], row["unreadCount"], row["firstSeq"], row["retentionDays"]) == (None, 0, 2, 7)
    assert (await say(world, ada, room, "new"))["seq"] == 2


@pytest.mark.parametrize("body", [{}, {"days": 0}, {"days": 3651}, {"days": "7"}, {"days": 7.5}, {"days": 7, "x": 1}])
async def test_what_is_no_time_to_keep(world: World, body: Any) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    url = f"{CHAT}/{await a_group(world, ada, bob)}/retention"
    assert code(await put(world, url, ada, body)) == (400, "validation_error")


async def test_what_is_opened_begins_with_the_settings_time(tmp_path: Path) -> None:
    async with a_world(tmp_path, APP_CHAT_RETENTION_DAYS="30") as world:
        ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
        for room in (await a_group(world, ada, bob), await open_direct(world, ada, bob)):
            assert (await get(world, f"{CHAT}/{room}/retention", ada)).json()["days"] == 30
            await say(world, ada, room, "old")
        await pass_time(world, 31)
        ada = await again(world, ada)
        assert [row["lastMessage"] for row in (await get(world, CHAT, ada)).json()["items"]] == [None, None]


async def test_a_conversation_is_held_and_let_go_on_record(world: World) -> None:
    ada, bob, admin = await world.sign_up("ada"), await world.sign_up("bob"), await an_admin(world)
    room = await open_direct(world, ada, bob)
    await put(world, f"{CHAT}/{room}/retention", admin, {"days": 7})
    message = await say(world, ada, room, "rude")
    hold = f"{ADMIN}/conversations/{room}/hold"
    assert (await get(world, hold, admin)).json() == {"held": False, "hold": None, "history": []}
    held, again_held = [await put(world, hold, admin, {"reason": "A complaint."}) for _ in range(2)]
    assert (held.status_code, held.json()["held"], len(held.json()["history"])) == (200, True, 1)
    assert again_held.json() == held.json()
    assert held.json()["hold"] == {
        "kind": "conversation",
        "subjectId": room,
        "reason": "A complaint.",
        "since": "2026-01-20T12:00:00.000Z",
        "setBy": {"id": admin.id, "name": "Grace", "avatar": None},
    }
    listed = (await get(world, f"{ADMIN}/holds", admin)).json()
    assert listed["items"] == [held.json()["hold"]]
    await world.client.patch(f"/api/v1/messages/{message['id']}", json={"text": "sweet"}, headers=ada.bearer)
    await world.client.delete(f"/api/v1/messages/{message['id']}", headers=ada.bearer)
    await pass_time(world, 120)
    admin = await again(world, admin)
    file = (await get(world, f"{ADMIN}/messages/{message['id']}", admin)).json()
    assert (file["text"], file["held"], [edit["text"] for edit in file["edits"]]) == ("", True, ["rude", "sweet"])
    assert (file["sender"]["name"], file["deletedBy"]["name"], file["readings"]) == ("Ada", "Ada", [])
    again_read = (await get(world, f"{ADMIN}/messages/{message['id']}", admin)).json()
    assert [reading["by"]["id"] for reading in again_read["readings"]] == [admin.id]
    for _ in range(2):
        assert (await lift(world, hold, admin, {"reason": "Settled."})).status_code == 204
    after = (await get(world, hold, admin)).json()
    assert (after["held"], [line["action"] for line in after["history"]]) == (False, ["set", "lifted"])
    await pass_time(world, 0.001)
    assert code(await get(world, f"{ADMIN}/messages/{message['id']}", admin)) == (404, "not_found")


async def test_a_conversation_is_read_only_under_a_hold_and_on_record(world: World) -> None:
    ada, bob, admin = await world.sign_up("ada"), await world.sign_up("bob"), await an_admin(world)
    room = await open_direct(world, ada, bob)
    said = [await say(world, ada, room, text) for text in ("one", "two", "three")]
    url, hold = f"{ADMIN}/conversations/{room}/messages", f"{ADMIN}/conversations/{room}/hold"
    assert code(await get(world, url, admin)) == (403, "forbidden")
    await put(world, hold, admin, {"reason": "A complaint."})
    await world.client.delete(f"/api/v1/messages/{said[1]['id']}", headers=ada.bearer)
    assert code(await get(world, url, ada)) == (403, "forbidden")
    first = (await get(world, url, admin, limit=2)).json()
    rest = (await get(world, url, admin, limit=2, cursor=first["pagination"]["nextCursor"])).json()
    items = [*first["items"], *rest["items"]]
    assert [(item["seq"], item["text"], item["sender"]["name"]) for item in items] == [
        (3, "three", "Ada"),
        (2, "", "Ada"),
        (1, "one", "Ada"),
    ]
    assert items[1]["deletedAt"] is not None
    assert rest["pagination"]["hasMore"] is False
    history = (await get(world, hold, admin)).json()["history"]
    assert [line["action"] for line in history] == ["set", "read", "read"]
    assert code(await get(world, f"{ADMIN}/conversations/{NOBODY}/messages", admin)) == (404, "not_found")
    await lift(world, hold, admin, {"reason": "Settled."})
    assert code(await get(world, url, admin)) == (403, "forbidden")


async def test_a_person_is_held_wherever_they_are(world: World) -> None:
    ada, bob, admin = await world.sign_up("ada"), await world.sign_up("bob"), await an_admin(world)
    room = await a_group(world, ada, bob)
    await put(world, f"{CHAT}/{room}/retention", ada, {"days": 7})
    message = await say(world, ada, room, "rude")
    hold = f"{ADMIN}/users/{bob.id}/hold"
    held = await put(world, hold, admin, {"reason": "A complaint."})
    assert (held.json()["hold"]["kind"], held.json()["hold"]["subjectId"]) == ("person", bob.id)
    await pass_time(world, 30)
    admin = await again(world, admin)
    assert (await get(world, f"{ADMIN}/messages/{message['id']}", admin)).json()["held"] is True
    assert (await lift(world, hold, admin, {"reason": "Settled."})).status_code == 204
    assert (await get(world, hold, admin)).json()["held"] is False
    await world.run_jobs("none")
    await pass_time(world, 0.001)
    assert (await get(world, f"{ADMIN}/messages/{message['id']}", admin)).status_code == 404


async def test_who_may_hold_what(world: World) -> None:
    ada, bob, admin = await world.sign_up("ada"), await world.sign_up("bob"), await an_admin(world)
    room = await open_direct(world, ada, bob)
    holds = [f"{ADMIN}/conversations/{room}/hold", f"{ADMIN}/users/{bob.id}/hold"]
    for url in holds:
        for body in (
            {},
            {"reason": ""},
            {"reason": " "},
            {"reason": "x" * 2001},
            {"reason": 1},
            {"reason": "x", "y": 1},
        ):
            assert code(await put(world, url, admin, body)) == (400, "validation_error")
            assert code(await lift(world, url, admin, body)) == (400, "validation_error")
        assert code(await put(world, url, ada, {"reason": "x"})) == (403, "forbidden")
        assert code(await lift(world, url, ada, {"reason": "x"})) == (403, "forbidden")
        assert code(await get(world, url, ada)) == (403, "forbidden")
    assert code(await get(world, f"{ADMIN}/holds", ada)) == (403, "forbidden")
    for kind in ("conversations", "users"):
        for subject in (NOBODY, "nothing"):
            url = f"{ADMIN}/{kind}/{subject}/hold"
            assert code(await put(world, url, admin, {"reason": "x"})) == (404, "not_found")
            assert code(await lift(world, url, admin, {"reason": "x"})) == (404, "not_found")
            assert code(await get(world, url, admin)) == (404, "not_found")
    assert (await get(world, f"{ADMIN}/holds", admin)).json()["items"] == []
    assert code(await get(world, f"{ADMIN}/messages/{NOBODY}", admin)) == (404, "not_found")
    assert code(await post(world, f"{ADMIN}/holds", admin))[0] == 405
