"""The REST data plane: which operation a request asks for, whether it may, and how failures look."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote

import msgspec

from devhost.webpubsub.config import Config
from devhost.webpubsub.filters import BadFilter, compile_filter
from devhost.webpubsub.http import Request, Response, TooLarge
from devhost.webpubsub.hub import Hub, Wanted
from devhost.webpubsub.names import is_hub
from devhost.webpubsub.tokens import BadToken, Tokens


class Service(Protocol):
    config: Config
    tokens: Tokens

    def hub(self, name: str) -> Hub: ...


class Failure(Exception):
    """An answer that is not a success. *target* names the bad parameter."""

    def __init__(self, status: int, message: str = "", target: str | None = None) -> None:
        self.status = status
        self.message = message
        self.target = target
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised request to a hub."""

    service: Service
    request: Request
    hub: Hub
    query: Mapping[str, list[str]]

    def first(self, name: str) -> str | None:
        """A parameter of the query; None where it is absent or empty."""
        return self.query.get(name, [""])[0] or None

    def whole(self, name: str, default: int | None, *, least: int, most: int) -> int | None:
        """A whole number of the query. Raises Failure."""
        text = self.first(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and least <= int(text[:12]) <= most):
            raise Failure(400, f"'{name}' is a whole number from {least} to {most}.", name)
        return int(text)

    @property
    def excluded(self) -> tuple[str, ...]:
        return tuple(self.query.get("excluded", ()))

    @property
    def wanted(self) -> Wanted | None:
        return wanted(self.first("filter"))

    async def body(self) -> bytes:
        """Raises Failure for more than a message may have."""
        limit = self.service.config.limits.message_bytes
        try:
            return await self.request.body(limit)
        except TooLarge:
            raise Failure(413, f"A message has at most {limit} bytes.") from None


Operation = Callable[[Call], Awaitable[Response]]
Operations = Mapping[str, Operation]
"""Of one resource, by method."""
Router = Callable[[list[str]], Operations | None]
"""The operations on what the path, below the hub, names; None where there is no such thing."""


def wanted(expression: str | None) -> Wanted | None:
    """A filter, compiled before anything is sent. Raises Failure."""
    if expression is None:
        return None
    try:
        return compile_filter(expression)
    except BadFilter as error:
        raise Failure(400, f"Invalid syntax for '{expression}': {error} (Parameter 'filter')", "filter") from error


_HUB_AT: Final = 3
_NAMES: Final = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
}


class Rest:
    """Checks go in the order of the service: hub name, token, parameters, then the operation."""

    def __init__(self, service: Service, router: Router) -> None:
        self._service = service
        self._router = router

    async def handle(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except Failure as failure:
            return _render(failure)

    async def _answer(self, request: Request) -> Response:
        if request.raw_path.partition("?")[0].lower() == "/api/health":
            return Response(200)
        path, hub, below, query = _read_target(request.raw_path)
        self._authorise(request, path)
        operations = self._router(list(below))
        if operations is None:
            raise Failure(404, "There is no such resource.")
        operation = operations.get(request.method)
        if operation is None:
            raise Failure(405, "The resource has no such method.")
        return await operation(Call(self._service, request, self._service.hub(hub), query))

    def _authorise(self, request: Request, path: str) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Failure(401)
        try:
            self._service.tokens.server(token.strip(), path)
        except BadToken as error:
            raise Failure(401) from error


@lru_cache(maxsize=4096)  # a server sends to the same groups again and again
def _read_target(raw_path: str) -> tuple[str, str, tuple[str, ...], Mapping[str, list[str]]]:
    """The path as sent, the hub in lower case, what is named below it, and the query. Raises Failure."""
    path, _, raw_query = raw_path.partition("?")
    segments = path.split("/")[1:]  # decoded each by itself: a user id may hold an encoded slash
    if len(segments) < _HUB_AT + 1 or [s.lower() for s in segments[: _HUB_AT - 1]] != ["api", "hubs"]:
        raise Failure(404, "There is no such resource.")
    try:
        hub, *below = (unquote(segment, errors="strict") for segment in segments[_HUB_AT - 1 :])
        query = parse_qs(raw_query, keep_blank_values=True, errors="strict") if raw_query else {}
    except ValueError as error:
        raise Failure(400, "The URL is not UTF-8.") from error
    if not is_hub(hub):
        raise Failure(400, "The name of the hub is not valid.", "hub")
    return path, hub.lower(), tuple(below), query


def _render(failure: Failure) -> Response:
    """401 and 404 have no body; the others say what is wrong."""
    if failure.status in (401, 404):
        headers = {"www-authenticate": "Bearer"} if failure.status == 401 else {}  # noqa: PLR2004
        return Response(failure.status, headers=headers)
    code = _NAMES.get(failure.status, "Error")
    body: dict[str, Any] = {"code": code, "message": failure.message, "target": failure.target}
    headers = {"content-type": "application/json", "x-ms-error-code": code}
    return Response(failure.status, msgspec.json.encode(body), headers)
