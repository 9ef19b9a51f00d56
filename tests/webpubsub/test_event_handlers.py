"""Event handlers: which is asked, whether it permits it, and what happens when it fails."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from devhost.webpubsub import Config, EventHandler, LocalWebPubSub, upstream
from devhost.webpubsub.config import ConfigFaulty
from tests.webpubsub.answers import answering, holding, vanishing
from tests.webpubsub.world import (
    HUB,
    KEY,
    Handler,
    Place,
    event_handler,
    handled_by,
    place,
)

# -- which handler -------------------------------------------------------------------------------------------------


async def test_the_first_handler_that_takes_an_event_gets_it(handler: Handler) -> None:
    async with event_handler() as second:
        handlers = (
            EventHandler(handler.url, frozenset({"connected"}), "one, TWO"),
            EventHandler(second.url, frozenset({"connect", "connected"}), "*"),
        )
        async with place(Config(KEY, handlers={HUB: handlers})) as heard:
            alice = await heard.open("alice")
            for number, event in enumerate(("one", "two", "three", "ONE")):
                assert (await alice.ack(type="event", event=event, ackId=number, data=1))["success"] is True
            await handler.until(4)
            assert sorted(handler.names) == ["ONE", "connected", "one", "two"]
            assert second.names == ["connect", "three"]


async def test_hubs_without_a_handler_have_no_events_and_a_star_means_every_hub(handler: Handler) -> None:
    async with place(Config(KEY, handlers={"Other": (EventHandler(handler.url),)})) as heard:
        await heard.open("alice")
    assert handler.requests == []
    async with place(Config(KEY, handlers={"*": (EventHandler(handler.url, frozenset({"connect"})),)})) as heard:
        await heard.open("alice")
    assert handler.names == ["connect"]


@pytest.mark.parametrize("url", ["", "hooks/{event}", "ftp://h/", "http://{hub}.example.org/", "http:///x"])
def test_the_url_of_a_handler_is_checked(url: str) -> None:
    with pytest.raises(ConfigFaulty):
        EventHandler(url)
    with pytest.raises(ConfigFaulty):
        EventHandler("http://h/", frozenset({"message"}))


# -- abuse protection ----------------------------------------------------------------------------------------------


async def test_a_handler_is_asked_once_before_anything_is_delivered(heard: Place, handler: Handler) -> None:
    await heard.open("alice")
    await heard.open("bob")
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
    heard: Place, handler: Handler, answer: dict[str, Any], permitted: bool
) -> None:
    handler.validation = lambda _request: web.Response(**answer)
    if permitted:
        await heard.open("alice")
    else:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await heard.open("alice")
        assert refused.value.status == 500
        assert handler.requests == []


async def test_a_handler_without_options_is_asked_by_get(heard: Place, handler: Handler) -> None:
    def only_get(request: web.BaseRequest) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=404)
        return web.Response(headers={"WebHook-Allowed-Origin": "*"})

    handler.validation = only_get
    await heard.open("alice")
    assert [request.method for request in handler.validated] == ["OPTIONS", "GET"]


async def test_a_yes_holds_a_minute_and_a_no_for_longer_each_time(heard: Place, handler: Handler) -> None:
    now = 1000.0
    abuse = heard.service.upstream.abuse
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


# -- tries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_an_event_is_tried_again_with_the_same_id(heard: Place, handler: Handler, status: int) -> None:
    failures = 3

    async def fail(request: web.BaseRequest, _body: bytes) -> web.Response:
        nonlocal failures
        if request.headers["ce-eventName"] == "e" and failures:
            failures -= 1
            return web.Response(status=status)
        return web.Response(status=204)

    handler.answer = fail
    alice = await heard.open("alice")
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["success"] is True
    ids = [r.headers["ce-id"] for r in handler.requests if r.headers["ce-eventName"] == "e"]
    assert len(ids) == 4
    assert len(set(ids)) == 1


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (408, 4), (400, 1), (429, 1), (404, 1)])
async def test_how_often_an_event_is_tried(heard: Place, handler: Handler, status: int, tries: int) -> None:
    handler.answer = answering(to="e", status=status)
    alice = await heard.open("alice")
    await alice.ack(type="event", event="e", ackId=1, data=1)
    assert handler.names.count("e") == tries


async def test_the_pauses_between_tries_are_1_3_and_5_seconds(handler: Handler) -> None:
    assert LocalWebPubSub(handled_by(handler)).upstream.pauses == (1.0, 3.0, 5.0)


async def test_a_handler_that_is_not_there_refuses_connect_with_500() -> None:
    nowhere = Config(KEY, handlers={HUB: (EventHandler("http://127.0.0.1:9/{event}"),)})
    async with place(nowhere) as heard:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await heard.open("alice")
        assert refused.value.status == 500


# -- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 500])
async def test_a_failed_connected_or_disconnected_is_logged_and_harms_nobody(
    heard: Place, handler: Handler, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(request: web.BaseRequest, _body: bytes) -> web.Response:
        return web.Response(status=204 if request.headers["ce-eventName"] in ("connect", "e") else status)

    handler.answer = refuse
    alice = await heard.open("alice")
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["success"] is True
    tries = 4 if status == 500 else 1
    await handler.until(2 + tries)
    await alice.socket.close()
    await handler.until(2 + 2 * tries)
    assert "alice" not in caplog.text


async def test_a_handler_that_takes_too_long_fails_the_event(
    heard: Place, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    handler.answer = holding(to="e", until=release)
    alice = await heard.open("alice")
    monkeypatch.setattr(upstream, "TIMEOUT", 0.05)
    assert (await alice.ack(type="event", event="e", ackId=1, data=1))["error"]["name"] == "InternalServerError"
    release.set()
    assert heard.service.describe()["events"]["failed"] == 1


async def test_a_handler_that_vanishes_fails_the_event() -> None:
    async with event_handler() as handler, place(handled_by(handler)) as heard:
        heard.service.upstream.pauses = ()
        alice = await heard.open("alice")
        await handler.until(2)
        handler.answer = vanishing
        ack = await alice.ack(type="event", event="e", ackId=1, data=1)
        assert ack["error"]["name"] == "InternalServerError"
        handler.answer = None
