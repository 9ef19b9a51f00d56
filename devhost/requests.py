"""An ASGI request, turned into what a function gets from the Functions host."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 100 * 1024 * 1024
"""The host's own limit (ScriptConstants.DefaultMaxRequestBodySize)."""


class Refused(Exception):
    """The host answers by itself: *status*, no body."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(str(status))


class Gone(Exception):
    """The caller hung up before its body was whole."""


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case, repeats joined by commas (cookies by semicolons). Raises Refused for what is not UTF-8."""
    headers: dict[str, str] = {}
    try:
        for raw_name, raw_value in raw:
            name = raw_name.decode().lower()
            value = raw_value.decode()
            if name in headers:
                value = headers[name] + ("; " if name == "cookie" else ",") + value
            headers[name] = value
    except UnicodeDecodeError as error:
        raise Refused(400) from error
    return headers


def add_caller(headers: dict[str, str], client: tuple[str, int] | None) -> None:
    """Append the caller to `X-Forwarded-For` as the platform's front end does: `ip:port`."""
    if client is None:
        return
    host, port = client
    caller = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    before = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{before}, {caller}" if before else caller


def read_query(raw: bytes) -> dict[str, str]:
    """Repeats joined by commas, names compared without case (the first spelling stays), empty values dropped."""
    if not raw:
        return {}
    spelt: dict[str, str] = {}
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        key = spelt.setdefault(name.lower(), name)
        query[key] = f"{query[key]},{value}" if key in query else value
    return {name: value for name, value in query.items() if value}


async def read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """The body where `Content-Length` announces one, else nothing: the host loses chunked bodies, so they are here too.

    Raises Refused (413) above MAX_BODY_BYTES, Gone.
    """
    announced = headers.get("content-length")
    if announced is None or not announced.isdecimal():
        return b""
    length = int(announced)
    if length == 0:
        return b""
    if length > MAX_BODY_BYTES:
        raise Refused(413)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body
    pieces = [body]
    while message.get("more_body"):
        message = await receive()
        pieces.append(message.get("body", b""))
    if message["type"] != "http.request":
        raise Gone
    return b"".join(pieces)
