"""`json.reliable.webpubsub.azure.v1`, on the wire: numbers, acknowledgements, recovery."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from devhost.webpubsub import Config, EventHandler, Limits
from tests.webpubsub.world import ALL_ROLES, HUB, JSON, KEY, RELIABLE, Client, Place, event_handler, place


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


async def reliable(talk: Place, user: str = "alice", **options: Any) -> Client:
    return await talk.open(user, protocols=(RELIABLE,), roles=ALL_ROLES, **options)


async def recovered(talk: Place, client: Client, protocol: str = RELIABLE, **changed: str) -> Client:
    id_ = changed.get("id", client.id)
    token = changed.get("token", client.connected["reconnectionToken"])
    query = f"?awps_connection_id={id_}&awps_reconnection_token={token}"
    return await talk.open_url(f"{talk.url}/client/hubs/{HUB}{query}", protocols=(protocol,))


def cut(talk: Place, client: Client) -> None:
    assert talk.service.cut(HUB, client.id)


async def test_messages_are_numbered_from_1_and_nothing_else_is(talk: Place) -> None:
    alice = await reliable(talk, groups=["g"])
    assert "sequenceId" not in alice.connected
    for number in range(1, 4):
        await alice.send(type="sendToGroup", group="g", ackId=number, data={"n": number})
        message = await alice.receive()
        assert (message["sequenceId"], message["data"]) == (number, {"n": number})
        assert await alice.receive() == {"type": "ack", "ackId": number, "success": True}
    await talk.server.send_to_user("alice", {})
    assert (await alice.receive())["sequenceId"] == 4
    await alice.settled()


async def test_numbers_belong_to_the_connection(talk: Place) -> None:
    alice = await reliable(talk, groups=["a", "g"])
    bob = await reliable(talk, "bob", groups=["g"])
    await talk.server.send_to_group("a", {})
    await talk.server.send_to_group("g", {})
    assert [(await alice.receive())["sequenceId"] for _ in range(2)] == [1, 2]
    assert (await bob.receive())["sequenceId"] == 1


async def test_what_was_not_acknowledged_comes_again_in_order_with_its_number(talk: Place) -> None:
    alice = await reliable(talk, groups=["g"])
    for number in range(1, 6):
        await talk.server.send_to_group("g", {"n": number})
    assert [(await alice.receive())["sequenceId"] for _ in range(5)] == [1, 2, 3, 4, 5]
    await alice.send(type="sequenceAck", sequenceId=3)
    await alice.settled()
    cut(talk, alice)
    await talk.server.send_to_group("g", {"n": 6})
    assert await talk.server.connection_exists(alice.id)
    back = await recovered(talk, alice)
    assert back.socket.protocol == RELIABLE
    await talk.server.send_to_group("g", {"n": 7})
    again = [await back.receive() for _ in range(4)]
    assert [(m["sequenceId"], m["data"]["n"]) for m in again] == [(n, n) for n in (4, 5, 6, 7)]
    await back.settled()


async def test_recovery_keeps_groups_roles_and_ack_ids_and_raises_no_event() -> None:
    async with event_handler() as handler:
        config = Config(KEY, handlers={HUB: (EventHandler(handler.url),)})
        async with place(config) as talk:
            alice = await reliable(talk)
            await alice.ack(type="joinGroup", group="g", ackId=1)
            await handler.until(2)
            cut(talk, alice)
            back = await recovered(talk, alice)
            assert (await back.ack(type="joinGroup", group="g", ackId=1))["error"]["name"] == "Duplicate"
            assert (await back.ack(type="joinGroup", group="h", ackId=2))["success"] is True
            assert await talk.server.group_exists("g")
            assert handler.names == ["connect", "connected"]


async def test_a_new_socket_takes_over_from_one_that_is_half_open(talk: Place) -> None:
    alice = await reliable(talk, groups=["g"])
    back = await recovered(talk, alice)
    await talk.server.send_to_group("g", {})
    assert (await back.receive())["sequenceId"] == 1
    assert (await alice.socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert await talk.server.connection_exists(alice.id)


async def test_recovery_may_be_repeated(talk: Place) -> None:
    alice = await reliable(talk, groups=["g"])
    await talk.server.send_to_group("g", {})
    back = alice
    for _ in range(5):
        cut(talk, alice)
        back = await recovered(talk, alice)
        assert (await back.receive())["sequenceId"] == 1
    await back.send(type="sequenceAck", sequenceId=1)
    await back.settled()
    cut(talk, alice)
    await (await recovered(talk, alice)).settled()


@pytest.mark.parametrize("code", [1001, 1005, 1011, 4000])
async def test_any_close_but_1000_can_be_recovered(talk: Place, code: int) -> None:
    alice = await reliable(talk, groups=["g"])
    if code == 1005:
        await alice.socket._writer.send_frame(b"", aiohttp.WSMsgType.CLOSE)
    else:
        await alice.socket.close(code=code)
    await talk.server.send_to_group("g", {})
    assert (await (await recovered(talk, alice)).receive())["sequenceId"] == 1


async def test_recovery_that_cannot_be_is_accepted_and_closed_with_1008(talk: Place) -> None:
    alice = await reliable(talk)
    plain = await talk.open("bob")
    gone = await reliable(talk)
    await gone.socket.close(code=1000)
    closed = await reliable(talk)
    await talk.server.close_connection(closed.id)
    token = alice.connected["reconnectionToken"]
    for client, changed in (
        (alice, {"token": "nonsense"}),
        (alice, {"token": ""}),
        (alice, {"token": gone.connected["reconnectionToken"]}),
        (alice, {"id": "unknown"}),
        (alice, {"id": plain.id, "token": token}),
        (alice, {"protocol": JSON}),
        (gone, {}),
        (closed, {}),
    ):
        refused = await recovered(talk, client, **changed)
        assert await refused.close_code() == 1008
    await alice.settled()


async def test_after_the_time_to_recover_the_connection_is_gone() -> None:
    async with event_handler() as handler:
        config = Config(KEY, handlers={HUB: (EventHandler(handler.url, frozenset({"disconnected"})),)}, retain=0.05)
        async with place(config) as talk:
            alice = await reliable(talk, groups=["g"])
            cut(talk, alice)
            assert await talk.server.connection_exists(alice.id)
            await handler.until(1)
            assert not await talk.server.connection_exists(alice.id)
            assert not await talk.server.group_exists("g")
            assert await (await recovered(talk, alice)).close_code() == 1008


async def test_an_events_answer_waits_for_a_client_that_comes_back() -> None:
    async with event_handler() as handler:
        release = asyncio.Event()

        async def reply(_request: web.BaseRequest, _body: bytes) -> web.Response:
            await release.wait()
            return web.Response(text="done")

        handler.answer = reply
        config = Config(KEY, handlers={HUB: (EventHandler(handler.url, frozenset()),)})
        async with place(config) as talk:
            alice = await reliable(talk)
            await alice.send(type="event", event="e", ackId=1, data=1)
            await handler.until(1)
            cut(talk, alice)
            release.set()
            back = await recovered(talk, alice)
            assert (await back.receive())["data"] == "done"


@pytest.mark.parametrize("attached", [True, False])
async def test_too_many_unacknowledged_messages_end_the_connection_with_1008(attached: bool) -> None:
    async with place(Config(KEY, limits=Limits(queue_messages=10))) as talk:
        alice = await reliable(talk, groups=["g"])
        if not attached:
            cut(talk, alice)
        for _ in range(10):
            await talk.server.send_to_group("g", {})
        assert await talk.server.connection_exists(alice.id)
        await talk.server.send_to_group("g", {})
        if attached:
            assert await alice.close_code() == 1008
        assert not await talk.server.connection_exists(alice.id)
        assert await (await recovered(talk, alice)).close_code() == 1008


async def test_too_many_unacknowledged_bytes_end_the_connection_with_1008() -> None:
    async with place(Config(KEY, limits=Limits(queue_bytes=10_000))) as talk:
        alice = await reliable(talk, groups=["g"])
        await talk.server.send_to_group("g", {"x": "y" * 9_000})
        await alice.receive()
        await talk.server.send_to_group("g", {"x": "y" * 9_000})
        assert (await alice.receive())["event"] == "disconnected"
        assert await alice.close_code() == 1008


async def test_acknowledging_keeps_a_busy_connection_alive() -> None:
    async with place(Config(KEY, limits=Limits(queue_messages=10))) as talk:
        alice = await reliable(talk, groups=["g"])
        for number in range(1, 101):
            await talk.server.send_to_group("g", {})
            assert (await alice.receive())["sequenceId"] == number
            if number % 10 == 0:
                await alice.send(type="sequenceAck", sequenceId=number)
                await alice.settled()
        await alice.send(type="sequenceAck", sequenceId=2**63)  # further than anything sent
        await alice.settled()


async def test_an_acknowledgement_is_a_number(talk: Place) -> None:
    alice = await reliable(talk)
    await alice.send(type="sequenceAck", sequenceId=-1)
    assert await alice.close_code() == 1007


async def test_a_message_that_is_too_old_is_not_sent_again(talk: Place) -> None:
    alice = await reliable(talk, groups=["g"])
    cut(talk, alice)
    await talk.server.send_to_group("g", {"n": 1}, params={"messageTtlSeconds": 1})
    await talk.server.send_to_group("g", {"n": 2})
    connection = talk.service.hub(HUB.lower()).connections[alice.id]
    connection._unacknowledged[0][1].deadline = 0.0  # type: ignore[attr-defined]
    back = await recovered(talk, alice)
    assert (await back.receive())["data"] == {"n": 2}
