"""What the realtime port promises, kept by the adapter through Microsoft's SDK, against the local service."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web

from adapters.identity import AzureIdentity
from adapters.realtime.service import read_connection_string
from adapters.realtime.webpubsub import WebPubSubRealtime
from devhost.webpubsub import Config, LocalWebPubSub
from domain.kernel.errors import Unavailable
from domain.kernel.realtime import Realtime

KEY = "a-key-for-the-tests-of-the-realtime-port="
HUB = "mackchat"
HOUR = timedelta(hours=1)
EVENT = {"event": "message.new", "id": "0192", "data": {"text": "hello, wörld"}}


@pytest.fixture
async def service() -> AsyncGenerator[LocalWebPubSub]:
    async with LocalWebPubSub(Config(KEY)).serve() as serving:
        yield serving


@pytest.fixture
async def realtime(service: LocalWebPubSub) -> AsyncGenerator[Realtime]:
    adapter = WebPubSubRealtime(HUB, connection_string=service.connection_string("127.0.0.1"))
    yield adapter
    await adapter.close()


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Device:
    """One connection of a person's client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    @classmethod
    async def connect(
        cls,
        realtime: Realtime,
        http: aiohttp.ClientSession,
        user: str,
        session: str = "s1",
        groups: tuple[str, ...] = (),
    ) -> "Device":
        access = await realtime.client_access(user, session_id=session, expires_in=HOUR, groups=groups)
        device = cls(await http.ws_connect(access.url, protocols=("json.webpubsub.azure.v1",)))
        assert (await device.receive())["userId"] == user
        return device

    async def receive(self) -> dict[str, object]:
        received: dict[str, object] = json.loads(await self.socket.receive_str(timeout=5))
        return received

    async def hears_nothing_more(self) -> None:
        await self.socket.send_str('{"type":"ping"}')
        assert await self.receive() == {"type": "pong"}
        await self.socket.close()

    async def is_closed(self, reason: str) -> None:
        assert await self.receive() == {"type": "system", "event": "disconnected", "message": reason}
        assert (await self.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        await self.socket.close()


async def test_an_event_reaches_the_members_of_a_group(realtime: Realtime, http: aiohttp.ClientSession) -> None:
    ada = await Device.connect(realtime, http, "ada", groups=("c.1",))
    bob = await Device.connect(realtime, http, "bob")
    await realtime.send_to_group("c.1", EVENT)
    received = await ada.receive()
    assert (received["from"], received["group"], received["dataType"], received["data"]) == (
        "group",
        "c.1",
        "json",
        EVENT,
    )
    await ada.hears_nothing_more()
    await bob.hears_nothing_more()


async def test_an_event_reaches_all_devices_of_a_person(realtime: Realtime, http: aiohttp.ClientSession) -> None:
    devices = [await Device.connect(realtime, http, "ada", f"s{n}") for n in range(3)]
    bob = await Device.connect(realtime, http, "bob")
    await realtime.send_to_user("ada", EVENT)
    for device in devices:
        assert (await device.receive())["data"] == EVENT
        await device.hears_nothing_more()
    await bob.hears_nothing_more()


async def test_sending_to_nobody_is_fine(realtime: Realtime) -> None:
    await realtime.send_to_group("c.none", EVENT)
    await realtime.send_to_user("nobody", EVENT)
    await realtime.close_user("nobody", reason="x")
    await realtime.close_session("none", reason="x")


async def test_a_person_joins_and_leaves_with_every_device(realtime: Realtime, http: aiohttp.ClientSession) -> None:
    devices = [await Device.connect(realtime, http, "ada") for _ in range(2)]
    await realtime.add_user_to_group("c.1", "ada")
    await realtime.send_to_group("c.1", EVENT)
    for device in devices:
        assert (await device.receive())["data"] == EVENT
    await realtime.remove_user_from_group("c.1", "ada")
    await realtime.send_to_group("c.1", EVENT)
    for device in devices:
        await device.hears_nothing_more()


async def test_joining_and_leaving_without_a_device_is_fine(realtime: Realtime) -> None:
    await realtime.add_user_to_group("c.1", "nobody")
    await realtime.remove_user_from_group("c.1", "nobody")


async def test_ending_a_session_closes_its_connections_and_no_others(
    realtime: Realtime, http: aiohttp.ClientSession
) -> None:
    phone = await Device.connect(realtime, http, "ada", "s1")
    laptop = await Device.connect(realtime, http, "ada", "s2")
    await realtime.close_session("s1", reason="signed out")
    await phone.is_closed("signed out")
    await laptop.hears_nothing_more()


async def test_closing_a_person_closes_every_connection(realtime: Realtime, http: aiohttp.ClientSession) -> None:
    devices = [await Device.connect(realtime, http, "ada", f"s{n}") for n in range(2)]
    bob = await Device.connect(realtime, http, "bob")
    await realtime.close_user("ada", reason="suspended")
    for device in devices:
        await device.is_closed("suspended")
    await bob.hears_nothing_more()


async def test_client_access_is_for_one_person_and_session_without_any_role(realtime: Realtime) -> None:
    access = await realtime.client_access("ada", session_id="s1", expires_in=HOUR, groups=("c.1", "s.s1"))
    assert access.expires_in == HOUR
    token = parse_qs(urlsplit(access.url).query)["access_token"][0]
    claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_aud": False})
    assert claims["sub"] == "ada"
    assert claims["webpubsub.group"] == ["s.s1", "c.1"]
    assert "role" not in claims
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_ping_is_answered_with_the_right_key_only(service: LocalWebPubSub, realtime: Realtime) -> None:
    await realtime.ping()
    stranger = WebPubSubRealtime(
        HUB, connection_string=f"Endpoint=http://127.0.0.1:{service.port};AccessKey={'x' * 32};"
    )
    with pytest.raises(Unavailable):
        await stranger.ping()
    await stranger.close()


class Faulty:
    """A service that answers as it is told."""

    def __init__(self, *answers: web.Response) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self.tokens: list[str] = []
        self.hangs = False

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.requests.append(request.path)
        self.tokens.append(request.headers["Authorization"])
        if self.hangs:
            await asyncio.sleep(60)
        await request.read()
        return self.answers.pop(0) if self.answers else web.Response(status=202)


async def faulty(*answers: web.Response) -> AsyncGenerator[tuple[Faulty, Realtime]]:
    behaviour = Faulty(*answers)
    server = web.Server(behaviour.handle, handler_cancellation=True)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    adapter = WebPubSubRealtime(HUB, connection_string=f"Endpoint=http://127.0.0.1:{port};AccessKey={KEY};")
    yield behaviour, adapter
    await adapter.close()
    listening.close()
    await server.shutdown(timeout=0)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_call_that_may_pass_later_is_tried_again(status: int) -> None:
    async for behaviour, realtime in faulty(web.Response(status=status), web.Response(status=status)):
        await realtime.send_to_group("c.1", EVENT)
        assert len(behaviour.requests) == 3


async def test_a_service_that_stays_down_is_unavailable_after_three_tries() -> None:
    answers = [web.Response(status=503, headers={"Retry-After": "0"}) for _ in range(3)]
    async for behaviour, realtime in faulty(*answers):
        with pytest.raises(Unavailable):
            await realtime.send_to_group("c.1", EVENT)
        assert len(behaviour.requests) == 3


async def test_a_service_that_asks_for_a_long_pause_gets_it() -> None:
    async for behaviour, realtime in faulty(web.Response(status=429, headers={"Retry-After": "30"})):
        with pytest.raises(Unavailable) as refused:
            await realtime.send_to_group("c.1", EVENT)
        assert refused.value.retry_after == 30
        assert len(behaviour.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_being_refused_is_not_tried_again(status: int) -> None:
    async for behaviour, realtime in faulty(web.Response(status=status)):
        with pytest.raises(Unavailable) as refused:
            await realtime.send_to_group("c.1", EVENT)
        assert refused.value.retry_after
        assert len(behaviour.requests) == 1


async def test_a_service_that_hangs_is_unavailable_within_three_seconds() -> None:
    async for behaviour, realtime in faulty():
        behaviour.hangs = True
        started = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await realtime.send_to_group("c.1", EVENT)
        assert asyncio.get_running_loop().time() - started < 3


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    realtime = WebPubSubRealtime(HUB, connection_string=f"Endpoint=http://127.0.0.1:9;AccessKey={KEY};")
    with pytest.raises(Unavailable):
        await realtime.send_to_user("ada", EVENT)
    await realtime.close()


async def test_the_signature_of_a_url_is_used_again() -> None:
    async for behaviour, realtime in faulty():
        for group in ("c.1", "c.2", "c.1"):
            await realtime.send_to_group(group, EVENT)
        assert behaviour.tokens[0] == behaviour.tokens[2] != behaviour.tokens[1]


@pytest.mark.parametrize("text", ["", "Endpoint=x;AccessKey=k", "Endpoint=http://h", "AccessKey=secret", "nonsense"])
def test_a_bad_connection_string_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="connection string") as refused:
        read_connection_string(text)
    assert "secret" not in str(refused.value)


def test_a_connection_string_may_name_a_port_and_keys_may_hold_equal_signs() -> None:
    assert read_connection_string("Endpoint=https://h/;accesskey=a=b==;PORT=8080;Version=1.0;") == (
        "https://h:8080",
        "a=b==",
    )


async def test_without_a_key_the_managed_identity_signs_in() -> None:
    identity = AzureIdentity("0192", production=True)
    realtime = WebPubSubRealtime(HUB, endpoint="http://127.0.0.1:9", credential=lambda: identity.credential)
    with pytest.raises(Unavailable):  # azure-core sends no identity's token over plain HTTP
        await realtime.ping()
    await realtime.close()
    await identity.close()
