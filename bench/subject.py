"""What one service that `make bench` measures must be able to do, each a process, and the people who use it.

A subject's life: `prepare` makes four people and three conversations, `fill` puts history into the store while nothing
runs, `serving` runs it. What a service is asked for is in `rows`; what it is not asked for it need not have.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import aiohttp

from bench.http_load import ANSWER_SECONDS, LAST_CHUNK, Window, length_of, load
from bench.process import Costs, Process
from bench.receivers import MARK, Receiver, Steps

PEOPLE: Final = 4
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - made up
TEXT: Final = (
    f"{MARK.decode()} See you on Tuesday at ten, second floor. Bring the letter, and call me if the bus is late."
)
HISTORIES: Final = (10_000, 100_000)
"""Messages in the two conversations that are only read."""
EVERYTHING: Final = frozenset({"start", "read", "send", "page", "old pages", "catch-up", "login", "fan-out"})

SendOne = Callable[[int], Awaitable[None]]
"""Sends the message of that number, and returns once it is acknowledged."""


def text_of(number: int) -> str:
    """A message that can be told from all others where it arrives."""
    return TEXT.replace(" ", f"{number:010d} ", 1)


@dataclass
class Subject(ABC):
    """One service. *tokens* and *rooms* are there after `prepare`."""

    folder: Path
    tokens: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    """One to write to, then one for each of HISTORIES."""
    port: int = 0
    process: Costs = field(default_factory=lambda: Process(0))

    name: ClassVar[str] = ""
    health: ClassVar[str] = ""
    home: ClassVar[Path | None] = None
    """Where bench/peers/setup.sh puts what the service is made of."""
    rows: ClassVar[frozenset[str]] = EVERYTHING
    sent_status: ClassVar[int] = 201
    order: ClassVar[bytes | None] = None
    """A regular expression that finds, in what a socket hears, the number the service itself gave a message."""
    most_sockets: ClassVar[int] = 1000
    """Beyond these a fan-out takes minutes."""
    tries: ClassVar[int] = 40
    """Messages of a fan-out that are sent in turn."""
    receiver: ClassVar[type[Receiver]] = Receiver

    @classmethod
    def is_set_up(cls) -> bool:
        return cls.home is None or (cls.home / "installed").exists()

    @abstractmethod
    def serving(self) -> Any:
        """An asynchronous context in which the service answers; *port* and *process* are set."""

    @abstractmethod
    async def prepare(self) -> None:
        """Make the people and the rooms. Run while it serves."""

    async def sign_in(self) -> None:  # noqa: B027 - most tokens outlive a run
        """Get tokens anew. Run while it serves."""

    async def fill(self) -> None:  # noqa: B027 - not every peer is asked for history
        """Write the histories. Run while it does not serve."""

    def read(self, number: int) -> bytes:
        """The request of somebody signed in for what the service knows of them."""
        raise NotImplementedError

    def login(self, number: int) -> bytes:
        raise NotImplementedError

    def send(self, number: int) -> bytes:
        """Answered with *sent_status* once the message is durable."""
        raise NotImplementedError

    def page(self, room: str, before: int | None) -> bytes:
        """Fifty messages, the newest or those before a number."""
        raise NotImplementedError

    def catch_up(self) -> bytes:
        """A thousand messages. Ours: over fifty conversations. T, which has nothing of the kind: of one."""
        raise NotImplementedError

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        """The port, and how each of so many sockets gets to hear the first room."""
        raise NotImplementedError

    async def sends(self, *, at_once: int, seconds: float, first: int = 0) -> Window:
        """Messages numbered from *first* + 1, *at_once* unanswered at any time; what follows them is waited for."""
        return await load(
            self.port,
            lambda number: self.send(first + number),
            at_once=at_once,
            seconds=seconds,
            process=self.process,
            status=self.sent_status,
            settle=True,
        )

    @asynccontextmanager
    async def sender(self) -> AsyncGenerator[SendOne]:
        """One that sends now and then."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def send_one(number: int) -> None:
            writer.write(self.send(number))
            async with asyncio.timeout(ANSWER_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                assert int(head[9:12]) == self.sent_status, head
                length = length_of(head)
                await (reader.readexactly(length - len(head)) if length > 0 else reader.readuntil(LAST_CHUNK))

        try:
            yield send_one
        finally:
            writer.close()

    def email(self, number: int) -> str:
        return f"person{number % PEOPLE}@people.example"

    def token(self, number: int) -> str:
        return self.tokens[number % len(self.tokens)]

    async def call(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Any:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self.port}", headers=headers) as http,
            http.request(method, path, json=body) as reply,
        ):
            assert reply.status < 300, await reply.text()
            return await reply.json(content_type=None)

    async def start_seconds(self) -> float:
        """From nothing to the first answer."""
        began = time.perf_counter()
        async with self.serving():
            return time.perf_counter() - began

    async def answered(self) -> None:
        """Return once the health page does. Raises TimeoutError after a minute."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                try:
                    await self.call("GET", self.health)
                except (aiohttp.ClientError, AssertionError):
                    await asyncio.sleep(0.005)
                else:
                    return


def handshake(target: str, host: str, more: str = "") -> bytes:
    """RFC 6455 §4.1."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


SWITCHED: Final = b"HTTP/1.1 101 "
"""What the answer to `handshake` holds."""


def text_frame(text: str) -> bytes:
    """One frame of a client: RFC 6455 §5.2, masked with zeros. At most 65,535 bytes."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + data
