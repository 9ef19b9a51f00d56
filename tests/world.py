"""The whole application in one process: real embedded stores, a clock that stands still, no network."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

import function_app
from devhost.asgi import HttpTriggers
from domain.kernel.realtime import ClientAccess
from runtime import parts as runtime_parts
from runtime.parts import Parts
from runtime.settings import Settings
from tests.factories import ManualClock, an_environment

API = "http://localhost:7071"


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


@dataclass
class World:
    """Made by the fixture `world`; `a_world` makes others with other settings."""

    data: Path
    clock: ManualClock
    parts: Parts
    realtime: RecordingRealtime
    client: httpx.AsyncClient


@asynccontextmanager
async def a_world(data: Path, **settings: str) -> AsyncGenerator[World]:
    """The application over the folder *data*, with *settings* over those of `an_environment`."""
    clock, realtime = ManualClock(), RecordingRealtime()
    parts = Parts(Settings.read(an_environment(data, **settings)), clock)
    vars(parts)["realtime"] = realtime
    runtime_parts.use(parts)
    transport = httpx.ASGITransport(HttpTriggers(function_app.app), client=("203.0.113.7", 50505))
    try:
        async with httpx.AsyncClient(transport=transport, base_url=API) as client:
            yield World(data, clock, parts, realtime, client)
    finally:
        runtime_parts.use(None)
        await parts.close()
