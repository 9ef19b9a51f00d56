"""The races of sign-in, decided by Cosmos DB."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from adapters.documents.cosmos import CosmosDocuments
from tests.auth import bearer, code, cookie, is_refused, log_in, refresh
from tests.servers import Server
from tests.world import PASSWORD, World, a_world

pytestmark = pytest.mark.servers


@pytest.fixture
async def cosmos_world(tmp_path: Path, cosmos_emulator: Server) -> AsyncGenerator[World]:
    settings = {
        "APP_COSMOS_ENDPOINT": cosmos_emulator.url,
        "APP_COSMOS_KEY": "a2V5",
        "APP_COSMOS_DATABASE": f"db-{uuid4()}",
    }
    async with a_world(tmp_path, **settings) as world:
        documents = world.parts.documents
        assert isinstance(documents, CosmosDocuments)
        await documents.ensure_containers()
        yield world


async def test_of_parallel_sign_ups_one_gets_the_address(cosmos_world: World) -> None:
    async def sign_up(number: int) -> httpx.Response:
        body = {"email": "ada@people.example", "password": f"{PASSWORD} {number}", "name": "Ada"}
        return await cosmos_world.browser().post("/api/v1/auth/signup", json=body)

    replies = await asyncio.gather(*(sign_up(number) for number in range(8)))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7


async def test_twins_get_one_successor_and_a_late_replay_ends_the_session(cosmos_world: World) -> None:
    ada = await cosmos_world.sign_up("ada")
    stolen = cookie(await log_in(cosmos_world.browser(), ada.email))
    replies = await asyncio.gather(*(refresh(cosmos_world, stolen) for _ in range(8)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({cookie(reply) for reply in replies}) == 1
    cosmos_world.clock.advance(seconds=11)
    assert code(await refresh(cosmos_world, stolen)) == "token_revoked"
    assert await is_refused(cosmos_world, bearer(replies[0])) == "token_revoked"
    assert await is_refused(cosmos_world, ada.bearer) is None


async def test_a_reset_link_is_good_once_and_ends_every_session(cosmos_world: World) -> None:
    ada = await cosmos_world.sign_up("ada")
    await cosmos_world.browser().post("/api/v1/auth/forgot-password", json={"email": ada.email})
    await cosmos_world.run_jobs()
    token = cosmos_world.mails(to=ada.email)[-1].links[0].partition("token=")[2]

    async def reset(number: int) -> httpx.Response:
        body = {"token": token, "newPassword": f"{PASSWORD} {number}"}
        return await cosmos_world.browser().post("/api/v1/auth/reset-password", json=body)

    replies = await asyncio.gather(*(reset(number) for number in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200] + [401] * 3
    assert await is_refused(cosmos_world, ada.bearer) == "token_revoked"
    reply = await cosmos_world.browser().post("/api/v1/auth/logout-all", headers=ada.bearer)
    assert code(reply) == "token_revoked"


async def test_a_person_lists_and_ends_their_sessions(cosmos_world: World) -> None:
    ada = await cosmos_world.sign_up("ada")
    for _ in range(3):
        await log_in(cosmos_world.browser(), ada.email)
    reply = await cosmos_world.browser().post("/api/v1/auth/logout-all", headers=ada.bearer)
    assert reply.json() == {"revokedSessions": 4}
    assert await is_refused(cosmos_world, ada.bearer) == "token_revoked"
