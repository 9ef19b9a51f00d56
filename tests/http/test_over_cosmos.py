"""The main job over Cosmos DB's own protocol: what the embedded store let pass, the service might not."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.documents.cosmos import CosmosDocuments
from domain.kernel.containers import CHAT
from domain.kernel.people import Person, person_item
from tests.courses import a_course, course_id, lesson_id
from tests.servers import Server
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


async def test_two_people_talk_and_miss_nothing(cloud: World) -> None:
    ada, bob = await cloud.sign_up("ada"), await cloud.sign_up("bob")
    for one in (ada, bob):
        person = Person(one.id, one.name, None, "active")
        await cloud.parts.documents.upsert(CHAT, person_item(person, version=1))
    opened = await cloud.client.post(
        "/api/v1/conversations", json={"type": "direct", "participantIds": [bob.id]}, headers=ada.bearer
    )
    assert opened.status_code == 201, opened.text
    messages = f"/api/v1/conversations/{opened.json()['id']}/messages"
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
