"""Many sockets, slow sockets, silent sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from devhost.webpubsub import Config, EventHandler, Limits
from tests.webpubsub.world import HUB, JSON, KEY, Client, Place, event_handler, place

SOCKETS = 1000


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


class Counting(asyncio.Protocol):
    """A WebSocket client reduced to counting: what a thousand of them need."""

    def __init__(self, url: str, host: str) -> None:
        self._request = (
            f"GET {url} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: {JSON}\r\n\r\n"
        )
        self.data = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        self.data += data

    @property
    def numbers(self) -> list[list[int]]:
        """`data` of the messages received, in order."""
        text = self.data.partition(b"\r\n\r\n")[2]
        found: list[list[int]] = []
        while text:
            size = text[1]
            start = 4 if size == 126 else 2
            size = int.from_bytes(text[2:4], "big") if size == 126 else size
            frame = json.loads(text[start : start + size])
            if frame["type"] == "message":
                found.append(frame["data"])
            text = text[start + size :]
        return found


async def test_a_thousand_sockets_in_a_group_all_get_all_once_in_order(talk: Place) -> None:
    url = (await talk.client_url("u", groups=["g"])).removeprefix(talk.url.replace("http", "ws"))
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Counting(url, "127.0.0.1"), "127.0.0.1", talk.service.port)
        for _ in range(SOCKETS)
    ]
    members = talk.service.hub(HUB.lower()).members("g")
    async with asyncio.timeout(20):
        while len(members) < SOCKETS:
            await asyncio.sleep(0.01)
            members = talk.service.hub(HUB.lower()).members("g")
        await asyncio.gather(*(talk.server.send_to_group("g", [n]) for n in range(3)))
        for number in range(3, 20):
            await talk.server.send_to_group("g", [number])
        while any(not client.data.endswith(b"[19]}") for _, client in opened):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    first = opened[0][1].numbers
    assert sorted(n for [n] in first[:3]) == [0, 1, 2]  # sent at the same time: in any order, but the same for all
    assert first[3:] == [[n] for n in range(3, 20)]
    assert all(client.numbers == first for _, client in opened)
    for transport, _ in opened:
        transport.abort()


async def stalled(talk: Place, protocol: str = JSON) -> tuple[Client, socket.socket]:
    """A client that stops reading, with its socket."""
    client = await talk.open("slow", protocols=(protocol,), groups=["g"])
    writer = client.socket._writer
    writer.transport.pause_reading()
    return client, writer.transport.get_extra_info("socket")


async def test_a_stalled_reader_is_dropped_with_1008_and_delays_nobody() -> None:
    async with place(Config(KEY, limits=Limits(queue_messages=50))) as talk:
        slow, _ = await stalled(talk)
        quick = await talk.open("quick", groups=["g"])
        big = "x" * 100_000
        sent = 0
        while await talk.server.connection_exists(slow.id):
            await talk.server.send_to_group("g", {"n": sent, "big": big})
            assert (await quick.receive())["data"]["n"] == sent
            sent += 1
            assert sent < 1000
        assert sent > 50
        assert talk.service.describe()["hubs"][HUB.lower()]["slowReaders"] == 1
        await quick.settled()
        slow.socket._writer.transport.resume_reading()
        assert await slow.close_code() == 1008


async def test_a_reader_that_was_slow_for_a_while_misses_nothing() -> None:
    async with place() as talk:
        slow, _ = await stalled(talk)
        big = "x" * 100_000
        for number in range(100):
            await talk.server.send_to_group("g", {"n": number, "big": big})
        assert talk.service.describe()["hubs"][HUB.lower()]["clients"][0]["queued"] > 0
        slow.socket._writer.transport.resume_reading()
        assert [(await slow.receive())["data"]["n"] for _ in range(100)] == list(range(100))


async def test_messages_that_grew_too_old_in_the_queue_are_left_out() -> None:
    async with place() as talk:
        slow, _ = await stalled(talk)
        filler = {"big": "x" * 1_000_000}
        for _ in range(10):
            await talk.server.send_to_group("g", filler)
        await talk.server.send_to_group("g", {"n": "old"}, params={"messageTtlSeconds": 1})
        await talk.server.send_to_group("g", {"n": "kept"})
        held = talk.service.hub(HUB.lower()).connections[slow.id].socket
        assert held is not None
        held._pending = [(data, 0.0 if deadline < float("inf") else deadline) for data, deadline in held._pending]
        slow.socket._writer.transport.resume_reading()
        received = [(await slow.receive())["data"] for _ in range(11)]
        assert received[-1] == {"n": "kept"}
        assert received[:10] == [filler] * 10
        assert talk.service.describe()["expired"] == 1


async def test_a_socket_that_is_silent_for_three_pings_is_gone_and_others_are_pinged() -> None:
    async with place(Config(KEY, keep_alive=0.05)) as talk:
        dead = await talk.open("dead", autoping=False)
        alive = await talk.open("alive")
        reading = asyncio.create_task(alive.receive())
        async with asyncio.timeout(5):
            while await talk.server.connection_exists(dead.id):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.02)
        assert await talk.server.connection_exists(alive.id)
        await talk.server.send_to_user("alive", {})
        assert (await reading)["data"] == {}


async def test_who_pings_without_listening_is_cut_off() -> None:
    async with place(Config(KEY, limits=Limits(queue_bytes=100_000))) as talk:
        client = await talk.open("eager")
        transport = client.socket._writer.transport
        transport.pause_reading()
        pings = (b"\x89\xfd" + b"\x00" * 4 + b"x" * 125) * 1000
        async with asyncio.timeout(10):
            while await talk.server.connection_exists(client.id):
                transport.write(pings)
        transport.abort()


async def test_a_client_that_is_not_read_is_not_taken_for_dead() -> None:
    async with event_handler() as handler:
        release = asyncio.Event()

        async def wait(_request: web.BaseRequest, _body: bytes) -> web.Response:
            await release.wait()
            return web.Response(status=204)

        handler.answer = wait
        handlers = {HUB: (EventHandler(handler.url, frozenset()),)}
        config = Config(KEY, handlers=handlers, keep_alive=0.02, limits=Limits(events_waiting=2))
        async with place(config) as talk:
            client = await talk.open("alice")
            for number in range(4):
                await client.send(type="event", event="e", ackId=number, data=1)
            await asyncio.sleep(0.2)
            release.set()
            assert [(await client.receive())["ackId"] for _ in range(4)] == [0, 1, 2, 3]


async def test_a_handshake_that_does_not_come_is_given_up() -> None:
    async with place(Config(KEY, limits=Limits(handshake_wait=0.05))) as talk:
        for first in (b"", b"GET /clien", b"GET /client/hubs/h HTTP/1.1\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", talk.service.port)
            writer.write(first)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            await writer.wait_closed()


async def test_a_stopping_service_tells_its_clients() -> None:
    async with place() as talk:
        alice = await talk.open("alice")
        closing = asyncio.create_task(alice.close_code())
        await asyncio.sleep(0)
        await talk.service._close()
        assert await closing == 1001
