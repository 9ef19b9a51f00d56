"""The connect event: who a client becomes, or why it may not come in."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.webpubsub.answers import answering, holding
from tests.webpubsub.world import (
    ALL_ROLES,
    JSON,
    RELIABLE,
    Handler,
    Place,
)


async def test_connect_may_change_who_a_client_is(heard: Place, handler: Handler) -> None:
    answer = {"userId": "bob", "roles": ["webpubsub.sendToGroup.h"], "groups": ["h"], "subprotocol": RELIABLE}
    handler.answer = answering(to="connect", body=json.dumps(answer).encode(), content_type="application/json")
    client = await heard.open("alice", roles=ALL_ROLES, groups=["g"], protocols=(JSON, RELIABLE))
    assert client.connected["userId"] == "bob"
    assert client.socket.protocol == RELIABLE
    assert client.connected["reconnectionToken"]
    assert not await heard.server.group_exists("g")
    assert (await client.ack(type="sendToGroup", group="g", data=1, ackId=1))["success"] is False
    await client.send(type="sendToGroup", group="h", data=1)
    assert (await client.receive())["sequenceId"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 204},
        {"status": 200},
        {"body": b"{}", "content_type": "application/json"},
        {"body": b'{"groups": [], "userId": null, "subprotocol": "", "other": 1}', "content_type": "application/json"},
    ],
)
async def test_connect_may_leave_all_as_it_is(heard: Place, handler: Handler, answer: dict[str, Any]) -> None:
    handler.answer = answering(to="connect", **answer)
    client = await heard.open("alice", roles=ALL_ROLES, groups=["g"])
    assert client.connected["userId"] == "alice"
    assert await heard.server.group_exists("g")
    assert (await client.ack(type="joinGroup", group="x", ackId=1))["success"] is True


async def test_an_empty_list_of_roles_takes_all_away(heard: Place, handler: Handler) -> None:
    handler.answer = answering(to="connect", body=b'{"roles": []}', content_type="application/json")
    client = await heard.open("alice", roles=ALL_ROLES)
    assert (await client.ack(type="joinGroup", group="x", ackId=1))["success"] is False


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": 401}, 401),
        ({"status": 403}, 403),
        ({"status": 404}, 404),
        ({"status": 429}, 429),
        ({"status": 302, "headers": {"Location": "/"}}, 500),
        ({"status": 500}, 500),
        ({"body": b"no json"}, 500),
        ({"body": b'{"groups": "g"}'}, 500),
        ({"body": b'{"groups": [" "]}'}, 500),
        ({"body": b'{"subprotocol": "other"}'}, 500),
        ({"body": b"[" * 100_000}, 500),
    ],
)
async def test_connect_may_refuse_and_then_nothing_follows(
    heard: Place, handler: Handler, answer: dict[str, Any], status: int
) -> None:
    handler.answer = answering(to="connect", **answer)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await heard.open("alice", groups=["g"])
    assert refused.value.status == status
    assert set(handler.names) == {"connect"}
    assert not await heard.server.group_exists("g")


async def test_a_client_that_leaves_during_connect_is_told_disconnected(heard: Place, handler: Handler) -> None:
    release = asyncio.Event()
    handler.answer = holding(to="connect", until=release)
    opening = asyncio.create_task(heard.open("alice"))
    await handler.until(1)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    release.set()
    await handler.until(2)
    assert handler.names == ["connect", "disconnected"]
    assert not await heard.server.user_exists("alice")
