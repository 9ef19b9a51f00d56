"""Guests and mentions over Cosmos DB's own protocol: batches, conditions and patches as the service takes them."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.documents.cosmos import CosmosDocuments
from domain.auth.guests import GUEST_LIVES
from tests.guests import a_guest, receive_guests
from tests.http.test_guests import back, get, holds, send, sign_up, won_by_one
from tests.servers import Server
from tests.world import World, a_world

pytestmark = pytest.mark.servers


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


async def test_a_guest_comes_talks_and_is_gone_after_a_day(cloud: World) -> None:
    host = await cloud.sign_up("hanna")
    receive_guests(cloud, host)
    guest = await a_guest(cloud)
    assert (await send(cloud, host, guest.room, "@Gil, we are here")).json()["mentions"] == [guest.id]
    cloud.clock.advance(GUEST_LIVES + timedelta(seconds=1))
    await cloud.run_jobs("sweep_outbox")
    assert await holds(cloud, guest) == []
    people = (await get(cloud, await back(cloud, host), f"conversations/{guest.room}")).json()["participants"]
    assert [each["userId"] for each in people] == [host.id]


async def test_of_an_end_and_a_sign_up_at_once_one_wins(cloud: World) -> None:
    receive_guests(cloud, await cloud.sign_up("hanna"))
    for _ in range(3):
        guest = await a_guest(cloud)
        email = f"{guest.id}@people.example"
        reply, _ = await asyncio.gather(
            sign_up(cloud, guest, email), cloud.parts.auth.guests.end(guest.id), return_exceptions=True
        )
        assert not isinstance(reply, BaseException)
        await cloud.parts.auth.guests.end(guest.id)
        await won_by_one(cloud, guest, email, reply)
        cloud.clock.advance(timedelta(minutes=2))


async def test_a_new_name_is_heard_where_the_person_is(cloud: World) -> None:
    ada, bob = await cloud.sign_up("ada"), await cloud.sign_up("bob")
    body = {"type": "group", "participantIds": [bob.id], "name": "Welders"}
    room = (await cloud.client.post("/api/v1/conversations", json=body, headers=ada.bearer)).json()["id"]
    await cloud.client.patch("/api/v1/users/me", json={"name": "Robert Noyce"}, headers=bob.bearer)
    cloud.clock.advance(timedelta(seconds=1))
    await cloud.run_jobs("sweep_outbox")
    said = await send(cloud, ada, room, "@robert noyce, not @bob: @all")
    assert said.json()["mentions"] == [bob.id]
    assert (await send(cloud, ada, room, "@bob")).json()["mentions"] == []
    assert (await send(cloud, bob, room, "@all @Ada")).json()["mentions"] == [ada.id]
