"""Scheduled messages over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from tests.http.test_chat_signals import CHAT, open_direct, post
from tests.http.test_users import an_admin, code, get
from tests.world import World

AT = "2026-01-20T12:01:00.000Z"
"""A minute from now."""


async def test_a_message_is_scheduled_listed_and_sent(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    url = f"{CHAT}/{room}/scheduled"
    body = {"text": " in a minute ", "sendAt": "2026-01-20T13:01:00+01:00", "clientMessageId": "c1"}
    made = await post(world, url, ada, body)
    assert made.status_code == 201
    assert made.headers["location"] == f"{url}/{made.json()['id']}"
    assert made.json() == {
        "id": made.json()["id"],
        "conversationId": room,
        "text": "in a minute",
        "replyTo": None,
        "sendAt": AT,
        "status": "scheduled",
        "reason": None,
        "messageId": None,
        "createdAt": "2026-01-20T12:00:00.000Z",
        "updatedAt": "2026-01-20T12:00:00.000Z",
    }
    assert (await post(world, url, ada, body)).json() == made.json()
    assert (await get(world, url, ada)).json()["items"] == [made.json()]
    assert (await get(world, url, bob)).json()["items"] == []
    world.clock.advance(timedelta(seconds=61))
    await world.run_jobs("send_scheduled")
    sent = (await get(world, f"{CHAT}/{room}/messages", bob)).json()["items"]
    assert [(item["text"], item["senderId"]) for item in sent] == [("in a minute", ada.id)]
    assert (await get(world, url, ada)).json()["items"] == []
    after = (await get(world, made.headers["location"], ada)).json()
    assert (after["status"], after["messageId"]) == ("sent", sent[0]["id"])
    again = await world.client.delete(made.headers["location"], headers=ada.bearer)
    assert code(again) == (409, "conflict")
    assert code(await world.client.patch(made.headers["location"], json={"text": "x"}, headers=ada.bearer))[0] == 409


async def test_it_is_changed_under_if_match_and_cancelled(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    url = (await post(world, f"{CHAT}/{room}/scheduled", ada, {"text": "one", "sendAt": AT})).headers["location"]
    tag = (await get(world, url, ada)).headers["etag"]
    world.clock.advance(timedelta(seconds=1))
    changed = await world.client.patch(url, json={"text": "two"}, headers={**ada.bearer, "If-Match": tag})
    assert (changed.status_code, changed.json()["text"]) == (200, "two")
    stale = await world.client.patch(url, json={"text": "three"}, headers={**ada.bearer, "If-Match": tag})
    assert code(stale) == (412, "precondition_failed")
    for _ in range(2):
        assert (await world.client.delete(url, headers=ada.bearer)).status_code == 204
    world.clock.advance(timedelta(minutes=2))
    await world.run_jobs("send_scheduled")
    assert (await get(world, f"{CHAT}/{room}/messages", bob)).json()["items"] == []
    assert (await get(world, url, ada)).json()["status"] == "cancelled"


async def test_they_are_listed_in_pages_by_their_time(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    url = f"{CHAT}/{await open_direct(world, ada, bob)}/scheduled"
    for minute in (5, 3, 9, 1):
        await post(world, url, ada, {"text": f"{minute}", "sendAt": f"2026-01-20T12:0{minute}:00Z"})
    first = (await get(world, url, ada, limit=3)).json()
    rest = (await get(world, url, ada, limit=3, cursor=first["pagination"]["nextCursor"])).json()
    assert [item["text"] for item in (*first["items"], *rest["items"])] == ["1", "3", "5", "9"]
    assert rest["pagination"] == {"hasMore": False, "nextCursor": None}


async def test_whoever_was_suspended_meanwhile_finds_it_failed(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    admin = await an_admin(world)
    room = await open_direct(world, ada, bob)
    made = await post(world, f"{CHAT}/{room}/scheduled", ada, {"text": "x", "sendAt": AT})
    account = f"/api/v1/admin/users/{ada.id}"
    await world.client.patch(account, json={"status": "suspended"}, headers=admin.bearer)
    await world.run_jobs("none")
    world.clock.advance(timedelta(minutes=2))
    await world.run_jobs("send_scheduled")
    assert (await get(world, f"{CHAT}/{room}/messages", bob)).json()["items"] == []
    kept = await world.parts.chat.scheduling.get(ada.id, room, made.json()["id"])
    assert (kept.status, kept.reason) == ("failed", "account_suspended")


@pytest.mark.parametrize(
    "more",
    [
        {"text": ""},
        {"text": "x" * 4001},
        {"text": None},
        {"sendAt": None},
        {"sendAt": "tomorrow"},
        {"sendAt": "2026-01-20T12:01:00"},
        {"sendAt": "2026-01-20T12:00:04Z"},
        {"sendAt": "2025-01-20T12:01:00Z"},
        {"sendAt": "2028-01-20T12:01:00Z"},
        {"sendAt": "9999-12-31T23:59:59-12:00"},
        {"sendAt": "0001-01-01T00:00:00+12:00"},
        {"replyTo": "x"},
        {"clientMessageId": ""},
        {"status": "sent"},
    ],
)
async def test_what_cannot_be_scheduled(world: World, more: dict[str, Any]) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    url = f"{CHAT}/{await open_direct(world, ada, bob)}/scheduled"
    assert code(await post(world, url, ada, {"text": "x", "sendAt": AT, **more})) == (400, "validation_error")
    assert (await get(world, url, ada)).json()["items"] == []


async def test_what_nobody_scheduled(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    room = await open_direct(world, ada, bob)
    for scheduled_id in ("018d2b1e-7a3c-7c4e-8f5a-0123456789ab", "nothing", "roll"):
        url = f"{CHAT}/{room}/scheduled/{scheduled_id}"
        assert code(await get(world, url, ada)) == (404, "not_found")
        assert code(await world.client.patch(url, json={"text": "x"}, headers=ada.bearer)) == (404, "not_found")
        assert code(await world.client.delete(url, headers=ada.bearer)) == (404, "not_found")
