"""A client's logical connection: who it is, what it may do, and what happens to it."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import count
from typing import Any, Protocol

from websockets.http11 import Request

from devhost.webpubsub.client_socket import ClientSocket
from devhost.webpubsub.config import Config
from devhost.webpubsub.frames import NORMAL, POLICY
from devhost.webpubsub.hub import Hub
from devhost.webpubsub.messages import Message, Payload
from devhost.webpubsub.permissions import Permissions

log = logging.getLogger("webpubsub")

_SERIALS = count()
Work = Callable[[], Awaitable[None]]


class EventFailed(Exception):
    """Nobody took the event, or its handler failed."""


class Events(Protocol):
    """Where the events of connections go."""

    async def user_event(self, connection: "Connection", event: str, payload: Payload) -> Payload | None:
        """Deliver one event of a user; returns the handler's reply. Raises EventFailed."""
        ...

    async def connected(self, connection: "Connection") -> None: ...

    async def disconnected(self, connection: "Connection", reason: str) -> None: ...


class Surroundings(Protocol):
    """What a connection needs of its service."""

    config: Config
    events: Events

    def spawn(self, work: Awaitable[None]) -> asyncio.Task[None]: ...

    def mint_reconnection(self, connection_id: str) -> str: ...


@dataclass(slots=True)
class Identity:
    """What is known of a client when its connection is made."""

    id: str
    user_id: str | None = None
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    subprotocol: str | None = None
    claims: dict[str, list[str]] = field(default_factory=dict)
    query: dict[str, list[str]] = field(default_factory=dict)
    state: str | None = None
    """What the event handler keeps with the connection (`ce-connectionState`)."""
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    """Those the event handler set."""


class Connection(ABC):
    """Frames of one client are worked on in order: while its event handler works, later frames wait."""

    def __init__(self, service: Surroundings, hub: Hub, identity: Identity, socket: ClientSocket) -> None:
        self._service = service
        self.hub = hub
        self.identity = identity
        self.id = identity.id
        self.serial = next(_SERIALS)
        """Grows with the age of the service: the order in which lists are paged."""
        self.user_id = identity.user_id
        self.permissions = Permissions(identity.roles)
        self.groups: set[str] = set()
        self.socket: ClientSocket | None = socket
        self.ended = False
        self.events_sent = 0
        self.overflows = False
        self._waiting: deque[Work] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._greeting: asyncio.Task[None] | None = None

    @property
    def protocol(self) -> str | None:
        return self.identity.subprotocol

    def next_event_id(self) -> int:
        """`ce-id`: 0 was the connect event's."""
        self.events_sent += 1
        return self.events_sent

    # -- life -----------------------------------------------------------------------------------------------------

    def begin(self, groups: Iterable[str]) -> None:
        """The upgrade is done."""
        self.hub.add(self, groups)
        self.greet()
        self._greeting = self._service.spawn(self._service.events.connected(self))

    def greet(self) -> None:  # noqa: B027 - bare clients are not greeted
        """Tell the client that it is connected."""

    def say_goodbye(self, reason: str) -> None:  # noqa: B027 - nor told goodbye
        """Tell the client why the service is about to close."""

    def end(self, reason: str, code: int = NORMAL) -> None:
        """The service closes the connection, for good."""
        if self.ended:
            return
        if self.socket is not None:
            self.say_goodbye(reason)
            self.socket.close(code, reason)
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        """Take the connection out of the hub, and tell the event handler once everything before was told."""
        if self.ended:
            return
        self.ended = True
        self.socket = None
        self.hub.remove(self)
        self._service.spawn(self._tell_disconnected(reason))

    async def _tell_disconnected(self, reason: str) -> None:
        earlier = [task for task in (self._greeting, self._worker) if task is not None]
        if earlier:
            await asyncio.wait(earlier)
        await self._service.events.disconnected(self, reason)

    # -- socket's owner -------------------------------------------------------------------------------------------

    def opened(self, socket: ClientSocket, request: Request) -> None:
        """A socket asks for one upgrade only."""
        del request
        socket.abort()

    @abstractmethod
    def received(self, socket: ClientSocket, data: bytes, *, is_text: bool) -> None: ...

    def overflowed(self, socket: ClientSocket) -> None:
        del socket
        self.give_up("The outbound message queue is full.")

    def give_up(self, reason: str) -> None:
        """End a connection whose reader is too slow. Done a moment later: a fan-out may be under way."""
        if not self.overflows:
            self.overflows = True
            self.hub.slow_readers += 1
            log.warning("connection %s of hub %s is dropped: %s", self.id, self.hub.name, reason)
            asyncio.get_running_loop().call_soon(self._drop, reason)

    def _drop(self, reason: str) -> None:
        if self.socket is not None:
            self.socket.drop_queue()
        self.end(reason, POLICY)

    def lost(self, socket: ClientSocket, *, clean: bool, reason: str) -> None:
        del clean
        if socket is self.socket:
            self._finish(reason)

    # -- traffic --------------------------------------------------------------------------------------------------

    @abstractmethod
    def deliver(self, message: Message) -> None:
        """Queue one message for the client."""

    def in_order(self, work: Work) -> None:
        """Do *work* after what this client asked for before."""
        self._waiting.append(work)
        if self._worker is None or self._worker.done():
            self._worker = self._service.spawn(self._work())
        if self.socket is not None and len(self._waiting) >= self._service.config.limits.events_waiting:
            self.socket.pause_reading()

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    async def _work(self) -> None:
        # The one being done stays at the front of the queue, so that later frames wait for it.
        while self._waiting:
            try:
                await self._waiting[0]()
            except Exception:
                log.exception("a frame of connection %s could not be worked on", self.id)
            self._waiting.popleft()
            if self.socket is not None and len(self._waiting) < self._service.config.limits.events_waiting:
                self.socket.resume_reading()

    def describe(self) -> dict[str, Any]:
        """For people: no tokens, no messages."""
        return {
            "id": self.id,
            "user": self.user_id,
            "subprotocol": self.protocol,
            "groups": sorted(self.groups),
            "attached": self.socket is not None,
            "queued": self.socket.queued if self.socket is not None else 0,
        }
