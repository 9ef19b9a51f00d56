"""The proxy does what tests of faults believe it does."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from aiohttp import web

from tests.faults.proxy import Proxy


@pytest.fixture
async def way() -> AsyncGenerator[Proxy]:
    """To a server that gives back what it is sent."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=b"echo " + await request.read())

    app = web.Application()
    app.router.add_post("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with Proxy.before(runner.addresses[0][1]) as way:
        yield way
    await runner.cleanup()


@pytest.fixture
async def http(way: Proxy) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=way.url, timeout=5) as http:
        yield http


async def test_it_forwards_both_ways(way: Proxy, http: httpx.AsyncClient) -> None:
    for size in (1, 1_000_000):
        assert (await http.post("/", content=b"x" * size)).content == b"echo " + b"x" * size
    assert way.accepted == 1


async def test_it_answers_in_the_servers_place_and_stops_doing_so(way: Proxy, http: httpx.AsyncClient) -> None:
    await http.post("/", content=b"before")
    way.answer(429, {"retry-after": "7"})
    for size in (0, 500_000):
        reply = await http.post("/", content=b"x" * size)
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
    assert way.answered == 2
    way.mend()
    assert (await http.post("/", content=b"after")).text == "echo after"
    assert way.answered == 2


async def test_a_hang_holds_what_is_sent_until_it_ends(way: Proxy, http: httpx.AsyncClient) -> None:
    way.hang()
    asking = asyncio.create_task(http.post("/", content=b"patience"))
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/", content=b"none", timeout=0.05)
    assert not asking.done()
    way.mend()
    assert (await asking).text == "echo patience"


async def test_a_cut_ends_connections_without_an_answer(way: Proxy, http: httpx.AsyncClient) -> None:
    way.hang()
    asking = asyncio.create_task(http.post("/", content=b"x"))
    while not way.open_connections:  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0)
    way.cut()
    with pytest.raises(httpx.HTTPError):
        await asking
    with pytest.raises(httpx.HTTPError):
        await http.post("/", content=b"x")
    way.mend()
    assert (await http.post("/", content=b"x")).text == "echo x"


async def test_a_delay_is_on_every_piece(way: Proxy, http: httpx.AsyncClient) -> None:
    way.delay(0.05)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert (await http.post("/", content=b"x")).text == "echo x"
    assert loop.time() - begun >= 0.1


async def test_closed_it_refuses_and_opened_it_is_where_it_was(way: Proxy, http: httpx.AsyncClient) -> None:
    await http.post("/", content=b"x")
    port = way.port
    await way.close()
    with pytest.raises(httpx.HTTPError):
        await http.post("/", content=b"x")
    assert way.open_connections == 0
    await way.open()
    assert way.port == port
    assert (await http.post("/", content=b"x")).text == "echo x"
