"""The client endpoint: from a WebSocket's HTTP request to a connection (reference: "Client WebSocket endpoint")."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from secrets import token_urlsafe
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote

from websockets.http11 import Request

from devhost.webpubsub.client_socket import ClientSocket
from devhost.webpubsub.connection import Connection, Identity, Surroundings
from devhost.webpubsub.frames import POLICY
from devhost.webpubsub.hub import Hub
from devhost.webpubsub.json_client import JsonConnection
from devhost.webpubsub.names import is_group, is_hub
from devhost.webpubsub.reliable_client import ReliableConnection
from devhost.webpubsub.simple_client import SimpleConnection
from devhost.webpubsub.tokens import BadToken, Tokens
from devhost.webpubsub.upstream import Refused, Upstream

log = logging.getLogger("webpubsub")

JSON: Final = "json.webpubsub.azure.v1"
RELIABLE: Final = "json.reliable.webpubsub.azure.v1"
SUPPORTED: Final = (JSON, RELIABLE)


class Service(Surroundings, Protocol):
    tokens: Tokens
    upstream: Upstream

    def hub(self, name: str) -> Hub: ...


class BadRequest(Exception):
    """The handshake's answer is 400."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client asks for."""

    hub: str
    """As written: a token is for this spelling, or another of the same letters."""
    query: Mapping[str, list[str]]
    headers: dict[str, list[str]]
    offered: tuple[str, ...]

    @classmethod
    def read(cls, request: Request) -> "Opening":
        """Raises BadRequest."""
        if not request.headers.get_all("Upgrade"):
            raise BadRequest("Not a WebSocket request.")
        path, _, raw_query = request.path.partition("?")
        try:
            query = parse_qs(raw_query, keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise BadRequest("The query is not understood.") from error
        segments = [unquote(segment) for segment in path.rstrip("/").split("/")[1:]]
        if len(segments) == 3 and [s.lower() for s in segments[:2]] == ["client", "hubs"]:  # noqa: PLR2004
            hub = segments[2]
        elif len(segments) == 1 and segments[0].lower() == "client":
            hub = query.get("hub", [""])[0]
        else:
            raise BadRequest("There is no such endpoint.")
        if not is_hub(hub):
            raise BadRequest("The name of the hub is not valid.")
        headers: dict[str, list[str]] = {}
        for name, value in request.headers.raw_items():
            headers.setdefault(name, []).append(value)
        protocols = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
        return cls(hub, query, headers, tuple(p.strip() for p in protocols.split(",") if p.strip()))

    def first(self, name: str) -> str:
        return self.query.get(name, [""])[0]

    @property
    def token(self) -> str:
        """From the query, or else from the Authorization header."""
        given = self.first("access_token")
        if given:
            return given
        for name, values in self.headers.items():
            if name.lower() == "authorization" and values[0].lower().startswith("bearer "):
                return values[0][len("bearer ") :].strip()
        return ""

    @property
    def subprotocol(self) -> str | None:
        """The first one offered that is spoken here, as the client wrote it."""
        return next((p for p in self.offered if p.lower() in SUPPORTED), None)

    @property
    def shown_query(self) -> dict[str, list[str]]:
        return {name: values for name, values in self.query.items() if name != "access_token"}

    @property
    def shown_headers(self) -> dict[str, list[str]]:
        return {name: values for name, values in self.headers.items() if name.lower() != "authorization"}


async def open_connection(service: Service, socket: ClientSocket, request: Request) -> None:
    """Answer one handshake."""
    try:
        opening = Opening.read(request)
        if opening.first("awps_connection_id"):
            _recover(service, socket, request, opening)
        else:
            await _connect(service, socket, request, opening)
    except BadRequest as error:
        socket.reject(400, str(error))
    except BadToken:
        socket.reject(401)
    except Refused as error:
        socket.reject(error.status if 400 <= error.status < 600 else 500)  # noqa: PLR2004
    except Exception:
        log.exception("a handshake failed")
        socket.reject(500)


async def _connect(service: Service, socket: ClientSocket, request: Request, opening: Opening) -> None:
    claims = _claims(service, opening)
    hub = service.hub(opening.hub.lower())
    identity = Identity(
        id=token_urlsafe(20),
        user_id=_text(claims.get("sub")),
        roles=_texts(claims.get("role")),
        groups=_texts(claims.get("webpubsub.group")),
        subprotocol=opening.subprotocol,
        claims={name: [_shown(v) for v in _list(value)] for name, value in claims.items()},
        query=opening.shown_query,
        cookies=SimpleCookie(),
    )
    if not all(is_group(group) for group in identity.groups):
        raise BadRequest("The token names a group that cannot be.")
    publish_to = _publish_group(opening) if identity.subprotocol is None else None
    answer = await service.upstream.connect(hub.name, identity, opening.shown_headers, opening.offered)
    if answer.user_id:
        identity.user_id = answer.user_id
    if answer.roles is not None:
        identity.roles = answer.roles
    if answer.groups:
        identity.groups = answer.groups
    if answer.subprotocol:
        identity.subprotocol = answer.subprotocol
    connection: Connection
    kind = (identity.subprotocol or "").lower()
    if kind == RELIABLE:
        connection = ReliableConnection(service, hub, identity, socket)
    elif kind == JSON:
        connection = JsonConnection(service, hub, identity, socket)
    else:
        no_echo = opening.first("noEcho").lower() == "true"
        connection = SimpleConnection(service, hub, identity, socket, publish_to=publish_to, no_echo=no_echo)
    if socket.accept(request, identity.subprotocol):
        socket.owner = connection
        connection.begin(identity.groups)
    else:
        # The handler may have noted the client as coming; it left meanwhile.
        service.spawn(service.events.disconnected(connection, "The client left during the handshake."))


def _recover(service: Service, socket: ClientSocket, request: Request, opening: Opening) -> None:
    """Never an HTTP error: clients would try again for 30 s, while on 1008 they start anew at once."""
    connection_id = opening.first("awps_connection_id")
    connection = service.hub(opening.hub.lower()).connections.get(connection_id)
    if not socket.accept(request, opening.subprotocol):
        return
    if (
        isinstance(connection, ReliableConnection)
        and (opening.subprotocol or "").lower() == RELIABLE
        and service.tokens.may_reconnect(opening.first("awps_reconnection_token"), connection_id)
    ):
        socket.owner = connection
        connection.recover(socket)
    else:
        socket.close(POLICY, "The connection cannot be recovered.")


def _claims(service: Service, opening: Opening) -> dict[str, Any]:
    token = opening.token
    if not token and service.config.anonymous:
        return {}
    return service.tokens.client(token, opening.hub)


def _publish_group(opening: Opening) -> str | None:
    mode = opening.first("webpubsub_mode") or "sendEvent"
    if mode.lower() == "sendevent":
        return None
    group = opening.first("group")
    if mode.lower() != "sendtogroup" or not is_group(group):
        raise BadRequest("webpubsub_mode is sendEvent, or sendToGroup with a group.")
    return group


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _texts(value: object) -> tuple[str, ...]:
    """A claim that is one string or several."""
    return tuple(one for one in _list(value) if isinstance(one, str))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _shown(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
