"""The service: its hubs, its port, and what goes on in the background."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Final

from websockets.http11 import Request

from devhost.webpubsub.client_socket import ClientSocket
from devhost.webpubsub.config import Config
from devhost.webpubsub.connection import Events
from devhost.webpubsub.fanout import SLICE, Fanout
from devhost.webpubsub.frames import GOING_AWAY
from devhost.webpubsub.front_door import FrontDoor
from devhost.webpubsub.handshake import open_connection
from devhost.webpubsub.http import HttpServer
from devhost.webpubsub.hub import Hub
from devhost.webpubsub.rest import Rest
from devhost.webpubsub.rest_routes import route
from devhost.webpubsub.tokens import Tokens
from devhost.webpubsub.upstream import Upstream

log = logging.getLogger("webpubsub")

BACKLOG: Final = 4096
"""Connections the kernel may hold for us: a classroom that opens its laptops at once."""
GOODBYE: Final = 0.02
GOODBYES: Final = 50
"""How often, each time for so many seconds, a stopping service waits for its clients to close."""
LOOPBACK: Final = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound


class LocalWebPubSub:
    """One service. Use it within one event loop: `async with LocalWebPubSub(config).serve(host, port) as service`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tokens = Tokens(config.keys)
        self.upstream = Upstream(config, lambda: self.origin)
        self.events: Events = self.upstream
        self.origin = config.origin
        self.port = 0
        self._hubs: dict[str, Hub] = {}
        self._sockets: set[ClientSocket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fanout = Fanout()
        self._rest = Rest(self, route)

    # -- serving --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, listening: socket.socket | None = None
    ) -> "AsyncGenerator[LocalWebPubSub]":
        """Serve on *port*, 0 for any free one (then `port` tells which). Raises OSError where it is taken.

        *listening* is a socket that has the port already.
        """
        loop = asyncio.get_running_loop()
        http = HttpServer(self._rest.handle, self._websocket)
        patience = self.config.limits.handshake_wait
        where: dict[str, Any] = {"host": host, "port": port} if listening is None else {"sock": listening}
        server = await loop.create_server(
            lambda: FrontDoor(self._websocket, http.connection, patience), backlog=BACKLOG, **where
        )
        self.port = server.sockets[0].getsockname()[1]
        self.origin = self.config.origin or ("localhost" if host in LOOPBACK else host)
        pings = loop.create_task(self._ping())
        try:
            yield self
        finally:
            pings.cancel()
            server.close()
            http.close()
            await self._close()

    def connection_string(self, host: str = "localhost") -> str:
        """For Microsoft's SDKs; holds the access key."""
        return f"Endpoint=http://{host}:{self.port};AccessKey={self.config.access_key};Version=1.0;"

    async def _close(self) -> None:
        """Tell clients, not event handlers: those are likely to be stopping too."""
        await self.upstream.close()
        for hub in self._hubs.values():
            for connection in tuple(hub.everyone()):
                connection.end("The service is shutting down.", GOING_AWAY)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _ in range(GOODBYES):
            if self._sockets:
                await asyncio.sleep(GOODBYE)
        for open_one in tuple(self._sockets):
            open_one.abort()
        await asyncio.sleep(0)

    def _websocket(self) -> ClientSocket:
        return ClientSocket(self, self._fanout, self._sockets, self.config.limits)

    # -- a socket's owner, until it has a connection --------------------------------------------------------------

    def opened(self, socket: ClientSocket, request: Request) -> None:
        self.spawn(open_connection(self, socket, request))

    def received(self, socket: ClientSocket, data: bytes, *, is_text: bool) -> None:
        """A client must wait for the handshake's answer."""
        del data, is_text
        socket.abort()

    def overflowed(self, socket: ClientSocket) -> None:
        socket.abort()

    def lost(self, socket: ClientSocket, *, clean: bool, reason: str) -> None:
        """It left before it was anybody's."""

    # -- surroundings ---------------------------------------------------------------------------------------------

    def hub(self, name: str) -> Hub:
        """The hub *name*, in lower case; it exists as soon as somebody asks."""
        found = self._hubs.get(name)
        if found is None:
            found = self._hubs[name] = Hub(name)
        return found

    def spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)  # noqa: S101 - work is a coroutine
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("something in the background failed", exc_info=task.exception())

    def mint_reconnection(self, connection_id: str) -> str:
        return self.tokens.mint_reconnection(connection_id)

    # -- in the background ----------------------------------------------------------------------------------------

    async def _ping(self) -> None:
        """Keeps proxies from closing what is idle, and finds the sockets whose other end is gone."""
        interval = self.config.keep_alive
        while True:
            await asyncio.sleep(interval)
            oldest = asyncio.get_running_loop().time() - interval * self.config.limits.pings_missed
            for number, open_one in enumerate(tuple(self._sockets)):
                open_one.ping(oldest)
                if number % SLICE == 0:
                    await asyncio.sleep(0)

    # -- for people and tests -------------------------------------------------------------------------------------

    def describe(self, most: int = 100) -> dict[str, Any]:
        """What is connected now, with the details of up to *most* connections of each hub. Read-only."""
        return {
            "sockets": len(self._sockets),
            "expired": self._fanout.expired,
            "events": {"delivered": self.upstream.delivered, "failed": self.upstream.failed},
            "hubs": {hub.name: hub.describe(most) for hub in self._hubs.values()},
        }

    def cut(self, hub: str, connection_id: str) -> bool:
        """Cut a connection's socket as a bad network would; False where it has none. For tests of recovery."""
        connection = self.hub(hub.lower()).connections.get(connection_id)
        if connection is None or connection.socket is None:
            return False
        connection.socket.abort()
        return True
