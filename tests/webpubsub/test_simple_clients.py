"""Clients without a subprotocol."""

from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.webpubsub.world import HUB, Client, Place, event_handler, handled_by, place

SEND = ["webpubsub.sendToGroup"]


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


async def raw(talk: Place, query: str = "", **options: Any) -> Client:
    return await talk.open("raw", protocols=(), query=query, **options)


async def test_they_get_bare_payloads_and_no_greeting(talk: Place) -> None:
    client = await raw(talk, groups=["g"])
    await talk.server.send_to_group("g", {"a": 1})
    await talk.server.send_to_all(b"\x00", content_type="application/octet-stream")
    assert await client.socket.receive_str(timeout=5) == '{"a": 1}'
    assert await client.socket.receive_bytes(timeout=5) == b"\x00"


async def test_each_frame_is_an_event_and_the_answer_a_frame() -> None:
    async with event_handler() as handler, place(handled_by(handler)) as talk:

        async def echo(request: web.BaseRequest, body: bytes) -> web.Response:
            if request.headers["ce-eventName"] != "message":
                return web.Response(status=204)
            return web.Response(body=body + b"!", content_type=request.content_type)

        handler.answer = echo
        client = await raw(talk)
        await client.socket.send_str("hi")
        assert await client.socket.receive_str(timeout=5) == "hi!"
        await client.socket.send_bytes(b"\xff")
        assert await client.socket.receive_bytes(timeout=5) == b"\xff!"
        types = [r.headers["Content-Type"] for r in handler.requests if r.headers["ce-eventName"] == "message"]
        assert types == ["text/plain", "application/octet-stream"]
        assert "ce-subprotocol" not in handler.requests[-1].headers


async def test_without_a_handler_a_frame_closes_with_1011(talk: Place) -> None:
    client = await raw(talk)
    await client.socket.send_str("hi")
    assert await client.close_code() == 1011


async def test_a_failing_handler_closes_with_1011() -> None:
    async with event_handler() as handler, place(handled_by(handler)) as talk:

        async def refuse(request: web.BaseRequest, _body: bytes) -> web.Response:
            return web.Response(status=400 if request.headers["ce-eventName"] == "message" else 204)

        handler.answer = refuse
        client = await raw(talk)
        await client.socket.send_str("hi")
        assert await client.close_code() == 1011
        await handler.until(4)
        assert handler.names[-1] == "disconnected"


async def test_in_the_mode_send_to_group_frames_are_published(talk: Place) -> None:
    reader = await talk.open("reader", groups=["g"])
    client = await raw(talk, "&webpubsub_mode=sendToGroup&group=g", roles=SEND, groups=["g"])
    await client.socket.send_str("hi")
    message = await reader.receive()
    assert (message["from"], message["fromUserId"], message["dataType"], message["data"]) == (
        "group",
        "raw",
        "text",
        "hi",
    )
    assert await client.socket.receive_str(timeout=5) == "hi"
    await client.socket.send_bytes(b"\x00")
    assert (await reader.receive())["data"] == "AA=="


async def test_no_echo_spares_the_sender(talk: Place) -> None:
    reader = await talk.open("reader", groups=["g"])
    client = await raw(talk, "&webpubsub_mode=sendToGroup&group=g&noEcho=true", roles=SEND, groups=["g"])
    await client.socket.send_str("hi")
    assert (await reader.receive())["data"] == "hi"
    await talk.server.send_to_all(b"end", content_type="text/plain")
    assert await client.socket.receive_str(timeout=5) == "end"


async def test_publishing_without_the_role_closes_with_1008(talk: Place) -> None:
    client = await raw(talk, "&webpubsub_mode=sendToGroup&group=g")
    await client.socket.send_str("hi")
    assert await client.close_code() == 1008


async def test_text_that_is_not_utf_8_closes_with_1007(talk: Place) -> None:
    client = await raw(talk)
    await client.socket._writer.send_frame(b"\xff", aiohttp.WSMsgType.TEXT)
    assert await client.close_code() == 1007


@pytest.mark.parametrize(
    "query", ["&webpubsub_mode=other", "&webpubsub_mode=sendToGroup", "&webpubsub_mode=sendToGroup&group=+"]
)
async def test_a_mode_that_is_not_known_is_400(talk: Place, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await raw(talk, query)
    assert refused.value.status == 400


async def test_closing_them_is_a_close_frame_with_the_reason_alone(talk: Place) -> None:
    client = await raw(talk)
    await talk.server.close_all_connections(reason="ü" * 100)
    message = await client.socket.receive(timeout=5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
    assert message.extra == "ü" * 61  # a close reason has at most 123 bytes


async def test_describe_shows_them(talk: Place) -> None:
    await raw(talk, groups=["g"])
    shown = talk.service.describe()["hubs"][HUB.lower()]
    assert (shown["connections"], shown["users"], shown["groups"]) == (1, 1, {"g": 1})
    assert shown["clients"][0]["subprotocol"] is None
