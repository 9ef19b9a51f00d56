"""Event handlers: what they are asked, what they may answer, and what happens when they fail."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from devhost.webpubsub import Config, EventHandler, LocalWebPubSub, upstream
from devhost.webpubsub.config import ConfigFaulty
from tests.webpubsub.world import (
    ALL_ROLES,
    HUB,
    JSON,
    KEY,
    RELIABLE,
    SECOND_KEY,
    Handler,
    Place,
    event_handler,
    handled_by,
    place,
)

Answer = Callable[[web.BaseRequest, bytes], Awaitable[web.Response]]


@pytest.fixture
async def handler() -> AsyncGenerator[Handler]:
    async with event_handler() as made:
        yield made


@pytest.fixture
async def talk(handler: Handler) -> AsyncGenerator[Place]:
    async with place(handled_by(handler)) as made:
        made.service.upstream.pauses = (0.01, 0.01, 0.01)
        yield made


def answering(*, to: str, **answer: Any) -> Answer:
    """Answers one event so, and 204 to the others."""

    async def give(request: web.BaseRequest, _body: bytes) -> web.Response:
        return web.Response(**answer) if request.headers["ce-eventName"] == to else web.Response(status=204)

    return give


# -- what is asked ------------------------------------------------------------------------------------------------


async def test_the_events_of_a_connection_in_full(talk: Place, handler: Handler) -> None:
    alice = await talk.open("alice", roles=["webpubsub.sendToGroup"], groups=["g"], query="&k=v&k=w")
    await handler.until(2)
    await alice.ack(type="event", event="hello", ackId=1, dataType="text", data="hi", metadata={"Trace": "1"})
    await alice.socket.close(code=1000, message=b"bye")
    await handler.until(4)
    assert handler.names == ["connect", "connected", "hello", "disconnected"]
    signature = ",".join(
        "sha256=" + hmac.new(key.encode(), alice.id.encode(), hashlib.sha256).hexdigest() for key in (KEY, SECOND_KEY)
    )
    for number, (request, kind) in enumerate(zip(handler.requests, ("sys", "sys", "user", "sys"), strict=True)):
        headers = request.headers
        assert headers["ce-type"] == f"azure.webpubsub.{kind}.{handler.names[number]}"
        assert headers["ce-source"] == f"/hubs/{HUB.lower()}/client/{alice.id}"
        assert headers["ce-id"] == str(number)
        assert headers["ce-specversion"] == headers["ce-awpsversion"] == "1.0"
        assert headers["ce-time"].endswith("Z")
        assert headers["ce-hub"] == HUB.lower()
        assert headers["ce-connectionId"] == alice.id
        assert headers["ce-userId"] == "alice"
        assert headers["ce-signature"] == signature
        assert headers["WebHook-Request-Origin"] == "localhost"
        assert headers.get("ce-subprotocol") == (None if number == 0 else JSON)
        assert request.method == "POST"
        assert request.path == f"/hooks/{HUB.lower()}/{handler.names[number]}"
    connect = json.loads(handler.bodies[0])
    assert connect["claims"]["sub"] == ["alice"]
    assert connect["claims"]["role"] == ["webpubsub.sendToGroup"]
    assert connect["claims"]["webpubsub.group"] == ["g"]
    assert all(isinstance(v, str) for values in connect["claims"].values() for v in values)
    assert connect["query"] == {"k": ["v", "w"]}
    assert connect["subprotocols"] == [JSON]
    assert connect["clientCertificates"] == []
    assert any(name.lower() == "user-agent" for name in connect["headers"])
    assert handler.requests[0].headers["Content-Type"] == "application/json; charset=utf-8"
    assert handler.bodies[1] == b"{}"
    assert (handler.requests[2].headers["Content-Type"], handler.bodies[2]) == ("text/plain", b"hi")
    assert handler.requests[2].headers["x-webpubsub-metadata-trace"] == "1"
    assert json.loads(handler.bodies[3]) == {"reason": "bye"}


@pytest.mark.parametrize(
    ("data_type", "data", "content_type", "body"),
    [
        ("text", "tëxt", "text/plain", "tëxt".encode()),
        ("json", {"a": 1}, "application/json", b'{"a": 1}'),
        ("binary", base64.b64encode(b"\x00\xff").decode(), "application/octet-stream", b"\x00\xff"),
        ("protobuf", base64.b64encode(b"\x08").decode(), "application/x-protobuf", b"\x08"),
    ],
)
async def test_the_data_of_an_event_is_the_body(
    talk: Place, handler: Handler, data_type: str, data: object, content_type: str, body: bytes
) -> None:
    alice = await talk.open("alice")
    await alice.ack(type="event", event="e", ackId=1, dataType=data_type, data=data)
    sent = handler.names.index("e")
    assert (handler.requests[sent].headers["Content-Type"], handler.bodies[sent]) == (content_type, body)


async def test_the_token_is_not_shown_to_the_handler(talk: Place, handler: Handler) -> None:
    url, token = (await talk.client_url("alice")).split("?access_token=")
    await talk.open_url(url, headers={"Authorization": f"Bearer {token}"})
    assert token.encode() not in handler.bodies[0]
    await talk.open_url(f"{url}?access_token={token}")
    assert token.encode() not in handler.bodies[-1]


async def test_a_user_id_cannot_end_a_header(talk: Place, handler: Handler) -> None:
    await talk.open("eve\r\nce-userId: admin ü")
    assert handler.requests[0].headers["ce-userId"] == "eve%0D%0Ace-userId: admin ü"


async def test_events_of_one_client_are_delivered_one_after_the_other(talk: Place, handler: Handler) -> None:
    at_once = 0

    async def slow(request: web.BaseRequest, _body: bytes) -> web.Response:
        nonlocal at_once
        if request.headers["ce-eventName"] == "e":
            at_once += 1
            assert at_once == 1
            await asyncio.sleep(0.001)
            at_once -= 1
        return web.Response(status=204)

    handler.answer = slow
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    await handler.until(2)
    for number in range(100):  # more than may wait: the rest stays in the socket
        await alice.send(type="event", event="e", ackId=number, data=number)
    await alice.send(type="sendToGroup", group="g", data="after")
    for number in range(100):
        assert (await alice.receive())["ackId"] == number
    assert (await alice.receive())["data"] == "after"
    assert [body for body, name in zip(handler.bodies, handler.names, strict=True) if name == "e"] == [
        str(n).encode() for n in range(100)
    ]


async def test_a_ping_is_answered_while_the_handler_works_and_others_are_not_held_up(
    talk: Place, handler: Handler
) -> None:
    release = asyncio.Event()

    async def wait(request: web.BaseRequest, _body: bytes) -> web.Response:
        if request.headers["ce-eventName"] == "slow":
            await release.wait()
        return web.Response(status=204)

    handler.answer = wait
    alice = await talk.open("alice", roles=ALL_ROLES)
    bob = await talk.open("bob", roles=ALL_ROLES, groups=["g"])
    await alice.send(type="event", event="slow", ackId=1, data=1)
    await handler.until(5)
    await alice.settled()
    assert (await bob.ack(type="event", event="quick", ackId=1, data=1))["success"] is True
    release.set()
    assert (await alice.receive())["ackId"] == 1


async def test_a_client_without_goodbye_is_told_disconnected_with_the_reason(talk: Place, handler: Handler) -> None:
    alice = await talk.open("alice")
    await handler.until(2)
    await talk.server.close_connection(alice.id, reason="over")
    await handler.until(3)
    assert json.loads(handler.bodies[2]) == {"reason": "over"}
    bob = await talk.open("bob")
    assert talk.service.cut(HUB, bob.id)
    await handler.until(6)
    assert json.loads(handler.bodies[5])["reason"]


async def test_disconnected_comes_after_the_event_that_was_under_way(talk: Place, handler: Handler) -> None:
    release = asyncio.Event()

    async def wait(request: web.BaseRequest, _body: bytes) -> web.Response:
        if request.headers["ce-eventName"] == "slow":
            await release.wait()
        return web.Response(status=204)

    handler.answer = wait
    alice = await talk.open("alice")
    await alice.send(type="event", event="slow", data=1)
    await alice.send(type="event", event="last", data=1)
    await handler.until(3)
    await alice.socket.close()
    release.set()
    await handler.until(5)
    assert handler.names == ["connect", "connected", "slow", "last", "disconnected"]


# -- connect ------------------------------------------------------------------------------------------------------


async def test_connect_may_change_who_a_client_is(talk: Place, handler: Handler) -> None:
    answer = {"userId": "bob", "roles": ["webpubsub.sendToGroup.h"], "groups": ["h"], "subprotocol": RELIABLE}
    handler.answer = answering(to="connect", body=json.dumps(answer).encode(), content_type="application/json")
    client = await talk.open("alice", roles=ALL_ROLES, groups=["g"], protocols=(JSON, RELIABLE))
    assert client.connected["userId"] == "bob"
    assert client.socket.protocol == RELIABLE
    assert client.connected["reconnectionToken"]
    assert not await talk.server.group_exists("g")
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
async def test_connect_may_leave_all_as_it_is(talk: Place, handler: Handler, answer: dict[str, Any]) -> None:
    handler.answer = answering(to="connect", **answer)
    client = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    assert client.connected["userId"] == "alice"
    assert await talk.server.group_exists("g")
    assert (await client.ack(type="joinGroup", group="x", ackId=1))["success"] is True


async def test_an_empty_list_of_roles_takes_all_away(talk: Place, handler: Handler) -> None:
    handler.answer = answering(to="connect", body=b'{"roles": []}', content_type="application/json")
    client = await talk.open("alice", roles=ALL_ROLES)
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
    talk: Place, handler: Handler, answer: dict[str, Any], status: int
) -> None:
    handler.answer = answering(to="connect", **answer)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await talk.open("alice", groups=["g"])
    assert refused.value.status == status
    assert set(handler.names) == {"connect"}
    assert not await talk.server.group_exists("g")


async def test_a_client_that_leaves_during_connect_is_told_disconnected(talk: Place, handler: Handler) -> None:
    release = asyncio.Event()

    async def wait(request: web.BaseRequest, _body: bytes) -> web.Response:
        if request.headers["ce-eventName"] == "connect":
            await release.wait()
        return web.Response(status=204)

    handler.answer = wait
    opening = asyncio.create_task(talk.open("alice"))
    await handler.until(1)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    release.set()
    await handler.until(2)
    assert handler.names == ["connect", "disconnected"]
    assert not await talk.server.user_exists("alice")


# -- answers to user events ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "data_type", "data"),
    [
        ({"body": b'{"a": 1}', "content_type": "application/json"}, "json", {"a": 1}),
        ({"text": "tëxt"}, "text", "tëxt"),
        ({"body": b"\xff", "content_type": "application/octet-stream"}, "binary", "/w=="),
        ({"body": b"\xff", "headers": {"Content-Type": ""}}, "binary", "/w=="),
    ],
)
async def test_an_answer_with_a_body_is_a_message_and_then_the_ack(
    talk: Place, handler: Handler, answer: dict[str, Any], data_type: str, data: object
) -> None:
    handler.answer = answering(to="e", **answer)
    alice = await talk.open("alice")
    await alice.send(type="event", event="e", ackId=1, data=1)
    assert await alice.receive() == {"type": "message", "from": "server", "dataType": data_type, "data": data}
    assert await alice.receive() == {"type": "ack", "ackId": 1, "success": True}
    again = await alice.ack(type="event", event="e", ackId=1, data=1)
    assert again["error"]["name"] == "Duplicate"
    assert handler.names.count("e") == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 400},
        {"status": 404},
        {"status": 500},
        {"body": b"x", "content_type": "image/png"},
        {"body": b"{", "content_type": "application/json"},
        {"body": b"x" * (16 * 1024 * 1024 + 1)},
    ],
    ids=["400", "404", "500", "image", "bad json", "too large"],
)
async def test_a_failed_event_fails_its_ack_and_may_be_tried_again(
    talk: Place, handler: Handler, answer: dict[str, Any]
) -> None:
    handler.answer = answering(to="e", **answer)
    alice = await talk.open("alice")
    ack = await alice.ack(type="event", event="e", ackId=1, data=1)
    assert (ack["success"], ack["error"]["name"]) == (False, "InternalServerError")
    handler.answer = None
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["success"] is True


async def test_metadata_of_an_answer_travels_with_the_message(talk: Place, handler: Handler) -> None:
    handler.answer = answering(to="e", text="x", headers={"X-WebPubSub-Metadata-Trace": "7"})
    alice = await talk.open("alice")
    await alice.send(type="event", event="e", data=1)
    assert (await alice.receive())["metadata"] == {"trace": "7"}


async def test_the_state_of_a_connection_is_what_blocking_events_answered_last(talk: Place, handler: Handler) -> None:
    async def remember(request: web.BaseRequest, body: bytes) -> web.Response:
        headers = {"ce-connectionState": request.headers["ce-eventName"] + body.decode()[:1]}
        status = 400 if request.headers["ce-eventName"] == "fail" else 204
        return web.Response(status=status, headers=headers)

    handler.answer = remember
    alice = await talk.open("alice")
    await handler.until(2)
    for number, event in enumerate(("first", "fail", "second")):
        await alice.ack(type="event", event=event, ackId=number, data=1)
    states = [request.headers.get("ce-connectionState") for request in handler.requests]
    # connect, connected (its answer does not count), first, fail (nor does a failure), second
    assert states == [None, "connect{", "connect{", "first1", "first1"]


async def test_cookies_of_the_handler_come_back_on_the_same_connection_only(talk: Place, handler: Handler) -> None:
    handler.answer = answering(to="connect", headers={"Set-Cookie": "a=b; Path=/; HttpOnly"})
    alice = await talk.open("alice")
    await alice.ack(type="event", event="e", ackId=1, data=1)
    await talk.open("bob")
    by_user = [(r.headers["ce-userId"], r.headers["ce-eventName"], r.headers.get("Cookie")) for r in handler.requests]
    assert ("alice", "e", "a=b") in by_user
    assert ("bob", "connect", None) in by_user


# -- tries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_an_event_is_tried_again_with_the_same_id(talk: Place, handler: Handler, status: int) -> None:
    failures = 3

    async def fail(request: web.BaseRequest, _body: bytes) -> web.Response:
        nonlocal failures
        if request.headers["ce-eventName"] == "e" and failures:
            failures -= 1
            return web.Response(status=status)
        return web.Response(status=204)

    handler.answer = fail
    alice = await talk.open("alice")
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["success"] is True
    ids = [r.headers["ce-id"] for r in handler.requests if r.headers["ce-eventName"] == "e"]
    assert len(ids) == 4
    assert len(set(ids)) == 1


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (408, 4), (400, 1), (429, 1), (404, 1)])
async def test_how_often_an_event_is_tried(talk: Place, handler: Handler, status: int, tries: int) -> None:
    handler.answer = answering(to="e", status=status)
    alice = await talk.open("alice")
    await alice.ack(type="event", event="e", ackId=1, data=1)
    assert handler.names.count("e") == tries


async def test_the_pauses_between_tries_are_1_3_and_5_seconds(handler: Handler) -> None:
    assert LocalWebPubSub(handled_by(handler)).upstream.pauses == (1.0, 3.0, 5.0)


async def test_a_handler_that_is_not_there_refuses_connect_with_500() -> None:
    nowhere = Config(KEY, handlers={HUB: (EventHandler("http://127.0.0.1:9/{event}"),)})
    async with place(nowhere) as talk:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await talk.open("alice")
        assert refused.value.status == 500


# -- which handler ------------------------------------------------------------------------------------------------


async def test_the_first_handler_that_takes_an_event_gets_it(handler: Handler) -> None:
    async with event_handler() as second:
        handlers = (
            EventHandler(handler.url, frozenset({"connected"}), "one, TWO"),
            EventHandler(second.url, frozenset({"connect", "connected"}), "*"),
        )
        async with place(Config(KEY, handlers={HUB: handlers})) as talk:
            alice = await talk.open("alice")
            for number, event in enumerate(("one", "two", "three", "ONE")):
                assert (await alice.ack(type="event", event=event, ackId=number, data=1))["success"] is True
            await handler.until(4)
            assert sorted(handler.names) == ["ONE", "connected", "one", "two"]
            assert second.names == ["connect", "three"]


async def test_hubs_without_a_handler_have_no_events_and_a_star_means_every_hub(handler: Handler) -> None:
    async with place(Config(KEY, handlers={"Other": (EventHandler(handler.url),)})) as talk:
        await talk.open("alice")
    assert handler.requests == []
    async with place(Config(KEY, handlers={"*": (EventHandler(handler.url, frozenset({"connect"})),)})) as talk:
        await talk.open("alice")
    assert handler.names == ["connect"]


@pytest.mark.parametrize("url", ["", "hooks/{event}", "ftp://h/", "http://{hub}.example.org/", "http:///x"])
def test_the_url_of_a_handler_is_checked(url: str) -> None:
    with pytest.raises(ConfigFaulty):
        EventHandler(url)
    with pytest.raises(ConfigFaulty):
        EventHandler("http://h/", frozenset({"message"}))


# -- abuse protection ---------------------------------------------------------------------------------------------


async def test_a_handler_is_asked_once_before_anything_is_delivered(talk: Place, handler: Handler) -> None:
    await talk.open("alice")
    await talk.open("bob")
    (asked,) = handler.validated
    assert asked.method == "OPTIONS"
    assert asked.path == f"/hooks/{HUB.lower()}/validate"
    assert asked.headers["WebHook-Request-Origin"] == "localhost"
    assert asked.headers["ce-awpsversion"] == "1.0"


@pytest.mark.parametrize(
    ("answer", "permitted"),
    [
        ({"headers": {"WebHook-Allowed-Origin": "*"}}, True),
        ({"headers": {"WebHook-Allowed-Origin": "LOCALHOST"}}, True),
        ({"headers": {"WebHook-Allowed-Origin": "other, localhost"}}, True),
        ({"headers": {"WebHook-Allowed-Origin": "other"}}, False),
        ({}, False),
        ({"status": 403, "headers": {"WebHook-Allowed-Origin": "*"}}, False),
    ],
)
async def test_only_a_handler_that_permits_is_called(
    talk: Place, handler: Handler, answer: dict[str, Any], permitted: bool
) -> None:
    handler.validation = lambda _request: web.Response(**answer)
    if permitted:
        await talk.open("alice")
    else:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await talk.open("alice")
        assert refused.value.status == 500
        assert handler.requests == []


async def test_a_handler_without_options_is_asked_by_get(talk: Place, handler: Handler) -> None:
    def only_get(request: web.BaseRequest) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=404)
        return web.Response(headers={"WebHook-Allowed-Origin": "*"})

    handler.validation = only_get
    await talk.open("alice")
    assert [request.method for request in handler.validated] == ["OPTIONS", "GET"]


async def test_a_yes_holds_a_minute_and_a_no_for_longer_each_time(talk: Place, handler: Handler) -> None:
    now = 1000.0
    abuse = talk.service.upstream.abuse
    abuse.clock = lambda: now
    url = handler.url.replace("{event}", "validate")
    permits = True
    handler.validation = lambda _r: web.Response(headers={"WebHook-Allowed-Origin": "*"} if permits else {})

    async def ask(after: float) -> tuple[bool, int]:
        """The answer, and how often the handler has been asked once things are quiet."""
        nonlocal now
        now += after
        permitted = await abuse.permits(url)
        await abuse.quiet()
        return permitted, len(handler.validated)

    assert await ask(0) == (True, 1)
    assert await ask(59) == (True, 1)
    permits = False
    assert await ask(1) == (True, 2)  # the last answer holds while the handler is asked again
    assert await ask(0.5) == (False, 2)
    for pause, asked in ((1, 3), (2, 4), (4, 5), (8, 6), (16, 7), (32, 8), (60, 9), (59, 9), (1, 10)):
        assert await ask(pause) == (False, asked)
    permits = True
    assert await ask(60) == (False, 11)
    assert await ask(0) == (True, 11)


# -- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 500])
async def test_a_failed_connected_or_disconnected_is_logged_and_harms_nobody(
    talk: Place, handler: Handler, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(request: web.BaseRequest, _body: bytes) -> web.Response:
        return web.Response(status=204 if request.headers["ce-eventName"] in ("connect", "e") else status)

    handler.answer = refuse
    alice = await talk.open("alice")
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["success"] is True
    tries = 4 if status == 500 else 1
    await handler.until(2 + tries)
    await alice.socket.close()
    await handler.until(2 + 2 * tries)
    assert "alice" not in caplog.text


async def test_a_handler_that_takes_too_long_fails_the_event(
    talk: Place, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def hang(request: web.BaseRequest, _body: bytes) -> web.Response:
        if request.headers["ce-eventName"] == "e":
            await release.wait()
        return web.Response(status=204)

    handler.answer = hang
    alice = await talk.open("alice")
    monkeypatch.setattr(upstream, "TIMEOUT", 0.05)
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["error"]["name"] == "InternalServerError"
    release.set()
    assert talk.service.describe()["events"]["failed"] == 1


async def test_a_handler_that_vanishes_fails_the_event() -> None:
    async with event_handler() as handler, place(handled_by(handler)) as talk:
        talk.service.upstream.pauses = ()
        alice = await talk.open("alice")
        await handler.until(2)
        handler.answer = vanish
        ack = await alice.ack(type="event", event="e", ackId=1, data=1)
        assert ack["error"]["name"] == "InternalServerError"
        handler.answer = None


async def vanish(request: web.BaseRequest, _body: bytes) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
