"""Answers leave in one write, whole and in order, whatever their size."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from devhost.http_protocol import MOST_HELD, HttpProtocol, Joined


class Wire(asyncio.Transport):
    """Notes each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed_after: int | None = None

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed_after = len(self.writes)


async def test_what_is_written_in_one_turn_leaves_in_one_write_at_its_end() -> None:
    wire = Wire()
    joined = Joined(wire)
    for piece in (b"head ", b"", b"body"):
        joined.write(piece)
    assert wire.writes == []
    await asyncio.sleep(0)
    assert wire.writes == [b"head body"]
    joined.write(b"next")
    await asyncio.sleep(0)
    assert wire.writes == [b"head body", b"next"]


async def test_much_is_not_held_and_a_close_comes_after_what_was_written() -> None:
    wire = Wire()
    joined = Joined(wire)
    for _ in range(3):
        joined.write(b"x" * MOST_HELD)
    assert len(b"".join(wire.writes)) >= 2 * MOST_HELD
    joined.write(b"end")
    joined.close()
    assert wire.closed_after == len(wire.writes)
    assert b"".join(wire.writes) == b"x" * (3 * MOST_HELD) + b"end"
    await asyncio.sleep(0)
    assert wire.closed_after == len(wire.writes), "nothing is written to what is closed"


@pytest.fixture
async def server() -> AsyncGenerator[tuple[str, int]]:
    """Answers each request with its path, streams `/long`."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        long = scope["path"] == "/long"
        pieces = [b"%08d" % number for number in range(100_000)] if long else [scope["path"].encode()]
        length = sum(map(len, pieces))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]})
        for position, piece in enumerate(pieces, start=1):
            await send({"type": "http.response.body", "body": piece, "more_body": position < len(pieces)})

    config = Config(app, interface="asgi3", http=HttpProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: HttpProtocol(config, ServerState(), {}), "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[:2]
    listening.close()


async def test_pipelined_and_long_answers_come_whole_and_in_order(server: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*server)
    for path in ("/1", "/long", "/2"):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    bodies = []
    for _ in range(3):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        bodies.append(await reader.readexactly(length))
    assert bodies == [b"/1", b"".join(b"%08d" % number for number in range(100_000)), b"/2"]
    writer.close()
    await writer.wait_closed()
