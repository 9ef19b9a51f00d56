"""What a browser does to upload a file."""

from typing import Any

import httpx

from domain.files.kinds import EXTENSIONS
from domain.kernel.accounts import ACCOUNT_ID
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Patch
from tests.world import API, Person, World

FILES = "/api/v1/files"


async def ask(
    world: World, person: Person | None, content: bytes, kind: str, category: str = "document", **changes: Any
) -> httpx.Response:
    body = {
        "fileName": f"file.{EXTENSIONS[kind][0]}",
        "fileType": kind,
        "fileSize": len(content),
        "category": category,
    }
    headers = {} if person is None else person.bearer
    return await world.client.post(f"{FILES}/upload-url", json={**body, **changes}, headers=headers)


async def send(world: World, ticket: dict[str, Any], content: bytes) -> httpx.Response:
    """To wherever the ticket says, and with just its headers: by the storage's own client, which has no cookies."""
    async with _storage(world, ticket["uploadUrl"]) as browser:
        return await browser.request(ticket["method"], ticket["uploadUrl"], content=content, headers=ticket["headers"])


def _storage(world: World, url: str) -> httpx.AsyncClient:
    """The dev host's own, in this process, or the server that the URL names."""
    return world.browser() if url.startswith(API) else httpx.AsyncClient(timeout=10)


async def complete(world: World, person: Person | None, file_id: str) -> httpx.Response:
    headers = {} if person is None else person.bearer
    return await world.client.post(f"{FILES}/complete", json={"fileId": file_id}, headers=headers)


async def begin(
    world: World, person: Person | None, content: bytes, kind: str, category: str = "document", **changes: Any
) -> dict[str, Any]:
    """Ask and send, not complete: the ticket."""
    reply = await ask(world, person, content, kind, category, **changes)
    assert reply.status_code == 200, reply.text
    ticket: dict[str, Any] = reply.json()
    sent = await send(world, ticket, content)
    assert sent.status_code == 201, sent.text
    return ticket


async def upload(
    world: World, person: Person | None, content: bytes, kind: str, category: str = "document", **changes: Any
) -> dict[str, Any]:
    """All of it: the file as completion answers."""
    ticket = await begin(world, person, content, kind, category, **changes)
    reply = await complete(world, person, ticket["fileId"])
    assert reply.status_code == 200, reply.text
    done: dict[str, Any] = reply.json()
    return done


async def read(world: World, url: str, **headers: str) -> httpx.Response:
    async with _storage(world, url) as browser:
        return await browser.get(url, headers=headers)


async def appoint(world: World, person: Person, role: str) -> None:
    """In the store, as the operator's command does it; sessions read their state anew."""
    await world.parts.documents.patch(ACCOUNTS, person.id, Patch(ACCOUNT_ID, set={"role": role}, incr={"version": 1}))
    await world.parts.auth.revocation.settle(person.id, ())
