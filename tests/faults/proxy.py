"""A proxy in front of a real server, which makes the way there bad: slow, cut, hanging, refusing, or away.

    async with Proxy.before(server.port) as way:
        way.answer(429, {"retry-after": "1"})     # HTTP/1.1: each request gets this and never reaches the server
        way.hang()                                # what is sent arrives nowhere, and nothing comes back
        way.cut()                                 # connections end at once, without an answer
        way.delay(0.2)                            # every piece takes that long to get through
        way.mend()
        await way.close()                         # nobody listens: connections are refused
        await way.open()                          # ... and there again, on the same port

A change holds for open connections, too. An exchange that has begun is finished before `answer` speaks up.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

PIECE: Final = 64 * 1024
_LOST: Final = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


@dataclass(frozen=True, slots=True)
class Fair:
    """Nothing is wrong; every piece takes *delay* seconds."""

    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Hanging:
    pass


@dataclass(frozen=True, slots=True)
class Cutting:
    pass


@dataclass(frozen=True, slots=True)
class Answering:
    status: int
    headers: Mapping[str, str]


Weather = Fair | Hanging | Cutting | Answering


@dataclass(eq=False)
class Connection:
    """One client's. *asked*: it sent something that the server has not begun to answer."""

    client: asyncio.StreamWriter
    asked: bool = False
    task: asyncio.Task[None] | None = None


@dataclass
class Proxy:
    """Forwards to *upstream*, a port on loopback, as the weather allows."""

    upstream: int
    port: int = 0
    answered: int = 0
    """How many requests `answer` has answered."""
    accepted: int = 0
    _weather: Weather = field(default_factory=Fair)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[Connection] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @classmethod
    @asynccontextmanager
    async def before(cls, port: int) -> "AsyncGenerator[Proxy]":
        """A proxy in front of *port*, until the block ends."""
        proxy = cls(port)
        await proxy.open()
        try:
            yield proxy
        finally:
            await proxy.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def mend(self) -> None:
        self._turn(Fair())

    def delay(self, seconds: float) -> None:
        self._turn(Fair(seconds))

    def hang(self) -> None:
        self._turn(Hanging())

    def answer(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        self._turn(Answering(status, headers or {}))

    def cut(self) -> None:
        """End what is open, and whatever connects."""
        self._turn(Cutting())
        for connection in self._open:
            connection.client.transport.abort()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end every connection. `open` takes the same port again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [connection.task for connection in self._open if connection.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _turn(self, weather: Weather) -> None:
        self._weather = weather
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer, task=asyncio.current_task())
        self._open.add(connection)
        self.accepted += 1
        try:
            with suppress(*_LOST, asyncio.CancelledError):
                await self._carry(connection, reader)
        finally:
            self._open.discard(connection)
            writer.transport.abort() if isinstance(self._weather, Cutting) else writer.close()

    async def _carry(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        there: asyncio.StreamWriter | None = None
        back: asyncio.Task[None] | None = None
        try:
            if isinstance(self._weather, Fair):  # at once: some servers speak first
                there, back = await self._reach(connection)
            while piece := await reader.read(PIECE):
                await self._bear()
                weather = self._weather
                if isinstance(weather, Cutting):
                    return
                if isinstance(weather, Answering) and not connection.asked:
                    await self._reply(connection, weather, piece, reader)
                    return
                if there is None:
                    there, back = await self._reach(connection)
                connection.asked = True
                there.write(piece)
                await there.drain()
            if back is not None and there is not None and there.can_write_eof():
                there.write_eof()
                await back
        finally:
            if there is not None:
                there.close()  # first: who closes the proxy may cancel what comes after
            if back is not None:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)

    async def _reach(self, connection: Connection) -> tuple[asyncio.StreamWriter, asyncio.Task[None]]:
        """Connect to the server, and carry back what it says from now on."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        return writer, asyncio.create_task(self._carry_back(connection, reader))

    async def _carry_back(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        with suppress(*_LOST):
            while piece := await reader.read(PIECE):
                await self._bear()
                connection.asked = False
                connection.client.write(piece)
                await connection.client.drain()
        connection.client.close()

    async def _bear(self) -> None:
        """Hold what is under way for as long as the weather wants."""
        while isinstance(self._weather, Hanging):
            await self._changed.wait()
        if isinstance(self._weather, Fair) and self._weather.delay:
            await asyncio.sleep(self._weather.delay)

    async def _reply(
        self, connection: Connection, weather: Answering, begun: bytes, reader: asyncio.StreamReader
    ) -> None:
        """Read the whole request, so that the client reads the answer, and answer it."""
        while b"\r\n\r\n" not in begun:
            begun += await _more(reader)
        head, _, body = begun.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        missing = int(fields.get(b"content-length", b"0")) - len(body)
        while missing > 0:
            missing -= len(await _more(reader))
        self.answered += 1
        lines = {"content-length": "0", "connection": "close", **weather.headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        connection.client.write(f"HTTP/1.1 {weather.status} {HTTPStatus(weather.status).phrase}\r\n{text}\r\n".encode())
        await connection.client.drain()


async def _more(reader: asyncio.StreamReader) -> bytes:
    piece = await reader.read(PIECE)
    if not piece:
        raise ConnectionResetError
    return piece
