"""What a guest may call: every route there is, asked as one."""

import json
from typing import Any

import pytest

from blueprints.access import ANY_ACCOUNT, PARTICIPANTS
from tests.guests import Guest, a_guest, receive_guests
from tests.http.chat_matrix import HEART, NOBODY
from tests.world import World
from web.access import Requires
from web.declaration import ENDPOINTS, Endpoint

OPEN_TO_GUESTS = {
    "clear_draft",
    "delete_file",
    "delete_message",
    "edit_message",
    "get_conversation",
    "get_draft",
    "get_file",
    "get_presence",
    "get_profile",
    "list_conversations",
    "list_messages",
    "list_sessions",
    "log_out_everywhere",
    "mark_read",
    "mute_conversation",
    "negotiate",
    "add_reaction",
    "remove_reaction",
    "report_message",
    "revoke_session",
    "save_draft",
    "search_conversation",
    "send_message",
    "sync_chat",
    "tell_typing",
    "unmute_conversation",
}
"""By name, so that opening another one is a decision and not a slip."""

BODIES: dict[str, dict[str, Any]] = {
    "edit_message": {"text": "changed"},
    "mark_read": {"seq": 1},
    "report_message": {"reason": "spam"},
    "save_draft": {"text": "later"},
    "send_message": {"text": "hello"},
    "tell_typing": {"state": "start"},
}
QUERIES = {"search_conversation": "?q=hello", "get_presence": f"?userIds={NOBODY}"}


@pytest.fixture
async def guest(world: World) -> Guest:
    receive_guests(world, await world.sign_up("hanna"))
    return await a_guest(world)


async def ask(world: World, guest: Guest, each: Endpoint, message_id: str) -> tuple[int, str]:
    places = {"conversation_id": guest.room, "message_id": message_id, "emoji": HEART, "user_id": guest.id}
    wanted = {name: places.get(name, NOBODY) for name in _names(each.route)}
    url = f"/api/{each.route.format(**wanted)}{QUERIES.get(each.name, '')}"
    body = BODIES.get(each.name, {}) if each.takes else None
    async with world.browser() as browser:
        reply = await browser.request(each.method, url, json=body, headers=guest.bearer)
    said = json.loads(reply.content) if reply.content and "json" in reply.headers.get("content-type", "") else {}
    return reply.status_code, said.get("error", {}).get("code", "") if isinstance(said, dict) else ""


def _names(route: str) -> list[str]:
    return [part.partition("}")[0] for part in route.split("{")[1:]]


def guarded() -> list[Endpoint]:
    kinds = {Requires.SIGN_IN, Requires.VERIFIED}
    return sorted((each for each in ENDPOINTS.values() if each.access.requires in kinds), key=lambda each: each.name)


def test_what_is_open_to_guests_is_listed() -> None:
    assert {each.name for each in guarded() if each.access.guests} == OPEN_TO_GUESTS
    assert {each.access.name for each in guarded() if each.access.guests} == {ANY_ACCOUNT.name, PARTICIPANTS.name}


async def test_everything_else_is_forbidden(world: World, guest: Guest) -> None:
    message = await world.client.post(
        f"/api/v1/conversations/{guest.room}/messages", json={"text": "hello"}, headers=guest.bearer
    )
    for each in guarded():
        if each.name not in OPEN_TO_GUESTS:
            assert await ask(world, guest, each, message.json()["id"]) == (403, "forbidden"), each.name


async def test_what_is_open_works(world: World, guest: Guest) -> None:
    message = await world.client.post(
        f"/api/v1/conversations/{guest.room}/messages", json={"text": "hello"}, headers=guest.bearer
    )
    last = ["delete_message", "revoke_session", "log_out_everywhere"]
    for name in [*sorted(OPEN_TO_GUESTS - set(last)), *last]:
        status, code = await ask(world, guest, ENDPOINTS[name], message.json()["id"])
        expected = {404} if name in {"get_draft", "get_file", "delete_file", "revoke_session"} else {200, 201, 202, 204}
        assert status in expected, (name, status, code)


async def test_in_others_conversations_a_guest_is_a_stranger(world: World, guest: Guest) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    statuses = {}
    for kind, name in (("direct", None), ("group", "Welders")):
        body = {"type": kind, "participantIds": [bob.id]} | ({"name": name} if name else {})
        room = (await world.client.post("/api/v1/conversations", json=body, headers=ada.bearer)).json()["id"]
        url = f"/api/v1/conversations/{room}/messages"
        statuses[kind] = {
            (await world.client.get(url, headers=guest.bearer)).status_code,
            (await world.client.post(url, json={"text": "x"}, headers=guest.bearer)).status_code,
        }
    assert statuses == {"direct": {404}, "group": {403}}


async def test_two_guests_do_not_see_each_other(world: World, guest: Guest) -> None:
    other = await a_guest(world, "Otto")
    reply = await world.client.get(f"/api/v1/conversations/{other.room}", headers=guest.bearer)
    assert reply.status_code == 403
    seen = await world.client.get(f"/api/v1/presence?userIds={other.id}", headers=guest.bearer)
    assert seen.json()["items"] == []


@pytest.mark.parametrize(
    ("category", "status"),
    [("message", 200), ("form", 403), ("document", 403), ("avatar", 403), ("course-document", 403)],
)
async def test_a_guest_uploads_files_of_messages_only(world: World, guest: Guest, category: str, status: int) -> None:
    body = {"fileName": "a.png", "fileType": "image/png", "fileSize": 100, "category": category}
    reply = await world.client.post("/api/v1/files/upload-url", json=body, headers=guest.bearer)
    assert reply.status_code == status, reply.text


async def test_a_socket_opens_for_a_guest_while_the_day_lasts(world: World, guest: Guest) -> None:
    sessions = world.parts.chat.sessions
    session = (await world.client.get("/api/v1/auth/sessions", headers=guest.bearer)).json()["items"][0]["id"]
    assert await sessions.may_connect(guest.id, session)
    await world.client.post("/api/v1/auth/logout", headers=guest.bearer, json={})
    assert not await sessions.may_connect(guest.id, session)
