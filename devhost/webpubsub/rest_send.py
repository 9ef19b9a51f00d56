"""REST: sending, closing, and making client tokens."""

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from devhost.webpubsub.client_frames import MAX_TTL, BadFrame, check_metadata
from devhost.webpubsub.cloudevents import METADATA, checked, data_type_of
from devhost.webpubsub.connection import Connection
from devhost.webpubsub.http import Response, json_response
from devhost.webpubsub.messages import Message, Payload
from devhost.webpubsub.rest import Call, Failure

CLOSED: Final = "Closed by REST API."
MAX_MINUTES: Final = 2**31 - 1


async def send_to_all(call: Call) -> Response:
    return await _send(call, call.hub.everyone)


async def send_to_group(call: Call, group: str) -> Response:
    return await _send(call, lambda: call.hub.members(group), group=group)


async def send_to_user(call: Call, user: str) -> Response:
    return await _send(call, lambda: call.hub.devices(user))


async def send_to_connection(call: Call, id_: str) -> Response:
    return await _send(call, lambda: one(call, id_))


async def _send(call: Call, to: Callable[[], Collection[Connection]], *, group: str | None = None) -> Response:
    """202 means accepted; the target need not exist. Receivers are those at the end of the body, not of its start."""
    wanted = call.wanted
    ttl = call.whole("messageTtlSeconds", 0, least=0, most=MAX_TTL) or 0
    payload = await _payload(call)
    call.hub.send(to(), Message(payload, group=group, ttl=ttl), excluded=call.excluded, wanted=wanted)
    return Response(202)


async def _payload(call: Call) -> Payload:
    request = call.request
    data_type = data_type_of(request.headers.get("content-type"))
    if data_type is None:
        raise Failure(415, "A message is text/plain, application/json or application/octet-stream.")
    metadata = {
        name.removeprefix(METADATA): value
        for name, value in request.headers.items()
        if name.startswith(METADATA) and len(name) > len(METADATA)
    }
    try:
        check_metadata(metadata)
    except BadFrame as error:
        raise Failure(400, str(error), "metadata") from error
    body = await call.body()
    try:
        return Payload(data_type, checked(data_type, body, request.charset or "utf-8"), metadata or None)
    except ValueError as error:
        raise Failure(400, "The body is not what its content type says.", "message") from error


# -- closing ------------------------------------------------------------------------------------------------------


async def close_all(call: Call) -> Response:
    return _close(call, call.hub.everyone())


async def close_group(call: Call, group: str) -> Response:
    return _close(call, call.hub.members(group))


async def close_user(call: Call, user: str) -> Response:
    return _close(call, call.hub.devices(user))


async def close_connection(call: Call, id_: str) -> Response:
    return _close(call, one(call, id_))


def _close(call: Call, connections: Collection[Connection]) -> Response:
    reason = call.first("reason") or CLOSED
    for connection in tuple(connections):
        if connection.id not in call.excluded:
            connection.end(reason)
    return Response(204)


# -- tokens -------------------------------------------------------------------------------------------------------


async def generate_token(call: Call) -> Response:
    if (call.first("clientType") or "default").lower() != "default":
        raise Failure(400, "Only tokens of the default client type are made here.", "clientType")
    minutes = call.whole("minutesToExpire", 60, least=1, most=MAX_MINUTES) or 60
    claims: dict[str, object] = {}
    user = call.first("userId")
    if user is not None:
        claims["sub"] = user
    for parameter, claim in (("role", "role"), ("group", "webpubsub.group")):
        values = call.query.get(parameter)
        if values:
            claims[claim] = values
    audience = f"http://{call.request.host}/client/hubs/{call.hub.name}"
    token = call.service.tokens.mint_client(audience, claims, seconds=minutes * 60)
    return json_response(msgspec.json.encode({"token": token}))


def one(call: Call, id_: str) -> Collection[Connection]:
    """The connection, if there is one."""
    connection = call.hub.connections.get(id_)
    return () if connection is None else (connection,)
