"""With a scanner, files wait for its verdict, in whatever order the two arrive."""

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import function_app
from devhost.functions import functions_of
from domain.files.kinds import JPEG, TXT
from domain.files.model import FILE_ID, upload_name, version_of
from domain.files.verdicts import SCANS
from domain.kernel.containers import FILES as CONTAINER
from tests.contents import SOUND
from tests.uploads import FILES, begin, complete, read, upload
from tests.world import Person, World, a_world

HELLO = b"hello, world\n"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with a_world(tmp_path, APP_MALWARE_SCAN="defender") as world:
        yield world


async def tell(world: World, file_id: str, result: str, *, version: str | None = None) -> None:
    """As Event Grid puts Defender's event into the queue."""
    await world.parts.queue.send(SCANS, await an_event(world, file_id, result, version=version))
    await world.run_jobs("sweep_outbox")


async def an_event(world: World, file_id: str, result: str, *, version: str | None = None) -> dict[str, Any]:
    """About the bytes that are kept, unless *version* names others."""
    if version is None:
        stored = await world.parts.documents.find(CONTAINER, file_id, FILE_ID)
        assert stored is not None
        version = stored.item["version"]
    return {
        "id": "e",
        "subject": "storageAccounts/stfiles/containers/files/blobs/x",
        "eventType": "Microsoft.Security.MalwareScanningResult",
        "data": {
            "blobUri": f"https://stfiles.blob.core.windows.net/files/{file_id}/{version}",
            "scanResultType": result,
        },
    }


async def status(world: World, person: Person, file_id: str) -> int | str:
    reply = await world.client.get(f"{FILES}/{file_id}", headers=person.bearer)
    return str(reply.json()["status"]) if reply.status_code == 200 else reply.status_code


async def test_a_file_is_nobodys_to_read_until_it_is_clean(world: World) -> None:
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    assert (done["status"], done["url"], done["sizes"]) == ("scanning", None, {})
    assert await status(world, ada, done["id"]) == "scanning"
    for undecided in ("Not scanned", "Error", ""):
        await tell(world, done["id"], undecided)
        assert await status(world, ada, done["id"]) == "scanning"
    for _ in range(2):
        await tell(world, done["id"], "No threats found")
        assert await status(world, ada, done["id"]) == "complete"
    again = (await complete(world, ada, done["id"])).json()
    assert (await read(world, again["url"])).content == HELLO


async def test_the_event_is_understood_as_event_grid_delivers_it(world: World) -> None:
    """In base64. The host hands it on as it is, because our own messages are plain text."""
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    event = json.dumps(await an_event(world, done["id"], "No threats found")).encode()
    take_verdict = next(each for each in functions_of(function_app.app) if each.name == "take_verdict")
    await take_verdict.invoke(func.QueueMessage(body=base64.b64encode(event)))
    assert await status(world, ada, done["id"]) == "complete"


async def test_what_is_found_harmful_is_deleted(world: World) -> None:
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    await tell(world, done["id"], "Malicious")
    assert await status(world, ada, done["id"]) == 404
    refused = await complete(world, ada, done["id"])
    assert refused.json()["error"]["details"][0]["code"] == "infected"
    blobs = world.data / "blobs" / "kept"
    assert not list(blobs.glob(f"{done['id']}/*"))
    world.clock.advance(minutes=30)
    await world.run_jobs("sweep_files")
    assert await world.parts.documents.find(CONTAINER, done["id"], FILE_ID) is None


async def test_a_verdict_may_come_before_the_file_is_complete(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = await begin(world, ada, HELLO, TXT)
    stat = await world.parts.blobs.stat(upload_name(ticket["fileId"]))
    assert stat is not None
    await tell(world, ticket["fileId"], "No threats found", version=version_of(stat.etag))
    assert (await complete(world, ada, ticket["fileId"])).json()["status"] == "complete"


async def test_a_verdict_on_other_bytes_decides_nothing(world: World) -> None:
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    await tell(world, done["id"], "No threats found", version="upload")
    assert await status(world, ada, done["id"]) == "scanning"


async def test_verdicts_on_what_is_no_file_are_passed_over(world: World) -> None:
    for file_id in ("x", "../..", "01890a5d-ac96-774b-bcce-b302099a8057"):
        await tell(world, file_id, "Malicious", version="upload")
    await world.parts.queue.send(SCANS, {"eventType": "Something.Else", "data": "x"})
    await world.run_jobs("sweep_outbox")


async def test_avatars_do_not_wait_as_they_are_made_here(world: World) -> None:
    ada = await world.sign_up("ada")
    assert (await upload(world, ada, SOUND[JPEG], JPEG, "avatar"))["status"] == "complete"
