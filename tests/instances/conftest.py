"""Two processes of the application, as the platform would run them: own memory, own folder, the same services."""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from adapters.documents.cosmos import CosmosDocuments
from adapters.secrets.files import FileKeys
from devhost.mailbox import Mail, Mailbox
from tests.process import MAIL_SECONDS, a_process_environment
from tests.servers import ROOT, Server, free_port, redis_server, running
from tests.world import PASSWORD

FORGOTTEN_PER_MINUTE = 6
RATES = ("PUBLIC", "SIGNED_IN", "SIGNUP", "LOGIN", "RESET_PASSWORD")


@dataclass(frozen=True)
class Instance:
    url: str
    data: Path


@dataclass(frozen=True)
class Pair:
    one: Instance
    two: Instance
    has_redis: bool


async def _prepare(cosmos: str, database: str, keys: Path) -> None:
    documents = CosmosDocuments(cosmos, database, key="a2V5")
    await documents.ensure_containers()
    await documents.close()
    await FileKeys(keys).get()


@pytest.fixture(scope="module", params=["with Redis", "without Redis"])
def pair(
    request: pytest.FixtureRequest, cosmos_emulator: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    has_redis = request.param == "with Redis"
    folders = [tmp_path_factory.mktemp("instance") for _ in range(2)]
    database = f"db-{uuid4()}"
    asyncio.run(_prepare(cosmos_emulator.url, database, folders[0] / "keys.json"))
    shutil.copy2(folders[0] / "keys.json", folders[1])
    settings = {
        "APP_COSMOS_ENDPOINT": cosmos_emulator.url,
        "APP_COSMOS_KEY": "a2V5",
        "APP_COSMOS_DATABASE": database,
        "APP_ARGON2_MEMORY_KIB": "8",
        "APP_CHAT_DIGEST_SECONDS": "1",
        "APP_ARGON2_PASSES": "1",
        "APP_RATE_LIMIT_FORGOT_PASSWORD_PER_MINUTE": str(FORGOTTEN_PER_MINUTE),
        **{f"APP_RATE_LIMIT_{name}_PER_MINUTE": "1000000" for name in RATES},
        "PYTHONPATH": str(ROOT),
    }
    with ExitStack() as stack:
        if has_redis:
            settings["APP_REDIS_URL"] = f"redis://127.0.0.1:{stack.enter_context(redis_server()).port}"
        one, two = (_start(stack, folder, settings) for folder in folders)
        yield Pair(one, two, has_redis)


def _start(stack: ExitStack, folder: Path, settings: dict[str, str]) -> Instance:
    port = free_port()
    command = [sys.executable, "-m", "devhost", "--no-sample", "--data", str(folder), "--port", str(port)]
    command += ["--realtime-port", str(free_port())]
    stack.enter_context(running(command, ready="Ctrl-C", port=port, env=a_process_environment(**settings), seconds=60))
    return Instance(f"http://localhost:{port}", folder)


@dataclass
class Both:
    """A client of each instance."""

    pair: Pair
    one: httpx.AsyncClient
    two: httpx.AsyncClient

    def turns(self, count: int) -> list[httpx.AsyncClient]:
        """One, two, one, two ..."""
        return [(self.one, self.two)[n % 2] for n in range(count)]

    async def sign_up(self, name: str) -> "Person":
        """At the first instance, confirmed at the second."""
        email = f"{name}-{uuid4().hex[:8]}@people.example"
        reply = await self.one.post("/auth/signup", json={"email": email, "password": PASSWORD, "name": name})
        assert reply.status_code == 201, reply.text
        answer = reply.json()
        person = Person(answer["user"]["id"], email, {"Authorization": f"Bearer {answer['accessToken']}"})
        token = await self._mailed_token(email)
        verified = await self.two.post("/auth/verify-email", json={"token": token}, headers=person.bearer)
        assert verified.status_code == 200, verified.text
        self.one.cookies.clear()
        self.two.cookies.clear()
        return person

    def mails(self, to: str) -> list[Mail]:
        """Of both: either may have sent one."""
        boxes = [Mailbox(instance.data / "mail") for instance in (self.pair.one, self.pair.two)]
        return [mail for box in boxes for mail in box.list() if mail.to == to]

    async def next_mail(self, to: str, *, after: int, seconds: float = MAIL_SECONDS) -> Mail:
        """The one that follows *after* earlier ones."""
        async with asyncio.timeout(seconds):
            while True:
                for mail in self.mails(to)[after:]:
                    return mail
                await asyncio.sleep(0.05)  # another process writes it

    async def _mailed_token(self, email: str) -> str:
        return (await self.next_mail(email, after=0)).links[0].partition("token=")[2]


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    bearer: dict[str, str]


@pytest.fixture
async def both(pair: Pair) -> AsyncGenerator[Both]:
    async with (
        httpx.AsyncClient(base_url=f"{pair.one.url}/api/v1", timeout=30) as one,
        httpx.AsyncClient(base_url=f"{pair.two.url}/api/v1", timeout=30) as two,
    ):
        yield Both(pair, one, two)
