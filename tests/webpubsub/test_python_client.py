"""Microsoft's Python client (asyncio) with both subprotocols: it must not be able to tell."""

import asyncio
import queue
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiohttp import web
from azure.messaging.webpubsubclient import WebPubSubClient as ThreadedClient
from azure.messaging.webpubsubclient.aio import WebPubSubClient, WebPubSubClientCredential
from azure.messaging.webpubsubclient.models import (
    CallbackType,
    OnConnectedArgs,
    OnGroupDataMessageArgs,
    OnServerDataMessageArgs,
    SendMessageError,
    WebPubSubDataType,
    WebPubSubProtocolType,
)

from tests.webpubsub.world import ALL_ROLES, HUB, Place, event_handler, handled_by, place

BOTH = [WebPubSubProtocolType.JSON, WebPubSubProtocolType.JSON_RELIABLE]
TEXT: Final = WebPubSubDataType.TEXT
AS_JSON: Final = WebPubSubDataType.JSON


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


class Listener:
    """A client and what it heard."""

    def __init__(self, client: WebPubSubClient) -> None:
        self.client = client
        self.connected: list[OnConnectedArgs] = []
        self.heard: list[Any] = []
        self.sequence: list[int | None] = []
        self._changed = asyncio.Condition()

    async def on_connected(self, args: OnConnectedArgs) -> None:
        self.connected.append(args)
        await self._notify()

    async def on_group(self, args: OnGroupDataMessageArgs) -> None:
        self.heard.append(args.data)
        self.sequence.append(args.sequence_id)
        await self._notify()

    async def on_server(self, args: OnServerDataMessageArgs) -> None:
        self.heard.append(("server", args.data))
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(done)

    @property
    def id(self) -> str:
        return str(self.connected[-1].connection_id)


@asynccontextmanager
async def listening(
    talk: Place, user: str, protocol: WebPubSubProtocolType, groups: tuple[str, ...] = ()
) -> AsyncIterator[Listener]:
    async def url() -> str:
        return await talk.client_url(user, roles=ALL_ROLES, groups=list(groups))

    client = WebPubSubClient(
        WebPubSubClientCredential(url),
        protocol_type=protocol,
        ack_timeout=2,
        start_timeout=2,
        reconnect_retry_backoff_factor=0.05,
        message_retry_backoff_factor=0.05,
        message_retry_total=6,
    )
    listener = Listener(client)
    subscribe: Any = client.subscribe
    await subscribe(CallbackType.CONNECTED, listener.on_connected)
    await subscribe(CallbackType.GROUP_MESSAGE, listener.on_group)
    await subscribe(CallbackType.SERVER_MESSAGE, listener.on_server)
    async with client:
        await listener.until(lambda: bool(listener.connected))
        yield listener


@pytest.mark.parametrize("protocol", BOTH)
async def test_two_clients_talk_in_a_group(talk: Place, protocol: WebPubSubProtocolType) -> None:
    async with listening(talk, "alice", protocol) as alice, listening(talk, "bob", protocol) as bob:
        assert alice.connected[0].user_id == "alice"
        for one in (alice, bob):
            await one.client.join_group("g")
        for number in range(50):
            await alice.client.send_to_group("g", {"n": number}, AS_JSON, no_echo=True)
        await bob.client.send_to_group("g", "text", TEXT)
        await bob.client.send_to_group("g", memoryview(b"\x00\xff"), WebPubSubDataType.BINARY)
        await bob.until(lambda: len(bob.heard) == 52)
        assert bob.heard[:51] == [*({"n": n} for n in range(50)), "text"]
        assert bytes(bob.heard[51]) == b"\x00\xff"
        await alice.until(lambda: len(alice.heard) == 2)
        await alice.client.leave_group("g")
        await bob.client.send_to_group("g", "unheard", TEXT)
        await talk.server.send_to_user("alice", {"to": "you"})
        await alice.until(lambda: len(alice.heard) == 3)
        assert alice.heard[2] == ("server", {"to": "you"})


async def test_a_refused_send_raises_with_the_services_word(talk: Place) -> None:
    client = WebPubSubClient(await talk.client_url("alice"), ack_timeout=2, message_retry_total=0)
    async with client:
        with pytest.raises(SendMessageError) as refused:
            await client.send_to_group("g", "x", TEXT)
    assert refused.value.error_detail is not None
    assert refused.value.error_detail.name == "Forbidden"


@pytest.mark.parametrize("protocol", BOTH)
async def test_events_reach_the_handler_and_its_answer_the_client(protocol: WebPubSubProtocolType) -> None:
    async with event_handler() as handler, place(handled_by(handler)) as talk:

        async def echo(request: web.BaseRequest, body: bytes) -> web.Response:
            if request.headers["ce-eventName"] == "echo":
                return web.Response(body=body, content_type=request.content_type)
            return web.Response(status=204)

        handler.answer = echo
        async with listening(talk, "alice", protocol) as alice:
            await alice.client.send_event("echo", {"a": 1}, AS_JSON)
            await alice.client.send_event("echo", "b", TEXT)
            await alice.until(lambda: len(alice.heard) == 2)
            assert alice.heard == [("server", {"a": 1}), ("server", "b")]
            handler.answer = lambda _request, _body: refused()
            with pytest.raises(SendMessageError):
                await alice.client.send_event("echo", "c", TEXT, ack_id=1000)


async def refused() -> web.Response:
    return web.Response(status=400)


async def test_a_reliable_client_loses_nothing_over_cuts(talk: Place) -> None:
    async with listening(talk, "alice", WebPubSubProtocolType.JSON_RELIABLE, ("g",)) as alice:
        for number in range(60):
            await talk.server.send_to_group("g", {"n": number})
            if number % 20 == 10:
                talk.service.cut(HUB, alice.id)
        await alice.until(lambda: len(alice.heard) >= 60)
        assert alice.heard == [{"n": n} for n in range(60)]
        assert alice.sequence == list(range(1, 61))
        assert len(alice.connected) == 1  # recovered, not connected anew


async def test_sending_goes_on_after_a_cut(talk: Place) -> None:
    async with listening(talk, "alice", WebPubSubProtocolType.JSON_RELIABLE) as alice:
        await alice.client.join_group("g")
        talk.service.cut(HUB, alice.id)
        await alice.client.send_to_group("g", "after", TEXT)
        await alice.until(lambda: "after" in alice.heard)


@pytest.mark.parametrize("protocol", BOTH)
async def test_a_closed_client_connects_anew_and_joins_its_groups_again(
    talk: Place, protocol: WebPubSubProtocolType
) -> None:
    async with listening(talk, "alice", protocol) as alice:
        await alice.client.join_group("g")
        first = alice.id
        await talk.server.close_connection(first, reason="test")
        await alice.until(lambda: len(alice.connected) == 2)
        assert alice.id != first
        async with asyncio.timeout(5):
            while not await talk.server.group_exists("g"):  # noqa: ASYNC110 - the service has no call for waiting
                await asyncio.sleep(0.01)
        await talk.server.send_to_group("g", {"n": 1})
        await alice.until(lambda: {"n": 1} in alice.heard)


async def test_a_recovery_that_comes_too_late_is_a_new_connection(talk: Place) -> None:
    async with listening(talk, "alice", WebPubSubProtocolType.JSON_RELIABLE, ("g",)) as alice:
        connection = talk.service.hub(HUB.lower()).connections[alice.id]
        talk.service.cut(HUB, alice.id)
        connection.end("too late")
        await alice.until(lambda: len(alice.connected) == 2)
        await talk.server.send_to_group("g", {"n": 1})
        await alice.until(lambda: alice.heard == [{"n": 1}])
        assert alice.sequence == [1]


def talk_in_a_thread(url: str) -> list[Any]:
    """Microsoft's client without asyncio: another WebSocket library, its own handshake."""
    heard: queue.Queue[Any] = queue.Queue()
    client = ThreadedClient(url, ack_timeout=1, start_timeout=1)
    subscribe: Any = client.subscribe
    subscribe(CallbackType.GROUP_MESSAGE, lambda args: heard.put(args.data))
    with client:
        client.join_group("g")
        client.send_to_group("g", {"n": 1}, AS_JSON)
        return [heard.get(timeout=5)]


async def test_the_client_without_asyncio_works_too(talk: Place) -> None:
    url = await talk.client_url("alice", roles=ALL_ROLES)
    assert await asyncio.to_thread(talk_in_a_thread, url) == [{"n": 1}]
