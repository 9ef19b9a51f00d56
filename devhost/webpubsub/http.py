"""HTTP for the REST data plane, on the server that serves the API, too: uvicorn, as one protocol among two of a port.

aiohttp's server is as good; but it brings aiohttp's client, together 90 ms of CPU at the start and 8 MB that a service
with no event handler to call never uses (import profile, memray).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final

from uvicorn import Config
from uvicorn.server import ServerState

from devhost.http_protocol import HttpProtocol

IDLE_SECONDS: Final = 75
"""How long an idle connection is kept: longer than clients do, so that it is they who close."""


class TooLarge(Exception):
    """The body has more bytes than were asked for."""


@dataclass(slots=True)
class Request:
    """One request. Header names are in lower case; of repeats, the values are joined by commas."""

    method: str
    raw_path: str
    """As sent, with the query."""
    headers: Mapping[str, str]
    _receive: Callable[[], Awaitable[Any]] = field(repr=False)

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    @property
    def content_type(self) -> str:
        """In lower case, without parameters. Empty where none is named."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        said = self.headers.get("content-type", "")
        if "charset" not in said.lower():  # to parse what hardly any request has took longer than to send it on
            return None
        named = Message()
        named["content-type"] = said
        return named.get_content_charset()

    async def body(self, most: int) -> bytes:
        """All of it. Raises TooLarge, where the length is announced before reading any."""
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > most:
            raise TooLarge
        read, more = b"", True
        while more:
            message = await self._receive()
            read += message.get("body", b"")
            more = message.get("more_body", False)
            if len(read) > most:
                raise TooLarge
        return read


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(body: bytes) -> Response:
    return Response(200, body, {"content-type": "application/json"})


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Connections that speak HTTP. A WebSocket's handshake, on one that did before, is given to *websocket*."""

    def __init__(self, handler: Handler, websocket: Callable[[], asyncio.Protocol]) -> None:
        self._handler = handler
        self._state = ServerState()
        self._config = Config(
            self._serve,
            interface="asgi3",
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE_SECONDS,
        )
        self._config.load()
        self._config.ws_protocol_class = lambda **_: websocket()  # type: ignore[assignment]

    def connection(self) -> asyncio.Protocol:
        """For one TCP connection."""
        return HttpProtocol(self._config, self._state, {})

    def close(self) -> None:
        """End idle connections now, the others after their answer."""
        for connection in tuple(self._state.connections):
            connection.shutdown()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        query: bytes = scope["query_string"]
        raw_path = scope["raw_path"].decode("latin-1")
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        request = Request(
            scope["method"], f"{raw_path}?{query.decode('latin-1')}" if query else raw_path, headers, receive
        )
        response = await self._handler(request)
        sent = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
        if response.status != 204:  # noqa: PLR2004 - RFC 9110 §8.6
            sent.append((b"content-length", b"%d" % len(response.body)))
        await send({"type": "http.response.start", "status": response.status, "headers": sent})
        await send({"type": "http.response.body", "body": response.body})
