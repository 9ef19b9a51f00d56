"""Files of messages over HTTP and over the socket."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.chat.model import MAX_ATTACHMENTS
from domain.files.kinds import JPEG, PDF, TXT
from tests.contents import SOUND, a_pdf
from tests.guests import a_guest, receive_guests
from tests.http.test_chat_signals import CHAT, let_in, open_direct, post, service_event
from tests.http.test_guests import a_day_later, back
from tests.http.test_users import an_admin, code, get
from tests.uploads import FILES, begin, read, upload
from tests.world import Person, World, a_world

HELLO = b"hello, world\n"
REPORTS = "/api/v1/admin/reports"


def detail(reply: httpx.Response) -> list[tuple[str, str]]:
    assert code(reply) == (400, "validation_error"), reply.text
    return [(fault["path"], fault["code"]) for fault in reply.json()["error"]["details"]]


async def send(world: World, who: Person, room: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return await post(world, f"{CHAT}/{room}/messages", who, body, **headers)


async def two(world: World) -> tuple[Person, Person, str]:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    return ada, bob, await open_direct(world, ada, bob)


async def test_a_picture_is_sent_shown_and_read(world: World) -> None:
    ada, bob, room = await two(world)
    photo = await upload(world, ada, SOUND[JPEG], JPEG, "message", fileName="Müller's garden.jpg")
    sent = await send(world, ada, room, {"text": "", "attachments": [{"id": photo["id"]}]})
    assert sent.status_code == 201, sent.text
    (shown,) = sent.json()["attachments"]
    assert {name: shown[name] for name in ("id", "name", "size", "mimeType")} == {
        "id": photo["id"],
        "name": "Müller's garden.jpg",
        "size": len(SOUND[JPEG]),
        "mimeType": JPEG,
    }
    for listed in (f"{CHAT}/{room}/messages", f"{CHAT}/{room}/messages/search"):
        params = {"q": "garden"} if listed.endswith("search") else {}
        items = (await get(world, listed, bob, **params)).json()["items"]
        assert [item["attachments"] for item in items] == ([] if params else [[shown]]), "names are not searched"
    picture = await read(world, shown["url"])
    assert picture.content == SOUND[JPEG]
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    world.clock.advance(minutes=6)
    again = (await get(world, f"{FILES}/{photo['id']}", bob)).json()
    world.clock.advance(minutes=9)
    assert (await read(world, shown["url"])).status_code == 403
    assert (await read(world, again["url"])).content == SOUND[JPEG]


async def test_what_cannot_be_attached(world: World) -> None:
    ada, bob, room = await two(world)
    mine, pending = await upload(world, ada, a_pdf(), PDF), await begin(world, ada, HELLO, TXT, "message")
    theirs = await upload(world, bob, HELLO, TXT, "message")
    for file_id in (mine["id"], pending["fileId"], theirs["id"], room):
        refused = await send(world, ada, room, {"text": "x", "attachments": [{"id": file_id}]})
        assert detail(refused) == [("attachments[0].id", "unknown_file")]
    for attachments, faults in (
        ([{"id": "../../etc/passwd"}], [("attachments[0].id", "format")]),
        ([{"id": 5}], [("attachments[0].id", "type")]),
        ([{}], [("attachments[0].id", "required")]),
        ([{"id": room, "url": "https://evil.example"}], [("attachments[0].url", "unknown_field")]),
        ([room], [("attachments[0]", "type")]),
        ({"id": room}, [("attachments", "type")]),
        ([{"id": room}] * (MAX_ATTACHMENTS + 1), [("attachments", "too_many")]),
    ):
        assert detail(await send(world, ada, room, {"text": "x", "attachments": attachments})) == faults
    for body in ({}, {"text": " "}, {"text": "", "attachments": []}):
        assert detail(await send(world, ada, room, body)) == [("text", "required")]
    assert (await get(world, f"{CHAT}/{room}/messages", ada)).json()["items"] == []


async def test_a_file_that_waits_for_the_scanner_is_not_attached(tmp_path: Path) -> None:
    async with a_world(tmp_path, APP_MALWARE_SCAN="defender") as world:
        ada, _, room = await two(world)
        file = await upload(world, ada, HELLO, TXT, "message")
        refused = await send(world, ada, room, {"text": "x", "attachments": [{"id": file["id"]}]})
        assert detail(refused) == [("attachments[0].id", "scanning")]


async def test_a_socket_sends_files_as_a_request_does(world: World) -> None:
    ada, bob, room = await two(world)
    file = await upload(world, ada, HELLO, TXT, "message")
    await let_in(world, ada)
    body = {"conversationId": room, "attachments": [{"id": file["id"]}]}
    first, again = [await service_event(world, "user.message", ada, body) for _ in range(2)]
    assert first.status_code == 200, first.text
    assert first.json() == again.json()
    assert [each["id"] for each in first.json()["attachments"]] == [file["id"]]
    assert (await get(world, f"{FILES}/{file['id']}", bob)).status_code == 200


async def test_under_a_key_a_send_that_broke_off_is_the_same_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, _, room = await two(world)
    file = await upload(world, ada, HELLO, TXT, "message")
    body = {"text": "x", "attachments": [{"id": file["id"]}]}

    async def die(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as dying:
        dying.setattr(type(world.parts.documents), "batch", die)
        assert (await send(world, ada, room, body, **{"Idempotency-Key": "k"})).status_code == 500
    world.clock.advance(minutes=2)
    replies = [await send(world, ada, room, body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201], replies[0].text
    assert replies[0].json() == replies[1].json()
    assert len((await get(world, f"{CHAT}/{room}/messages", ada)).json()["items"]) == 1


async def test_a_deleted_message_takes_its_files_along(world: World) -> None:
    ada, bob, room = await two(world)
    file = await upload(world, ada, HELLO, TXT, "message")
    sent = (await send(world, ada, room, {"text": "sorry", "attachments": [{"id": file["id"]}]})).json()
    gone = await world.client.delete(f"/api/v1/messages/{sent['id']}", headers=ada.bearer)
    assert gone.status_code == 204
    assert (await get(world, f"{FILES}/{file['id']}", bob)).status_code == 404
    await world.parts.chat.sending.settle()
    assert (await get(world, f"{FILES}/{file['id']}", ada)).status_code == 404
    assert (await read(world, sent["attachments"][0]["url"])).status_code == 404
    (item,) = (await get(world, f"{CHAT}/{room}/messages", bob)).json()["items"]
    assert (item["attachments"], item["deletedAt"] is None) == ([], False)


async def test_administrators_see_the_files_of_what_was_reported(world: World) -> None:
    ada, bob, room = await two(world)
    admin = await an_admin(world)
    file = await upload(world, ada, HELLO, TXT, "message")
    sent = (await send(world, ada, room, {"text": "rude", "attachments": [{"id": file["id"]}]})).json()
    report = (await post(world, f"/api/v1/messages/{sent['id']}/report", bob, {"reason": "x"})).json()
    await world.client.delete(f"/api/v1/messages/{sent['id']}", headers=ada.bearer)
    await world.parts.chat.sending.settle()
    dossier = (await get(world, f"{REPORTS}/{report['id']}", admin)).json()
    assert dossier["message"]["attachments"] == [
        {"id": file["id"], "name": "file.txt", "size": len(HELLO), "mimeType": TXT}
    ]
    assert dossier["messageNow"]["text"] == ""
    url = f"{REPORTS}/{report['id']}/attachments"
    assert code(await get(world, url, bob)) == (403, "forbidden")
    assert code(await get(world, f"{REPORTS}/{room}/attachments", admin)) == (404, "not_found")
    (shown,) = (await get(world, url, admin)).json()["items"]
    assert (await read(world, shown["url"])).content == HELLO
    assert (await get(world, f"{FILES}/{file['id']}", admin)).status_code == 404


async def test_under_a_legal_hold_administrators_see_a_deleted_messages_files(world: World) -> None:
    ada, bob, room = await two(world)
    admin = await an_admin(world)
    file = await upload(world, ada, HELLO, TXT, "message")
    sent = (await send(world, ada, room, {"text": "x", "attachments": [{"id": file["id"]}]})).json()
    hold, url = f"/api/v1/admin/conversations/{room}/hold", f"/api/v1/admin/messages/{sent['id']}"
    held = await world.client.put(hold, json={"reason": "A court asked."}, headers=admin.bearer)
    assert held.status_code == 200, held.text
    await world.client.delete(f"/api/v1/messages/{sent['id']}", headers=ada.bearer)
    await world.parts.chat.sending.settle()
    for person in (ada, bob):
        assert (await get(world, f"{FILES}/{file['id']}", person)).status_code == 404
        assert code(await get(world, url, person)) == (403, "forbidden")
    (shown,) = (await get(world, url, admin)).json()["attachments"]
    assert (await read(world, shown["url"])).content == HELLO
    lifted = await world.client.request("DELETE", hold, json={"reason": "Over."}, headers=admin.bearer)
    assert lifted.status_code == 204, lifted.text
    assert (await get(world, url, admin)).json()["attachments"] == []
    world.clock.advance(days=1, seconds=1)
    await world.run_jobs("sweep_files")
    assert (await read(world, shown["url"])).status_code in {403, 404}
    assert await world.parts.blobs.stat(f"{file['id']}/{shown['url'].partition('?')[0].rpartition('/')[2]}") is None


async def test_a_guests_file_stays_with_what_they_said(world: World) -> None:
    hanna, eve = await world.sign_up("hanna"), await world.sign_up("eve")
    receive_guests(world, hanna)
    guest = await a_guest(world)
    file = await upload(world, guest, HELLO, TXT, "message")
    sent = await send(world, guest, guest.room, {"text": "", "attachments": [{"id": file["id"]}]})
    assert sent.status_code == 201, sent.text
    url = f"{FILES}/{file['id']}"
    for person, status in ((guest, 200), (hanna, 200), (eve, 404)):
        assert (await get(world, url, person)).status_code == status
    await a_day_later(world)
    await world.run_jobs("sweep_files")
    hanna = await back(world, hanna)
    assert (await read(world, (await get(world, url, hanna)).json()["url"])).content == HELLO
