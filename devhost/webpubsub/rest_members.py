"""REST: who is connected, who is in which group, and who may do what."""

import base64
import binascii
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from devhost.webpubsub.connection import Connection
from devhost.webpubsub.http import Response, json_response
from devhost.webpubsub.names import is_group
from devhost.webpubsub.permissions import Action
from devhost.webpubsub.rest import Call, Failure, Operations, wanted
from devhost.webpubsub.rest_send import one

MAX_PAGE: Final = 200
MAX_TOP: Final = 2**31 - 1


def _found(there: object) -> Response:
    return Response(200 if there else 404)


async def connection_exists(call: Call, id_: str) -> Response:
    return _found(one(call, id_))


async def user_exists(call: Call, user: str) -> Response:
    return _found(call.hub.devices(user))


async def group_exists(call: Call, group: str) -> Response:
    return _found(call.hub.members(group))


# -- groups -------------------------------------------------------------------------------------------------------


def _group(name: str) -> str:
    if not is_group(name):
        raise Failure(400, "The name of the group is not valid.", "group")
    return name


async def join(call: Call, group: str, id_: str) -> Response:
    _group(group)
    for connection in one(call, id_):
        call.hub.join(connection, group)
        return Response(200)
    return Response(404)


async def leave(call: Call, group: str, id_: str) -> Response:
    for connection in one(call, id_):
        call.hub.leave(connection, group)
    return Response(204)


async def leave_all(call: Call, id_: str) -> Response:
    for connection in one(call, id_):
        call.hub.leave_all(connection)
    return Response(204)


async def user_joins(call: Call, user: str, group: str) -> Response:
    """The user's present connections; a later one is not added."""
    _group(group)
    devices = call.hub.devices(user)
    for connection in devices:
        call.hub.join(connection, group)
    return _found(devices)


async def user_leaves(call: Call, user: str, group: str) -> Response:
    for connection in call.hub.devices(user):
        call.hub.leave(connection, group)
    return Response(204)


async def user_leaves_all(call: Call, user: str) -> Response:
    for connection in call.hub.devices(user):
        call.hub.leave_all(connection)
    return Response(204)


class _Change(msgspec.Struct):
    groups: list[str]
    filter: str | None = None


async def change_groups(call: Call, *, joins: bool) -> Response:
    """Every connection the filter takes joins, or leaves, the groups."""
    if call.request.content_type != "application/json":
        raise Failure(415, "The body is application/json.")
    try:
        change = msgspec.json.decode(await call.body(), type=_Change)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Failure(400, "The body is {groups, filter}.", "groups") from error
    if not change.groups or not all(is_group(group) for group in change.groups):
        raise Failure(400, "A name of a group is not valid, or there is none.", "groups")
    wants = wanted(change.filter or None)
    for connection in tuple(call.hub.everyone()):
        if wants is None or wants(connection):
            for group in change.groups:
                (call.hub.join if joins else call.hub.leave)(connection, group)
    return Response(200)


# -- listing ------------------------------------------------------------------------------------------------------


async def list_connections(call: Call, group: str) -> Response:
    """A page of members, oldest connection first; *top* limits all pages together."""
    size = call.whole("maxpagesize", MAX_PAGE, least=1, most=MAX_PAGE) or MAX_PAGE
    top = call.whole("top", None, least=1, most=MAX_TOP)
    after = _continued(call.first("continuationToken"))
    members = sorted((c for c in call.hub.members(group) if c.serial > after), key=lambda c: c.serial)
    allowed = members if top is None else members[:top]
    page = allowed[:size]
    answer: dict[str, Any] = {"value": [_member(connection) for connection in page]}
    if len(allowed) > len(page):
        query: dict[str, Any] = {"maxpagesize": size, "api-version": call.first("api-version") or "2024-12-01"}
        if top is not None:
            query["top"] = top - len(page)
        query["continuationToken"] = base64.urlsafe_b64encode(str(page[-1].serial).encode()).decode()
        path = call.request.raw_path.partition("?")[0]
        answer["nextLink"] = f"http://{call.request.host}{path}?{urlencode(query)}"
    return json_response(msgspec.json.encode(answer))


def _member(connection: Connection) -> dict[str, str]:
    member = {"connectionId": connection.id}
    return member if connection.user_id is None else {**member, "userId": connection.user_id}


def _continued(token: str | None) -> int:
    if token is None:
        return -1
    try:
        return int(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise Failure(400, "The continuation token is not one of ours.", "continuationToken") from error


# -- permissions --------------------------------------------------------------------------------------------------


def permission_operations(name: str, id_: str) -> Operations:
    return {
        "PUT": partial(_grant, name=name, id_=id_),
        "DELETE": partial(_revoke, name=name, id_=id_),
        "HEAD": partial(_has, name=name, id_=id_),
    }


def _action(name: str) -> Action:
    try:
        return Action(name)
    except ValueError as error:
        raise Failure(400, "The permissions are sendToGroup and joinLeaveGroup.", "permission") from error


async def _grant(call: Call, name: str, id_: str) -> Response:
    action = _action(name)
    for connection in one(call, id_):
        connection.permissions.grant(action, call.first("targetName"))
        return Response(200)
    return Response(404)


async def _revoke(call: Call, name: str, id_: str) -> Response:
    action = _action(name)
    for connection in one(call, id_):
        connection.permissions.revoke(action, call.first("targetName"))
    return Response(204)


async def _has(call: Call, name: str, id_: str) -> Response:
    action = _action(name)
    return _found(any(c.permissions.has(action, call.first("targetName")) for c in one(call, id_)))
