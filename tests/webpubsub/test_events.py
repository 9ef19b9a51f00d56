"""Events: what a handler is asked, and what it may answer to a user event."""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from aiohttp import web

from tests.webpubsub.answers import answering, holding
from tests.webpubsub.world import (
    ALL_ROLES,
    HUB,
    JSON,
    KEY,
    SECOND_KEY,
    Handler,
    Place,
)

# -- what is asked -------------------------------------------------------------------------------------------------


async def test_the_events_of_a_connection_in_full(heard: Place, handler: Handler) -> None:
    alice = await heard.open("alice", roles=["webpubsub.sendToGroup"], groups=["g"], query="&k=v&k=w")
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
    heard: Place, handler: Handler, data_type: str, data: object, content_type: str, body: bytes
) -> None:
    alice = await heard.open("alice")
    await alice.ack(type="event", event="e", ackId=1, dataType=data_type, data=data)
    sent = handler.names.index("e")
    assert (handler.requests[sent].headers["Content-Type"], handler.bodies[sent]) == (content_type, body)


async def test_the_token_is_not_shown_to_the_handler(heard: Place, handler: Handler) -> None:
    url, token = (await heard.client_url("alice")).split("?access_token=")
    await heard.open_url(url, headers={"Authorization": f"Bearer {token}"})
    assert token.encode() not in handler.bodies[0]
    await heard.open_url(f"{url}?access_token={token}")
    assert token.encode() not in handler.bodies[-1]


async def test_a_user_id_cannot_end_a_header(heard: Place, handler: Handler) -> None:
    await heard.open("eve\r\nce-userId: admin ü")
    assert handler.requests[0].headers["ce-userId"] == "eve%0D%0Ace-userId: admin ü"


async def test_events_of_one_client_are_delivered_one_after_the_other(heard: Place, handler: Handler) -> None:
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
    alice = await heard.open("alice", roles=ALL_ROLES, groups=["g"])
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
    heard: Place, handler: Handler
) -> None:
    release = asyncio.Event()
    handler.answer = holding(to="slow", until=release)
    alice = await heard.open("alice", roles=ALL_ROLES)
    bob = await heard.open("bob", roles=ALL_ROLES, groups=["g"])
    await alice.send(type="event", event="slow", ackId=1, data=1)
    await handler.until(5)
    await alice.settled()
    assert (await bob.ack(type="event", event="quick", ackId=1, data=1))["success"] is True
    release.set()
    assert (await alice.receive())["ackId"] == 1


async def test_a_client_without_goodbye_is_told_disconnected_with_the_reason(heard: Place, handler: Handler) -> None:
    alice = await heard.open("alice")
    await handler.until(2)
    await heard.server.close_connection(alice.id, reason="over")
    await handler.until(3)
    assert json.loads(handler.bodies[2]) == {"reason": "over"}
    bob = await heard.open("bob")
    assert heard.service.cut(HUB, bob.id)
    await handler.until(6)
    assert json.loads(handler.bodies[5])["reason"]


async def test_disconnected_comes_after_the_event_that_was_under_way(heard: Place, handler: Handler) -> None:
    release = asyncio.Event()
    handler.answer = holding(to="slow", until=release)
    alice = await heard.open("alice")
    await alice.send(type="event", event="slow", data=1)
    await alice.send(type="event", event="last", data=1)
    await handler.until(3)
    await alice.socket.close()
    release.set()
    await handler.until(5)
    assert handler.names == ["connect", "connected", "slow", "last", "disconnected"]


# -- answers to user events ----------------------------------------------------------------------------------------


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
    heard: Place, handler: Handler, answer: dict[str, Any], data_type: str, data: object
) -> None:
    handler.answer = answering(to="e", **answer)
    alice = await heard.open("alice")
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
    heard: Place, handler: Handler, answer: dict[str, Any]
) -> None:
    handler.answer = answering(to="e", **answer)
    alice = await heard.open("alice")
    ack = await alice.ack(type="event", event="e", ackId=1, data=1)
    assert (ack["success"], ack["error"]["name"]) == (False, "InternalServerError")
    handler.answer = None
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["success"] is True


async def test_metadata_of_an_answer_travels_with_the_message(heard: Place, handler: Handler) -> None:
    handler.answer = answering(to="e", text="x", headers={"X-WebPubSub-Metadata-Trace": "7"})
    alice = await heard.open("alice")
    await alice.send(type="event", event="e", data=1)
    assert (await alice.receive())["metadata"] == {"trace": "7"}


async def test_the_state_of_a_connection_is_what_blocking_events_answered_last(heard: Place, handler: Handler) -> None:
    async def remember(request: web.BaseRequest, body: bytes) -> web.Response:
        headers = {"ce-connectionState": request.headers["ce-eventName"] + body.decode()[:1]}
        status = 400 if request.headers["ce-eventName"] == "fail" else 204
        return web.Response(status=status, headers=headers)

    handler.answer = remember
    alice = await heard.open("alice")
    await handler.until(2)
    for number, event in enumerate(("first", "fail", "second")):
        await alice.ack(type="event", event=event, ackId=number, data=1)
    states = [request.headers.get("ce-connectionState") for request in handler.requests]
    # connect, connected (its answer does not count), first, fail (nor does a failure), second
    assert states == [None, "connect{", "connect{", "first1", "first1"]


async def test_cookies_of_the_handler_come_back_on_the_same_connection_only(heard: Place, handler: Handler) -> None:
    handler.answer = answering(to="connect", headers={"Set-Cookie": "a=b; Path=/; HttpOnly"})
    alice = await heard.open("alice")
    await alice.ack(type="event", event="e", ackId=1, data=1)
    await heard.open("bob")
    by_user = [(r.headers["ce-userId"], r.headers["ce-eventName"], r.headers.get("Cookie")) for r in handler.requests]
    assert ("alice", "e", "a=b") in by_user
    assert ("bob", "connect", None) in by_user
