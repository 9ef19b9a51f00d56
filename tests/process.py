"""The dev host as its users start it: a process."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devhost.mailbox import Mail, Mailbox

ROOT = Path(__file__).parents[1]
START_SECONDS = 30
MAIL_SECONDS = 30


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def a_process_environment(**more: str) -> dict[str, str]:
    """Ours without what would reach the app, and with *more*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "DEVHOST_"))}
    return {**clean, **more}


@dataclass
class DevHostProcess:
    """A running dev host."""

    process: asyncio.subprocess.Process
    data: Path
    port: int
    realtime_port: int
    greeting: str

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def wait_for_mails(self, to: str, count: int = 1) -> list[Mail]:
        return await wait_for_mails(self.data, to, count)

    async def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """As `kill PID` or a service's supervisor would; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 10)

    async def admin(self, *arguments: str, text: str = "") -> tuple[int, str]:
        """`python -m runtime.admin`, in a process of its own: exit status and output."""
        return await run_module("runtime.admin", *arguments, text=text, DEVHOST_DATA=str(self.data))


async def wait_for_mails(data: Path, to: str, count: int = 1) -> list[Mail]:
    """What was mailed to one address, once it is at least *count*."""
    mailbox = Mailbox(data / "mail")
    async with asyncio.timeout(MAIL_SECONDS):
        while True:
            mails = [mail for mail in mailbox.list() if mail.to == to]
            if len(mails) >= count:
                return mails
            await asyncio.sleep(0.05)  # another process writes them


async def run_module(module: str, *arguments: str, text: str = "", **env: str) -> tuple[int, str]:
    """`python -m module`: exit status, and standard output and error together."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=ROOT,
        env=a_process_environment(**env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(text.encode()), START_SECONDS)
    assert process.returncode is not None
    return process.returncode, output.decode()


@asynccontextmanager
async def a_dev_host(data: Path, *flags: str, **env: str) -> AsyncGenerator[DevHostProcess]:
    """`python -m devhost` on free ports, ended with the block however it ends."""
    port, realtime_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devhost", "--data", str(data), "--port", str(port)),
        *("--realtime-port", str(realtime_port), *flags),
        cwd=ROOT,
        env=a_process_environment(**env),
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
    )
    try:
        greeting = await asyncio.wait_for(_read_greeting(process.stdout), START_SECONDS)
        yield DevHostProcess(process, data, port, realtime_port, greeting)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _read_greeting(stream: Any) -> str:
    lines = []
    async for line in stream:
        lines.append(line.decode())
        if line.startswith(b"Ctrl-C"):
            return "".join(lines)
    raise AssertionError(f"the dev host ended: {''.join(lines)}")
