"""The main job over Cosmos DB's own protocol: what the embedded store let pass, the service might not."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.documents.cosmos import CosmosDocuments
from domain.kernel.containers import CHAT
from domain.kernel.people import Person, person_item
from tests.courses import a_course, course_id, lesson_id
from tests.servers import Server
from tests.world import Person as Learner
from tests.world import World, a_world

pytestmark = pytest.mark.servers

COURSE = f"/api/v1/courses/{course_id(1)}"


@pytest.fixture
async def cloud(cosmos_emulator: Server, tmp_path: Path) -> AsyncGenerator[World]:
    settings = {
        "APP_COSMOS_ENDPOINT": cosmos_emulator.url,
        "APP_COSMOS_KEY": "a2V5",
        "APP_COSMOS_DATABASE": f"db-{uuid4()}",
    }
    async with a_world(tmp_path, **settings) as world:
        assert isinstance(world.parts.documents, CosmosDocuments)
        await world.parts.documents.ensure_containers()
        yield world


async def test_of_many_sign_ups_one_gets_the_address_and_can_sign_in(cloud: World) -> None:
    body = {"email": "ada@people.example", "password": "correct horse battery", "name": "Ada"}
    replies = await asyncio.gather(*(cloud.client.post("/api/v1/auth/signup", json=body) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409, 409]
    login = {"email": "ADA@people.example", "password": "correct horse battery"}
    assert (await cloud.client.post("/api/v1/auth/login", json=login)).status_code == 200
    assert (await cloud.client.post("/api/v1/auth/refresh", headers={"Origin": "http://localhost:3000"})).is_success


async def test_a_course_is_taken_by_parallel_steps(cloud: World) -> None:
    await cloud.parts.courses.publishing.load([a_course(1)])
    ada = await cloud.sign_up("ada")
    enrolled = await asyncio.gather(*(cloud.client.post(f"{COURSE}/enroll", headers=ada.bearer) for _ in range(10)))
    assert sorted(reply.status_code for reply in enrolled) == [200, *[409] * 9]
    done = await asyncio.gather(
        *(
            cloud.client.post(f"{COURSE}/lessons/{lesson_id(1, n)}/complete", json={}, headers=ada.bearer)
            for n in (1, 2, 3)
        )
    )
    assert [reply.status_code for reply in done] == [200] * 3
    await cloud.run_jobs()
    progress = (await cloud.client.get("/api/v1/users/me/progress", headers=ada.bearer)).json()
    assert progress["courses"][course_id(1)]["progress"] == 100
    assert (await cloud.client.get("/api/v1/courses")).json()["items"][0]["metadata"]["enrolledCount"] == 1


async def a_talk(cloud: World) -> tuple[Learner, Learner, str]:
    """Ada and Bob, and the address of their conversation."""
    ada, bob = await cloud.sign_up("ada"), await cloud.sign_up("bob")
    for one in (ada, bob):
        person = Person(one.id, one.name, None, "active")
        await cloud.parts.documents.upsert(CHAT, person_item(person, version=1))
    opened = await cloud.client.post(
        "/api/v1/conversations", json={"type": "direct", "participantIds": [bob.id]}, headers=ada.bearer
    )
    assert opened.status_code == 201, opened.text
    return ada, bob, f"/api/v1/conversations/{opened.json()['id']}"


async def test_two_people_talk_and_miss_nothing(cloud: World) -> None:
    ada, bob, room = await a_talk(cloud)
    messages = f"{room}/messages"
    sent = await asyncio.gather(
        *(
            cloud.client.post(messages, json={"text": f"{n}"}, headers=who.bearer)
            for n in range(10)
            for who in (ada, bob)
        )
    )
    assert {reply.status_code for reply in sent} == {201}
    page = (await cloud.client.get(messages, headers=bob.bearer)).json()["items"]
    assert [message["seq"] for message in page] == list(range(1, 21))
    assert sorted(message["id"] for message in page) == sorted(reply.json()["id"] for reply in sent)
    listed = (await cloud.client.get("/api/v1/conversations", headers=bob.bearer)).json()["items"]
    assert listed[0]["lastMessage"]["seq"] == 20


async def test_what_is_written_for_later_is_sent_once_and_leaves_the_draft(cloud: World) -> None:
    ada, bob, room = await a_talk(cloud)
    saved = await cloud.client.put(f"{room}/draft", json={"text": "I was"}, headers=ada.bearer)
    body = {"text": "later", "sendAt": "2026-01-20T12:01:00Z", "clientMessageId": "c1"}
    made = await asyncio.gather(
        *(cloud.client.post(f"{room}/scheduled", json=body, headers=ada.bearer) for _ in range(4))
    )
    assert {reply.status_code for reply in made} == {201}, [reply.text for reply in made]
    assert len({reply.json()["id"] for reply in made}) == 1
    cloud.clock.advance(timedelta(minutes=2))
    await asyncio.gather(*(cloud.parts.chat.due.send_due() for _ in range(4)))
    messages = (await cloud.client.get(f"{room}/messages", headers=bob.bearer)).json()["items"]
    assert [message["text"] for message in messages] == ["later"]
    assert (await cloud.client.get(made[0].headers["location"], headers=ada.bearer)).json()["status"] == "sent"
    assert (await cloud.client.get(f"{room}/draft", headers=ada.bearer)).json() == saved.json()
    await cloud.client.post(f"{room}/messages", json={"text": "I was late"}, headers=ada.bearer)
    assert (await cloud.client.get(f"{room}/draft", headers=ada.bearer)).status_code == 404


async def test_what_is_too_old_goes_but_for_what_is_held(cloud: World) -> None:
    ada, bob, room = await a_talk(cloud)
    room_id, social = room.rpartition("/")[2], cloud.parts.social
    await social.retention.set(bob.id, room_id, 7, moderates=True)
    sent = [await cloud.client.post(f"{room}/messages", json={"text": f"{n}"}, headers=ada.bearer) for n in range(25)]
    first = sent[0].json()["id"]
    await cloud.client.patch(f"/api/v1/messages/{first}", json={"text": "edited"}, headers=ada.bearer)
    await cloud.client.post(f"/api/v1/messages/{first}/report", json={"reason": "x"}, headers=bob.bearer)
    await cloud.parts.chat.sending.settle()
    await cloud.parts.chat.behind.settle()
    cloud.clock.advance(timedelta(days=8))
    await social.legal_holds.set(bob.id, "conversation", room_id, "A complaint.")
    assert await social.expiry.run() == 0
    await social.legal_holds.lift(bob.id, "conversation", room_id, "Settled.")
    cloud.clock.advance(timedelta(seconds=1))
    assert sum(await asyncio.gather(*(social.expiry.run() for _ in range(2)))) == 25
    page = await cloud.parts.chat.history.page(bob.id, room_id)
    assert (page.items, page.first_seq) == ([], 26)
    file = await social.legal_holds.read_message(bob.id, first)
    assert (file.message.text, [edit.text for edit in file.edits], file.is_held) == ("edited", ["0"], True)
    assert await social.expiry.run() == 0
