"""The dev host's `/_blobs/`, where it must be like the Blob service with the rules that Bicep sets there."""

from collections.abc import AsyncIterator

import httpx

from domain.files.kinds import TXT
from tests.uploads import ask, read, send, upload
from tests.world import API, World

HELLO = b"hello, world\n"
SITE = "http://localhost:3000"


async def test_pages_of_the_site_may_upload_and_others_not(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = (await ask(world, ada, HELLO, TXT)).json()
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,x-ms-blob-type"}
    async with world.browser() as browser:
        ours = await browser.options(ticket["uploadUrl"], headers={"Origin": SITE, **wanted})
        theirs = await browser.options(ticket["uploadUrl"], headers={"Origin": "https://evil.example", **wanted})
        sent = await browser.put(ticket["uploadUrl"], content=HELLO, headers={"Origin": SITE, **ticket["headers"]})
    assert ours.headers["Access-Control-Allow-Origin"] == SITE
    assert "PUT" in ours.headers["Access-Control-Allow-Methods"]
    assert ours.headers["Access-Control-Allow-Headers"] == "content-type,x-ms-blob-type"
    assert "Access-Control-Allow-Origin" not in theirs.headers
    assert sent.headers["Access-Control-Allow-Origin"] == SITE


async def test_more_than_was_announced_is_not_taken(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = (await ask(world, ada, HELLO, TXT)).json()
    assert (await send(world, ticket, HELLO + b"!")).status_code == 413
    assert (await send(world, ticket, HELLO)).status_code == 201


async def test_an_upload_says_what_it_is_and_how_long(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = (await ask(world, ada, HELLO, TXT)).json()

    async def pieces() -> AsyncIterator[bytes]:
        yield HELLO

    async with world.browser() as browser:
        assert (await browser.put(ticket["uploadUrl"], content=HELLO)).status_code == 400
        chunked = await browser.put(ticket["uploadUrl"], content=pieces(), headers=ticket["headers"])
        assert chunked.status_code == 411
        assert chunked.headers["x-ms-error-code"] == "MissingContentLengthHeader"
        assert (await browser.request("DELETE", ticket["uploadUrl"])).status_code == 405


async def test_head_tells_what_get_would_send(world: World) -> None:
    ada = await world.sign_up("ada")
    url = (await upload(world, ada, HELLO, TXT))["url"]
    async with world.browser() as browser:
        head = await browser.head(url)
    got = await read(world, url)
    assert head.content == b""
    assert head.headers == got.headers
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_without_a_signature_there_is_nothing(world: World) -> None:
    async with world.browser() as browser:
        for path in ("", "x", "01890a5d-ac96-774b-bcce-b302099a8057/upload", "..%2f..%2fkeys.json", "%00"):
            for method in ("GET", "PUT"):
                reply: httpx.Response = await browser.request(method, f"{API}/_blobs/{path}")
                assert reply.status_code == 403, path
                assert reply.headers["X-Content-Type-Options"] == "nosniff"
