"""Web PubSub is away: what was said is kept, told in order when it is back, and nobody waits meanwhile."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.realtime.webpubsub import WebPubSubRealtime
from devhost.webpubsub import Config, LocalWebPubSub
from domain.chat.views import conversation_group
from tests.faults.answers import is_unavailable
from tests.faults.proxy import Proxy
from tests.world import Person, World, a_world

KEY = "a-key-for-the-tests-of-faults-and-nothing-else="
HUB = "mackchat"


@pytest.fixture
async def service() -> AsyncGenerator[LocalWebPubSub]:
    async with LocalWebPubSub(Config(KEY)).serve() as serving:
        yield serving


@pytest.fixture
async def way(service: LocalWebPubSub) -> AsyncGenerator[Proxy]:
    async with Proxy.before(service.port) as way:
        yield way


@pytest.fixture
async def chatting(way: Proxy, tmp_path: Path) -> AsyncGenerator[World]:
    """The application, which reaches the realtime service through the proxy `way`."""
    connection_string = f"Endpoint={way.url};AccessKey={KEY};Version=1.0;"
    async with a_world(tmp_path, APP_WEB_PUBSUB_CONNECTION_STRING=connection_string) as world:
        del vars(world.parts)["realtime"]  # the recording one: here is a real one
        yield world


class Ears:
    """A device in a conversation's group, connected past the proxy."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def next(self) -> dict[str, Any]:
        while True:
            frame = json.loads(await self._socket.receive_str(timeout=10))
            if frame["type"] == "message":
                return dict(frame["data"])


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


async def listen(http: aiohttp.ClientSession, service: LocalWebPubSub, person: Person, room: str) -> Ears:
    direct = WebPubSubRealtime(HUB, connection_string=service.connection_string("127.0.0.1"))
    access = await direct.client_access(
        person.id, session_id="s1", expires_in=timedelta(hours=1), groups=[conversation_group(room)]
    )
    await direct.close()
    return Ears(await http.ws_connect(access.url, protocols=("json.webpubsub.azure.v1",)))


async def open_room(world: World) -> tuple[Person, Person, str]:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    body = {"type": "direct", "participantIds": [bob.id]}
    opened = await world.client.post("/api/v1/conversations", json=body, headers=ada.bearer)
    assert opened.status_code == 201, opened.text
    return ada, bob, opened.json()["id"]


async def say(world: World, who: Person, room: str, text: str) -> int:
    reply = await world.client.post(f"/api/v1/conversations/{room}/messages", json={"text": text}, headers=who.bearer)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["seq"])


@pytest.mark.parametrize("how", ["away", "503", "cut"])
async def test_what_was_said_while_it_was_down_is_told_when_it_is_back(
    chatting: World, way: Proxy, service: LocalWebPubSub, http: aiohttp.ClientSession, how: str
) -> None:
    ada, bob, room = await open_room(chatting)
    ears = await listen(http, service, bob, room)
    assert await say(chatting, ada, room, "before") == 1
    assert (await ears.next())["data"]["text"] == "before"
    if how == "away":
        await way.close()
    elif how == "cut":
        way.cut()
    else:
        way.answer(503)
    assert [await say(chatting, ada, room, f"{n}") for n in range(2, 6)] == [2, 3, 4, 5]
    await chatting.parts.chat.sending.settle()  # it has given up by then
    page = await chatting.client.get(f"/api/v1/conversations/{room}/messages", headers=bob.bearer)
    assert [message["seq"] for message in page.json()["items"]] == [1, 2, 3, 4, 5]
    way.mend()
    if how == "away":
        await way.open()
    chatting.clock.advance(minutes=2)
    await chatting.run_jobs("publish_pending")
    told: list[int] = []
    while 5 not in told:
        told.append((await ears.next())["data"]["seq"])
    assert told[-4:] == [2, 3, 4, 5]
    way.answered = 0
    way.answer(503)
    await chatting.run_jobs("publish_pending")
    assert way.answered == 0  # all is acknowledged: nothing is told again


async def test_a_service_that_hangs_delays_no_sender_and_holds_no_more_than_its_pool(
    chatting: World, way: Proxy
) -> None:
    ada, bob, room = await open_room(chatting)
    await chatting.parts.chat.behind.settle()  # they have been let into the room
    before = way.open_connections
    way.hang()
    assert [await say(chatting, (ada, bob)[n % 2], room, f"{n}") for n in range(30)] == list(range(1, 31))
    assert way.open_connections <= before + 1  # one conversation is told by one task, in order
    assert (await chatting.client.get("/api/v1/courses")).status_code == 200
    way.mend()
    await chatting.parts.chat.sending.settle()


async def test_who_would_connect_meanwhile_is_not_kept_waiting_for_it(chatting: World, way: Proxy) -> None:
    """A URL is signed here; only what needs the service itself hears that it is away."""
    ada, _bob, _room = await open_room(chatting)
    await way.close()
    reply = await chatting.client.post("/api/v1/chat/negotiate", headers=ada.bearer)
    assert reply.status_code == 200 or is_unavailable(reply)
    ready = (await chatting.client.get("/api/readyz")).json()
    assert (ready["status"], ready["dependencies"]["realtime"]["status"]) == ("degraded", "down")
    assert (await chatting.client.get("/api/healthz")).status_code == 200


async def test_a_sign_out_holds_although_sockets_cannot_be_closed_and_they_are_when_it_is_back(
    chatting: World, way: Proxy, service: LocalWebPubSub, http: aiohttp.ClientSession
) -> None:
    ada = await chatting.sign_up("ada")
    url = (await chatting.client.post("/api/v1/chat/negotiate", headers=ada.bearer)).json()["url"]
    socket = await http.ws_connect(
        url.replace(str(way.port), str(service.port)), protocols=("json.webpubsub.azure.v1",)
    )
    assert (await socket.receive_json(timeout=10))["event"] == "connected"
    await way.close()
    assert (await chatting.client.post("/api/v1/auth/logout-all", headers=ada.bearer)).status_code == 200
    refused = await chatting.client.get("/api/v1/users/me", headers=ada.bearer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_revoked")
    await way.open()
    for _ in range(3):  # the queue shows the task again after a while
        chatting.clock.advance(minutes=2)
        await chatting.run_jobs("sweep_outbox")
    async with asyncio.timeout(10):
        while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
