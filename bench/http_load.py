"""Asks an HTTP server the same thing over and over on some connections: each asks again once it is answered."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from bench.process import Costs

WARM_UP_SECONDS: Final = 0.3
RESTING_SECONDS: Final = 0.01
ANSWER_SECONDS: Final = 60
"""A service that lets anybody wait longer is taken to be broken."""
MOST_RESTS: Final = 15
"""Some services never rest wholly: then what they do by themselves is counted too."""

LAST_CHUNK: Final = b"\r\n0\r\n\r\n"

Build = Callable[[int], bytes]
"""The whole request, given its number among all of them."""


@dataclass(slots=True)
class Window:
    """What was seen for a while."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """The server's."""
    errors: int = 0
    asked: int = 0
    """All requests, those of the warm-up too."""
    taken_ms: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.taken_ms) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """The server's, for each operation."""
        return self.cpu_seconds * 1000 / max(1, len(self.taken_ms))

    def percentile(self, percent: float) -> float:
        """Milliseconds. 0 when nothing was answered."""
        ranked = sorted(self.taken_ms)
        return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))] if ranked else 0.0


def length_of(answer: bytes) -> int:
    """Of the whole answer that begins here: 0 as long as it cannot be told, -1 when it ends with LAST_CHUNK."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = answer[:end].lower()
    if b"transfer-encoding: chunked" in head:
        return -1
    at = head.find(b"content-length:")
    return end + 4 + (int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0)


def is_whole(answer: bytes, length: int) -> bool:
    """By what `length_of` told."""
    return len(answer) >= length > 0 or (length < 0 and answer.endswith(LAST_CHUNK))


def body_of(answer: bytes) -> bytes:
    """The body of a whole answer, its chunks put together (RFC 9112 §7.1)."""
    head, _, left = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return left
    parts = []
    while left:
        size, _, left = left.partition(b"\r\n")
        parts.append(left[: int(size, 16)])
        left = left[int(size, 16) + 2 :]
    return b"".join(parts)


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._wanted = 0
        self._asked_at = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without deriving from it
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._wanted:
            self._wanted = length_of(self._buffer)
        if is_whole(self._buffer, self._wanted):
            self._load.note(self._buffer[9:12], self._buffer, time.perf_counter() - self._asked_at)
            self._buffer, self._wanted = b"", 0
            if self._load.stopped:
                self.done.set_result(None)
            else:
                self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._transport.write(self._load.next_request())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Load:
    """What all connections share. A wrong status is an error; the first one's text is kept."""

    def __init__(self, build: Build, status: int) -> None:
        self._build = build
        self._status = b"%d" % status
        self.asked = 0
        self.stopped = False
        self.window = Window()
        self.first_error = ""
        self.last_at = 0.0

    def next_request(self) -> bytes:
        self.asked += 1
        return self._build(self.asked)

    def note(self, status: bytes, answer: bytes, seconds: float) -> None:
        self.last_at = time.perf_counter()
        if status != self._status:
            self.window.errors += 1
            self.first_error = self.first_error or answer[:600].decode("latin-1")
        else:
            self.window.taken_ms.append(seconds * 1000)


async def load(
    port: int, build: Build, *, at_once: int, seconds: float, process: Costs, status: int = 200, settle: bool = False
) -> Window:
    """One window, after a warm-up. Raises AssertionError when every answer was another than it should be.

    With *settle* the warm-up is part of the window, and what the server still does behind its answers is waited for
    and counted in its CPU time, so that nothing is cheap because it was put off.
    """
    shared, cpu = Load(build, status), process.cpu_seconds
    loop = asyncio.get_running_loop()
    callers = [(await loop.create_connection(lambda: Caller(shared), "127.0.0.1", port))[1] for _ in range(at_once)]
    if not settle:
        await asyncio.sleep(WARM_UP_SECONDS)
        cpu = process.cpu_seconds
    window = shared.window = Window()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    window.seconds, window.cpu_seconds = time.perf_counter() - began, process.cpu_seconds - cpu
    if not settle:
        shared.window = Window()
    shared.stopped = True
    async with asyncio.timeout(ANSWER_SECONDS):
        await asyncio.gather(*(caller.done for caller in callers))
    window.asked = shared.asked
    if settle:
        window.cpu_seconds = await rested(process) - cpu
        window.seconds = max(window.seconds, shared.last_at - began)
    for caller in callers:
        caller.close()
    assert window.taken_ms or not shared.first_error, shared.first_error
    return window


async def rested(process: Costs) -> float:
    """Its CPU seconds, once it spends nearly none."""
    after = process.cpu_seconds
    for _ in range(MOST_RESTS):
        before = after
        await asyncio.sleep(0.4)
        after = process.cpu_seconds
        if after - before <= RESTING_SECONDS:
            break
    return after


def request(method: str, path: str, token: str | None = None, body: bytes | None = None, **headers: str) -> bytes:
    """A request as a client of a kind keeps sending it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")
