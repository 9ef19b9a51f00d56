"""What the conformance tests share: keys, a bare WebSocket client, an event handler."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

from devhost.webpubsub import Config, EventHandler, LocalWebPubSub

KEY = "first-key-of-the-test-service-0123456789="
SECOND_KEY = "second-key-of-the-test-service-987654321="
HUB = "Talk"
JSON = "json.webpubsub.azure.v1"
RELIABLE = "json.reliable.webpubsub.azure.v1"
ALL_ROLES = ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"]
PATIENCE = 5.0
GOODBYE = aiohttp.ClientWSTimeout(ws_close=1.0)


class Client:
    """A WebSocket without a library's opinions: what is sent and received is what is on the wire."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.connected: dict[str, Any] = {}

    @property
    def id(self) -> str:
        return str(self.connected["connectionId"])

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def receive(self) -> dict[str, Any]:
        received: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=PATIENCE))
        return received

    async def ack(self, **frame: Any) -> dict[str, Any]:
        """Send *frame* and return its ack; nothing else may come before it."""
        await self.send(**frame)
        ack = await self.receive()
        assert ack["type"] == "ack", ack
        assert ack["ackId"] == frame["ackId"]
        return ack

    async def settled(self) -> None:
        """Everything sent before has been worked on, and nothing was sent back."""
        await self.send(type="ping")
        assert await self.receive() == {"type": "pong"}

    async def close_code(self) -> int | None:
        """Reads to the end; returns the code of the Close frame."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive()
                if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                    return self.socket.close_code


class Place:
    """A service, a server SDK's client for it, and clients that are closed at the end."""

    def __init__(self, service: LocalWebPubSub, http: aiohttp.ClientSession, server: Any) -> None:
        self.service = service
        self.http = http
        self.server = server  # the SDK's: its type hints forbid half of what JSON can say
        self._clients: list[Client] = []  # a WebSocket that nobody holds is closed

    async def close(self) -> None:
        await asyncio.gather(*(client.socket.close() for client in self._clients))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    async def client_url(self, user: str | None = None, **claims: Any) -> str:
        access = await self.server.get_client_access_token(user_id=user, **claims)
        return str(access["url"])

    async def open(
        self,
        user: str | None = None,
        *,
        protocols: tuple[str, ...] = (JSON,),
        roles: list[str] | None = None,
        groups: list[str] | None = None,
        query: str = "",
        **options: Any,
    ) -> Client:
        """A client whose `connected` frame has been read, if it gets one."""
        url = await self.client_url(user, roles=roles or [], groups=groups or [])
        return await self.open_url(url + query, protocols=protocols, **options)

    async def open_url(self, url: str, *, protocols: tuple[str, ...] = (JSON,), **options: Any) -> Client:
        client = Client(await self.http.ws_connect(url, protocols=protocols, timeout=GOODBYE, **options))
        self._clients.append(client)
        if client.socket.protocol in (JSON, RELIABLE) and "awps_connection_id" not in url:
            client.connected = await client.receive()
            assert client.connected["event"] == "connected"
        return client


@asynccontextmanager
async def place(config: Config | None = None) -> AsyncGenerator[Place]:
    async with (
        LocalWebPubSub(config or Config(KEY, SECOND_KEY)).serve() as service,
        aiohttp.ClientSession() as http,
        WebPubSubServiceClient.from_connection_string(service.connection_string("127.0.0.1"), HUB) as server,
    ):
        made = Place(service, http, server)
        yield made
        await made.close()


@dataclass
class Handler:
    """An event handler; by default it permits everything and answers 204."""

    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    answer: Callable[[web.BaseRequest, bytes], Awaitable[web.Response]] | None = None
    validation: Callable[[web.BaseRequest], web.Response] | None = None
    validated: list[web.BaseRequest] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{{hub}}/{{event}}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if "ce-type" not in request.headers:
            self.validated.append(request)
            if self.validation is not None:
                return self.validation(request)
            return web.Response(headers={"WebHook-Allowed-Origin": "*"})
        body = await request.read()
        self.requests.append(request)
        self.bodies.append(body)
        async with self.arrived:
            self.arrived.notify_all()
        if self.answer is not None:
            return await self.answer(request, body)
        return web.Response(status=204)

    async def until(self, count: int) -> None:
        """Wait for that many events in all."""
        async with asyncio.timeout(PATIENCE), self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= count)

    @property
    def names(self) -> list[str]:
        return [request.headers["ce-eventName"] for request in self.requests]


@asynccontextmanager
async def event_handler() -> AsyncGenerator[Handler]:
    handler = Handler()
    server = web.Server(handler.handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    handler.port = listening.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        listening.close()
        await server.shutdown(timeout=1)


def handled_by(handler: Handler, **options: Any) -> Config:
    return Config(KEY, SECOND_KEY, handlers={HUB: (EventHandler(handler.url, **options),)})
