"""Blob Storage is away, refuses or hangs: who uploads is told to come again, and what was answered 2xx is kept."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.blobs import azure
from adapters.blobs.azure import AzureBlobs
from domain.files.kinds import JPEG, TXT, WEBP
from domain.files.model import FILE_ID
from domain.kernel.containers import FILES as CONTAINER
from tests.contents import SOUND
from tests.faults.answers import is_unavailable
from tests.faults.proxy import Proxy
from tests.servers import Azurite
from tests.uploads import FILES, ask, begin, complete, read, upload
from tests.world import World, a_world

pytestmark = pytest.mark.servers

HELLO = b"hello, world\n"
READ_SECONDS = 0.5
WAYS = ["away", "503", "500", "cut", "hangs"]


@pytest.fixture
async def way(azurite: Azurite) -> AsyncGenerator[Proxy]:
    async with Proxy.before(azurite.blob_port) as way:
        yield way


@pytest.fixture
async def world(way: Proxy, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    """The application, which reaches Blob Storage through `way`. Its clock says what the storage's says: URLs end."""
    monkeypatch.setattr(azure, "READ_SECONDS", READ_SECONDS)
    text = azurite.connection_string.replace(f":{azurite.blob_port}/", f":{way.port}/")
    async with a_world(tmp_path) as world:
        world.clock.advance(datetime.now(UTC) - world.clock.now())
        guard = world.parts.guard("blobs", azure.GUARD)
        vars(world.parts)["blobs"] = AzureBlobs(f"c{uuid4().hex}", world.clock, connection_string=text, guard=guard)
        yield world


async def spoil(way: Proxy, how: str) -> None:
    match how:
        case "away":
            await way.close()
        case "cut":
            way.cut()
        case "hangs":
            way.hang()
        case status:
            way.answer(int(status))


async def mend(world: World, way: Proxy, how: str) -> None:
    """And the circuit's rest is over, which counts real time."""
    if how == "away":
        await way.open()
    way.mend()
    world.parts.guards["blobs"]._open_until = None


@pytest.mark.parametrize("how", WAYS)
async def test_a_completion_is_told_to_come_again_and_then_keeps_what_was_uploaded(
    world: World, way: Proxy, how: str
) -> None:
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    waiting = await begin(world, ada, HELLO, TXT)
    avatar = await begin(world, ada, SOUND[JPEG], JPEG, "avatar")
    await spoil(way, how)
    for file_id in (waiting["fileId"], avatar["fileId"]):
        assert is_unavailable(await complete(world, ada, file_id))
    known = await world.client.get(f"{FILES}/{done['id']}", headers=ada.bearer)
    assert known.status_code == 200  # its URL is signed here
    await mend(world, way, how)
    kept = await complete(world, ada, waiting["fileId"])
    assert (await read(world, kept.json()["url"])).content == HELLO
    assert (await read(world, known.json()["url"])).content == HELLO
    pictures = (await complete(world, ada, avatar["fileId"])).json()
    assert (pictures["mimeType"], len(pictures["sizes"])) == (WEBP, 3)
    profile = {"avatar": avatar["fileId"]}
    assert (await world.client.patch("/api/v1/users/me", json=profile, headers=ada.bearer)).status_code == 200


@pytest.mark.parametrize("how", WAYS)
async def test_a_deletion_holds_and_the_bytes_follow(world: World, way: Proxy, how: str) -> None:
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    await spoil(way, how)
    url = f"{FILES}/{done['id']}"
    assert (await world.client.delete(url, headers=ada.bearer)).status_code == 204
    assert (await world.client.get(url, headers=ada.bearer)).status_code == 404
    await mend(world, way, how)
    assert (await read(world, done["url"])).status_code == 200  # who had a URL has it until it ends
    world.clock.advance(minutes=21)  # past the upload's URL, and the sweep has been by
    await world.parts.files.sweep.run()
    assert (await read(world, done["url"])).status_code == 404
    assert await world.parts.documents.find(CONTAINER, done["id"], FILE_ID) is None


async def test_the_first_upload_of_all_needs_the_storage(world: World, way: Proxy) -> None:
    ada = await world.sign_up("ada")
    await way.close()
    assert is_unavailable(await ask(world, ada, HELLO, TXT))
    ready = await world.client.get("/api/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    blobs = ready.json()["dependencies"]["blobs"]
    assert (blobs["status"], blobs["circuit"]) == ("down", "closed")
    await way.open()
    assert (await ask(world, ada, HELLO, TXT)).status_code == 200


async def test_a_storage_that_hangs_holds_its_slots_and_nobody_else(world: World, way: Proxy) -> None:
    ada = await world.sign_up("ada")
    waiting = [await begin(world, ada, HELLO, TXT) for _ in range(azure.POOL + 4)]
    way.hang()
    completing = [asyncio.create_task(complete(world, ada, ticket["fileId"])) for ticket in waiting]
    while way.open_connections < azure.POOL:  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.01)
    begun = time.monotonic()
    for path in ("healthz", "v1/courses", "v1/users/me", f"v1/files/{waiting[0]['fileId']}"):
        assert (await world.client.get(f"/api/{path}", headers=ada.bearer)).status_code in {200, 404}
    assert time.monotonic() - begun < READ_SECONDS * 3
    await asyncio.wait(completing, return_when=asyncio.FIRST_COMPLETED)  # who found no slot
    assert way.open_connections <= azure.POOL + 1  # one is the upload's own
    assert all([is_unavailable(await reply) for reply in completing])
    await mend(world, way, "hangs")
    assert (await complete(world, ada, waiting[0]["fileId"])).status_code == 200
