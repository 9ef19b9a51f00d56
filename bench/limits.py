"""What no service on this machine can pass: an answer without a question, a commit without a message, a bare socket.

**hello** is a bare ASGI function under uvicorn; **picows** and **aiohttp** are `peers/raw_sockets.py`; all three run in
peer T's environment. **SQLite** commits rows. Each takes part in the rows that it is the limit of; argon2 has a row.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from typing import ClassVar, Final

from bench.http_load import Window, request
from bench.process import Process, end
from bench.receivers import NUMBERED, Steps, numbers_in
from bench.speakers import Speaker, in_flight
from bench.subject import SWITCHED, SendOne, Subject, handshake, text_frame, text_of
from tests.process import ROOT, free_port

HOME: Final = ROOT / ".build" / "peer-t"
SENDERS: Final = 8


class Limit(Subject):
    """A script of bench/peers that takes these arguments, and its port."""

    home = HOME
    script: ClassVar[tuple[str, ...]]

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        self.port = free_port()
        name, *arguments = self.script
        process = await asyncio.create_subprocess_exec(
            str(HOME / "bin" / "python"), str(ROOT / "bench" / "peers" / name), *arguments, str(self.port)
        )
        self.process = Process(process.pid)
        try:
            await self._listens()
            yield
        finally:
            await end(process)

    async def _listens(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    return

    async def prepare(self) -> None:
        """Nobody and nothing."""


class Hello(Limit):
    name = "hello"
    rows = frozenset({"read"})
    script = ("hello_asgi.py",)

    def read(self, number: int) -> bytes:  # noqa: ARG002
        return request("GET", "/", "a-token-as-long-as-it-may-be")


class Client(Speaker):
    """The raw server answers each message with its first word, which ends in the number."""

    _cut = b""
    """The end of what came, which may be the beginning of a number."""

    def say(self, number: int) -> None:
        assert self.transport is not None
        self.transport.write(text_frame(text_of(number)))

    def listen(self, data: bytes) -> None:
        data = self._cut + data
        self._cut = data[1 - NUMBERED :]
        for number in numbers_in(data):
            self.acknowledged(number)


class Picows(Limit):
    name = "picows"
    rows = frozenset({"fan-out"})
    script = ("raw_sockets.py", "picows")

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        return self.port, [self._way_in("/hear")] * sockets

    async def sends(self, *, at_once: int, seconds: float, first: int = 0) -> Window:
        async with self._speakers() as speakers:
            return await in_flight(speakers, at_once=at_once, seconds=seconds, first=first, process=self.process)

    @asynccontextmanager
    async def sender(self) -> AsyncGenerator[SendOne]:
        async with self._speakers() as speakers:
            yield speakers[0].send_one

    def _way_in(self, path: str) -> Steps:
        return [(handshake(path, f"127.0.0.1:{self.port}"), SWITCHED)]

    @asynccontextmanager
    async def _speakers(self) -> AsyncGenerator[list[Client]]:
        loop = asyncio.get_running_loop()
        speakers = [Client(self._way_in("/send")) for _ in range(SENDERS)]
        for speaker in speakers:
            await loop.create_connection(lambda speaker=speaker: speaker, "127.0.0.1", self.port)  # type: ignore[misc]
            await speaker.open
        yield speakers
        for speaker in speakers:
            assert speaker.transport is not None
            speaker.transport.abort()


class Aiohttp(Picows):
    name = "aiohttp"
    script = ("raw_sockets.py", "aiohttp")


class GroupCommit(Subject):
    """Rows of a message's size into SQLite, as many in a commit as are on the way at a time; no service round it."""

    name = "SQLite"
    rows = frozenset({"send"})

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        yield

    async def prepare(self) -> None:
        self.folder.mkdir()

    async def sends(self, *, at_once: int, seconds: float, first: int = 0) -> Window:
        return await asyncio.to_thread(self._commits, at_once, seconds, first)

    def _commits(self, at_once: int, seconds: float, first: int) -> Window:
        window, cpu, began = Window(), time.thread_time(), time.perf_counter()
        with closing(sqlite3.connect(self.folder / "rows.db", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, item TEXT) WITHOUT ROWID")
            while window.seconds < seconds:
                at = time.perf_counter()
                database.execute("BEGIN IMMEDIATE")
                for _ in range(at_once):
                    first += 1
                    row = (f"{time.monotonic_ns()}-{first}", text_of(first) * 4)
                    database.execute("INSERT INTO messages VALUES (?, ?)", row)
                database.execute("COMMIT")
                window.taken_ms += [(time.perf_counter() - at) * 1000] * at_once
                window.seconds = time.perf_counter() - began
        window.cpu_seconds, window.asked = time.thread_time() - cpu, len(window.taken_ms)
        return window
