"""Fan-out of the local realtime service beside a bare aiohttp broadcast, in the same run: `python bench/fanout.py`.

Each server is a process of its own, and so is this one, which holds the sockets and counts bytes. A delivery is one
message to one socket. "Last" is the time from sending to the last receiver's last byte. CPU is the server's.
"""

import argparse
import asyncio
import re
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import jwt
import uvloop

KEY = "a-key-for-the-bench-of-the-realtime-service="
HUB = "bench"
TEXT = "x" * 300
JSON = "json.webpubsub.azure.v1"
RELIABLE = "json.reliable.webpubsub.azure.v1"
PEER = """
import asyncio, uvloop
from aiohttp import web
sockets = set()
async def connect(request):
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    sockets.add(socket)
    async for _ in socket: pass
    return socket
async def send(request):
    text = await request.text()
    for socket in tuple(sockets): await socket.send_str(text)
    return web.Response(status=202)
app = web.Application()
app.add_routes([web.get("/client", connect), web.post("/send", send)])
async def main():
    runner = web.AppRunner(app, access_log=None); await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096); await site.start()
    print("http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
uvloop.run(main())
"""


@dataclass(frozen=True)
class Subject:
    """A server, and how to speak to it."""

    name: str
    command: tuple[str, ...]
    send_path: str
    client_path: str
    subprotocol: str | None

    def token(self, url: str, path: str) -> str:
        return jwt.encode({"aud": url + path, "exp": 2**31, "webpubsub.group": ["g"]}, KEY, algorithm="HS256")


SERVICE = (sys.executable, "-m", "devhost.webpubsub", "--port", "0", "--access-key", KEY)
SEND = f"/api/hubs/{HUB}/groups/g/:send"
SUBJECTS = (
    Subject("aiohttp", (sys.executable, "-c", PEER), "/send", "/client", None),
    Subject("service", SERVICE, SEND, f"/client/hubs/{HUB}", JSON),
    Subject("service, bare clients", SERVICE, SEND, f"/client/hubs/{HUB}", None),
)


class Receiver(asyncio.Protocol):
    """Counts what arrives on all sockets together."""

    total = 0
    expected = 0
    all_there: asyncio.Event

    def __init__(self, request: bytes) -> None:
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        Receiver.total += len(data)
        if Receiver.total >= Receiver.expected:
            Receiver.all_there.set()

    @classmethod
    async def until(cls, expected: int) -> None:
        Receiver.expected = expected
        Receiver.all_there = asyncio.Event()
        if Receiver.total < expected:
            await Receiver.all_there.wait()

    @classmethod
    async def settled(cls) -> int:
        """The count once nothing more arrives."""
        before = -1
        while before != cls.total:
            before = cls.total
            await asyncio.sleep(0.2)
        return before


class Process:
    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    @property
    def cpu(self) -> float:
        """Seconds."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    @property
    def kilobytes(self) -> int:
        found = re.search(r"^Pss: +(\d+)", (self._folder / "smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0


@asynccontextmanager
async def running(subject: Subject) -> AsyncGenerator[tuple[str, Process]]:
    process = await asyncio.create_subprocess_exec(*subject.command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    try:
        yield line.split()[-1], Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def open_sockets(subject: Subject, url: str, count: int) -> list[asyncio.BaseTransport]:
    host = url.removeprefix("http://")
    path = f"{subject.client_path}?access_token={subject.token(url, subject.client_path)}"
    protocol = f"Sec-WebSocket-Protocol: {subject.subprotocol}\r\n" if subject.subprotocol else ""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{protocol}"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    loop, (name, port) = asyncio.get_running_loop(), host.split(":")
    return [(await loop.create_connection(lambda: Receiver(request), name, int(port)))[0] for _ in range(count)]


async def measure(subject: Subject, sockets: int, seconds: float) -> dict[str, float]:
    async with running(subject) as (url, process), aiohttp.ClientSession() as http:
        headers = {
            "Authorization": f"Bearer {subject.token(url, subject.send_path)}",
            "Content-Type": "text/plain",
        }

        async def send() -> None:
            async with http.post(url + subject.send_path, data=TEXT, headers=headers) as response:
                assert response.status == 202, response.status

        await send()
        empty = process.kilobytes
        Receiver.total = Receiver.expected = 0
        Receiver.all_there = asyncio.Event()
        transports = await open_sockets(subject, url, sockets)
        await Receiver.settled()
        memory = (process.kilobytes - empty) / sockets
        start = await Receiver.settled()
        await send()
        frame = (await Receiver.settled() - start) // sockets
        assert frame > len(TEXT)
        last = [await latency(send, frame * sockets) for _ in range(100)]
        result = {"socket KB": memory, "last p50 ms": statistics.median(last), "last p99 ms": sorted(last)[98]}
        result |= await saturate(send, process, frame, seconds)
        for transport in transports:
            transport.close()
        return result


async def latency(send: Callable[[], Awaitable[None]], size: int) -> float:
    started = time.perf_counter()
    arrival = asyncio.ensure_future(Receiver.until(Receiver.total + size))
    await asyncio.sleep(0)
    await send()
    await arrival
    return (time.perf_counter() - started) * 1000


async def saturate(
    send: Callable[[], Awaitable[None]], process: Process, frame: int, seconds: float
) -> dict[str, float]:
    """Eight senders without a pause."""
    end = time.perf_counter() + seconds

    async def sender() -> None:
        while time.perf_counter() < end:
            await send()

    start, cpu, began = Receiver.total, process.cpu, time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(8)))
    deliveries = (Receiver.total - start) / frame
    took, used = time.perf_counter() - began, process.cpu - cpu
    await Receiver.settled()
    return {"deliveries/s": deliveries / took, "us CPU each": used / deliveries * 1e6}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    for sockets in given.sockets:
        print(f"\n{sockets} sockets, medians of {given.windows} windows")
        rows = {subject.name: [] for subject in SUBJECTS}  # type: dict[str, list[dict[str, float]]]
        for _ in range(given.windows):
            for subject in SUBJECTS:
                rows[subject.name].append(await measure(subject, sockets, given.seconds))
        peer = rows["aiohttp"]
        for name, windows in rows.items():
            cells = []
            for key in windows[0]:
                value = statistics.median(window[key] for window in windows)
                ratio = value / (statistics.median(window[key] for window in peer) or 1)
                cells.append(f"{key} {value:,.1f} ({ratio:.2f} x)")
            print(f"  {name:24}" + "   ".join(cells))


if __name__ == "__main__":
    uvloop.run(main())
