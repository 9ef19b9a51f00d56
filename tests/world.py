"""The whole application in one process: real embedded stores, a clock that stands still, no network."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

import function_app
from adapters.queues.sqlite import SqliteQueue
from devhost.asgi import HttpTriggers
from devhost.functions import functions_of
from devhost.host import with_blobs
from devhost.mailbox import Mail, Mailbox
from devhost.queues import QueueDrain, QueueRules
from devhost.timers import timer_request
from domain.kernel.realtime import ClientAccess
from runtime import parts as runtime_parts
from runtime.parts import Parts
from runtime.settings import Settings
from runtime.sql import migrate
from tests.factories import ManualClock, an_environment

API = "http://localhost:7071"
PASSWORD = "correct horse battery staple"


@dataclass
class RecordingRealtime:
    """The network's edge: remembers what the realtime service was asked to do. Conforms to the port `Realtime`."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """(`group:<name>` or `user:<id>`, event), in order."""
    calls: list[tuple[str, ...]] = field(default_factory=list)
    """Everything else: the method's name, then its arguments."""

    async def client_access(
        self, user_id: str, *, session_id: str, expires_in: timedelta, groups: Any = ()
    ) -> ClientAccess:
        self.calls.append(("client_access", user_id, session_id, *groups))
        return ClientAccess(f"ws://localhost:7072/client/hubs/mackchat?access_token={user_id}", expires_in)

    async def send_to_group(self, group: str, event: dict[str, Any]) -> None:
        self.sent.append((f"group:{group}", event))

    async def send_to_user(self, user_id: str, event: dict[str, Any]) -> None:
        self.sent.append((f"user:{user_id}", event))

    async def add_user_to_group(self, group: str, user_id: str) -> None:
        self.calls.append(("add_user_to_group", group, user_id))

    async def remove_user_from_group(self, group: str, user_id: str) -> None:
        self.calls.append(("remove_user_from_group", group, user_id))

    async def close_user(self, user_id: str, *, reason: str) -> None:
        self.calls.append(("close_user", user_id, reason))

    async def close_session(self, session_id: str, *, reason: str) -> None:
        self.calls.append(("close_session", session_id, reason))

    async def ping(self) -> None:
        self.calls.append(("ping",))

    async def close(self) -> None:
        self.calls.append(("close",))


@dataclass(frozen=True)
class Person:
    """Somebody with an account, signed in."""

    id: str
    email: str
    password: str
    name: str
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class World:
    """Made by the fixture `world`; `a_world` makes others with other settings."""

    data: Path
    clock: ManualClock
    parts: Parts
    realtime: RecordingRealtime
    client: httpx.AsyncClient
    """Keeps cookies, as a browser does. `browser` makes more of them."""

    def browser(self) -> httpx.AsyncClient:
        """A client with a cookie jar of its own."""
        return _browser()

    async def sign_up(self, name: str = "ada", *, verified: bool = True) -> Person:
        """A new account, by the API itself, its e-mail confirmed by the mailed link unless *verified* is false."""
        email = f"{name}@people.example"
        body = {"email": email, "password": PASSWORD, "name": name.capitalize()}
        async with self.browser() as browser:
            reply = await browser.post("/api/v1/auth/signup", json=body)
            assert reply.status_code == 201, reply.text
            answer = reply.json()
            person = Person(answer["user"]["id"], email, PASSWORD, answer["user"]["name"], answer["accessToken"])
            if verified:
                await self.run_jobs()
                token = self.mails(to=email)[-1].links[0].partition("token=")[2]
                reply = await browser.post("/api/v1/auth/verify-email", json={"token": token}, headers=person.bearer)
                assert reply.status_code == 200, reply.text
        return person

    async def run_jobs(self, *timers: str) -> None:
        """Fire the *timers* (none named: all of them), then work off the queues until they are quiet.

        Raises what the functions raised.
        """
        functions = functions_of(function_app.app)
        for function in functions:
            if function.kind == "timerTrigger" and (not timers or function.name in timers):
                await function.invoke(timer_request())
        queue = self.parts.queue
        assert isinstance(queue, SqliteQueue)
        drain = QueueDrain(functions, queue, self.clock, QueueRules.read())
        await drain.until_quiet()
        if drain.failures:
            raise ExceptionGroup("queue functions failed", drain.failures)

    def mails(self, to: str | None = None) -> list[Mail]:
        """What was mailed so far, oldest first; only to the address *to* where one is given."""
        return [mail for mail in Mailbox(self.data / "mail").list() if to is None or mail.to == to]


@asynccontextmanager
async def a_world(data: Path, **settings: str) -> AsyncGenerator[World]:
    """The application over the folder *data*, with *settings* over those of `an_environment`."""
    clock, realtime = ManualClock(), RecordingRealtime()
    parts = Parts(Settings.read(an_environment(data, **settings)), clock)
    await migrate(parts.sql)
    vars(parts)["realtime"] = realtime
    runtime_parts.use(parts)
    try:
        async with _browser() as client:
            yield World(data, clock, parts, realtime, client)
    finally:
        runtime_parts.use(None)
        await parts.close()


def _browser() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(
        with_blobs(HttpTriggers(function_app.app), runtime_parts.get()), client=("203.0.113.7", 50505)
    )
    return httpx.AsyncClient(transport=transport, base_url=API)
