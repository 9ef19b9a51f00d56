"""Two instances and the realtime service as processes, which may be killed; what they share outlives them."""

import asyncio
import random
import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx

from adapters.documents.cosmos import CosmosDocuments
from adapters.secrets.files import FileKeys
from devhost.mailbox import Mailbox
from tests.faults.proxy import Proxy
from tests.model.ahead import set_ahead
from tests.model.over_http import OverHttp
from tests.process import MAIL_SECONDS, a_process_environment
from tests.servers import ROOT, free_port
from tests.world import PASSWORD

KEY: Final = "a-key-for-the-model-and-nothing-else-at-all="
START_SECONDS: Final = 60
RATES: Final = ("PUBLIC", "SIGNED_IN", "SIGNUP", "LOGIN")
PIECE: Final = 64 * 1024


@dataclass
class Run:
    """A command that is started, killed, and started again."""

    command: Sequence[str]
    ready: bytes
    env: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=ROOT,
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        said = []
        async with asyncio.timeout(START_SECONDS):
            while line := await self.process.stdout.readline():
                said.append(line)
                if self.ready in line:
                    self._reading = asyncio.create_task(_drain(self.process.stdout))
                    return
        raise AssertionError(b"".join(said).decode())

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(PIECE):
        pass


@dataclass
class Member:
    """One instance: its process, its way to the realtime service, and the way in."""

    run: Run
    port: int
    data: Path
    to_realtime: Proxy
    app: OverHttp


@dataclass
class Fleet:
    documents: CosmosDocuments
    clock: Path
    realtime: Run
    realtime_port: int
    members: list[Member] = field(default_factory=list)
    bearers: dict[str, dict[str, str]] = field(default_factory=dict)
    ahead: float = 0

    def jump(self, seconds: float) -> None:
        """Let so much time pass for both instances."""
        self.ahead += seconds
        set_ahead(self.clock, self.ahead)

    def any_app(self, dice: random.Random) -> OverHttp:
        return dice.choice(self.members).app

    async def sign_up(self, name: str) -> str:
        """At one instance, confirmed at the other; returns the id."""
        one, two = self.members
        email = f"{name}-{uuid4().hex[:8]}@people.example"
        async with httpx.AsyncClient(timeout=30) as browser:
            body = {"email": email, "password": PASSWORD, "name": name}
            reply = await browser.post(f"http://localhost:{one.port}/api/v1/auth/signup", json=body)
            assert reply.status_code == 201, reply.text
            answer = reply.json()
            bearer = self.bearers[answer["user"]["id"]] = {"Authorization": f"Bearer {answer['accessToken']}"}
            browser.cookies.clear()
            url = f"http://localhost:{two.port}/api/v1/auth/verify-email"
            reply = await browser.post(url, json={"token": await self._mailed(email)}, headers=bearer)
            assert reply.status_code == 200, reply.text
        return str(answer["user"]["id"])

    async def _mailed(self, email: str) -> str:
        async with asyncio.timeout(MAIL_SECONDS):
            while True:
                for member in self.members:
                    for mail in Mailbox(member.data / "mail").list():
                        if mail.to == email:
                            return mail.links[0].partition("token=")[2]
                await asyncio.sleep(0.05)  # another process writes it


async def _front(members: list[Member], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What stands before the instances in the cloud: each connection goes to whichever answers."""
    try:
        for member in random.sample(members, len(members)):
            with suppress(OSError):
                there, to_there = await asyncio.open_connection("127.0.0.1", member.port)
                await asyncio.gather(_carry(reader, to_there), _carry(there, writer))
                return
    finally:
        writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                writer.write(piece)
                await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def a_fleet(cosmos_url: str, folder: Path) -> AsyncGenerator[Fleet]:
    """Over Cosmos DB's protocol at *cosmos_url*, until the block ends."""
    database, realtime_port, clock = f"db-{uuid4()}", free_port(), folder / "ahead"
    documents = CosmosDocuments(cosmos_url, database, key="a2V5")
    set_ahead(clock, 0)
    members: list[Member] = []
    front = await asyncio.start_server(lambda *streams: _front(members, *streams), "127.0.0.1", 0)
    events = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}/api/v1/chat/events"
    command = [sys.executable, "-m", "devhost.webpubsub", "--port", str(realtime_port), "--access-key", KEY]
    command += ["--hub", "mackchat", "--event-handler", events, "--retain", "2"]
    fleet = Fleet(documents, clock, Run(command, b"Web PubSub on", a_process_environment()), realtime_port, members)
    settings = {
        "APP_COSMOS_ENDPOINT": cosmos_url,
        "APP_COSMOS_KEY": "a2V5",
        "APP_COSMOS_DATABASE": database,
        "APP_ARGON2_MEMORY_KIB": "8",
        "APP_ARGON2_PASSES": "1",
        **{f"APP_RATE_LIMIT_{name}_PER_MINUTE": "1000000" for name in RATES},
        "PYTHONPATH": str(ROOT),
    }
    try:
        await documents.ensure_containers()
        folders = [folder / "one", folder / "two"]
        await _same_keys(folders)
        members += [await _member(data, fleet, settings) for data in folders]
        await asyncio.gather(fleet.realtime.start(), *(member.run.start() for member in members))
        yield fleet
    finally:
        front.close()
        for member in members:
            await member.app.client.aclose()
            await member.run.kill()
            await member.to_realtime.close()
        await fleet.realtime.kill()
        await documents.close()


async def _same_keys(folders: Sequence[Path]) -> None:
    """As instances in the cloud have them from the vault."""
    for data in folders:
        data.mkdir()
    await FileKeys(folders[0] / "keys.json").get()
    for data in folders[1:]:
        shutil.copy2(folders[0] / "keys.json", data)


async def _member(data: Path, fleet: Fleet, settings: dict[str, str]) -> Member:
    to_realtime = Proxy(fleet.realtime_port)
    await to_realtime.open()
    port = free_port()
    command = [sys.executable, "-m", "tests.model.ahead", str(fleet.clock), "--no-sample", "--data", str(data)]
    command += ["--port", str(port), "--realtime-port", str(free_port())]
    way = f"Endpoint=http://localhost:{to_realtime.port};AccessKey={KEY};Version=1.0;"
    env = a_process_environment(**settings, APP_WEB_PUBSUB_CONNECTION_STRING=way)
    app = OverHttp(f"http://localhost:{port}", fleet.bearers)
    return Member(Run(command, b"Ctrl-C", env), port, data, to_realtime, app)
