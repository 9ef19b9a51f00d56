"""Fan-out through the product: one POST, and the time until the last socket has heard it."""

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar, Final

from bench.http_load import load
from bench.subjects import TEXT, Subject

MARK: Final = TEXT.partition(" ")[0].encode()
OPENING: Final = 50
"""Sockets that shake hands at the same time."""


class Receiver(asyncio.Protocol):
    """Counts the messages that reach all sockets together: each holds MARK once."""

    total: ClassVar[int] = 0
    expected: ClassVar[int] = 0
    heard_at: ClassVar[float] = 0.0
    """When the last of those expected came."""
    all_there: ClassVar[asyncio.Event]

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.open.done() and data.startswith(b"HTTP/1.1 "):
            self.open.set_result(data[9:12])
        if self._rest:
            data = self._rest + data
        found = data.count(MARK)
        # A mark may be cut in two by the network: what could be its beginning is looked at again.
        self._rest = b"" if data.endswith(b"}") else data[1 - len(MARK) :]
        if found:
            Receiver.total += found
            if Receiver.total >= Receiver.expected:
                Receiver.heard_at = time.perf_counter()
                Receiver.all_there.set()


@dataclass(frozen=True, slots=True)
class FanOut:
    """What one window of a number of sockets showed."""

    socket_kilobytes: float
    idle_kilobytes: float
    open_kilobytes: float
    last_p50_ms: float
    last_p99_ms: float
    sent_p50_ms: float
    deliveries: float
    """A second, with eight senders."""
    cpu_us: float
    """Of the server, for each delivery."""
    lost: int


async def fan_out(subject: Subject, sockets: int, *, tries: int, seconds: float) -> FanOut:
    """The subject was just started: what it holds before the sockets is the idle figure."""
    Receiver.total, Receiver.expected, Receiver.all_there = 0, 0, asyncio.Event()
    process = subject.process
    await asyncio.sleep(0.3)
    idle = process.pss_kilobytes
    port, request = await subject.socket_request()
    loop = asyncio.get_running_loop()
    transports: list[asyncio.Transport] = []
    for first in range(0, sockets, OPENING):
        some = [
            await loop.create_connection(lambda: Receiver(request), "127.0.0.1", port)
            for _ in range(min(OPENING, sockets - first))
        ]
        for transport, receiver in some:
            transports.append(transport)
            assert await receiver.open == b"101"
    await _settled(subject)
    full = process.pss_kilobytes
    last, sent = [], []
    for number in range(tries):
        reached, answered = await _one(subject, number, sockets)
        last.append(reached)
        sent.append(answered)
    before, began, cpu = Receiver.total, time.perf_counter(), process.cpu_seconds
    await load(subject.port, subject.send, at_once=8, seconds=seconds, process=process, status=201)
    arrived, took, used = Receiver.total - before, time.perf_counter() - began, process.cpu_seconds - cpu
    await _settled(subject)
    for transport in transports:
        transport.abort()
    last.sort()
    return FanOut(
        socket_kilobytes=(full - idle) / sockets,
        idle_kilobytes=idle,
        open_kilobytes=full,
        last_p50_ms=last[len(last) // 2],
        last_p99_ms=last[int(len(last) * 0.99)],
        sent_p50_ms=sorted(sent)[len(sent) // 2],
        deliveries=arrived / took,
        cpu_us=used / max(1, arrived) * 1e6,
        lost=(Receiver.total - before) % sockets,
    )


async def _one(subject: Subject, number: int, sockets: int) -> tuple[float, float]:
    """Milliseconds from the POST to the last receiver, and to the 201. Raises TimeoutError when one hears nothing."""
    Receiver.expected = Receiver.total + sockets
    Receiver.all_there = asyncio.Event()
    reader, writer = await asyncio.open_connection("127.0.0.1", subject.port)
    began = time.perf_counter()
    writer.write(subject.send(number))
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        answered = time.perf_counter()
        assert head[9:12] == b"201", head
        await Receiver.all_there.wait()
    writer.close()
    return (Receiver.heard_at - began) * 1000, (answered - began) * 1000


async def _settled(subject: Subject) -> None:
    """Return once nothing more arrives and the server rests."""
    before, cpu = -1, -1.0
    while (before, cpu) != (Receiver.total, subject.process.cpu_seconds):
        before, cpu = Receiver.total, subject.process.cpu_seconds
        await asyncio.sleep(0.3)
