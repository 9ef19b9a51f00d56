"""Our side of Web Push, against a push service that checks and a browser that decrypts."""

import base64
import time
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.push.webpush import PushServiceBusy, WebPush
from adapters.resilience import Guard, Limits, NotAsked
from domain.chat.push import TTL, Outcome, PushHosts, Target, Urgency, payload_of, topic_of
from domain.kernel.errors import Unavailable
from runtime.web_push import is_private_key, new_private_key
from tests.factories import ManualClock
from tests.push_service import SUBJECT, VAPID_KEY, Browser, PushServer, a_push_server, raw_of
from tests.servers import free_port

HOSTS = PushHosts(("push.example",), loopback=True)
PAYLOAD = payload_of("01890a5d-ac96-774b-bcce-b302099a8057", seq=7, mentioned=False)


@pytest.fixture
async def server() -> AsyncGenerator[PushServer]:
    async with a_push_server(ManualClock()) as server:
        yield server


@pytest.fixture
async def push() -> AsyncGenerator[WebPush]:
    push = WebPush(VAPID_KEY, SUBJECT, HOSTS, ManualClock())
    yield push
    await push.close()


def target_of(browser: Browser) -> Target:
    return Target(browser.endpoint, browser.p256dh, browser.auth)


async def send(push: WebPush, browser: Browser, *, urgency: Urgency = Urgency.NORMAL) -> Outcome:
    return await push.push(target_of(browser), PAYLOAD, topic=topic_of("d", "c"), urgency=urgency, ttl=TTL)


async def test_the_device_alone_reads_what_was_pushed(push: WebPush, server: PushServer) -> None:
    browser = server.browser()
    assert await send(push, browser, urgency=Urgency.HIGH) is Outcome.TAKEN
    [pushed] = server.pushed
    assert (pushed.ttl, pushed.urgency, pushed.topic) == (86400, "high", topic_of("d", "c"))
    assert browser.read(pushed.body) == {
        "event": "message.new",
        "conversationId": "01890a5d-ac96-774b-bcce-b302099a8057",
        "seq": 7,
        "mentioned": False,
    }
    assert b"conversationId" not in pushed.body
    with pytest.raises(Exception, match=r"(?i)tag|decrypt"):
        server.browser().read(pushed.body)


async def test_the_public_key_is_the_one_that_signs(push: WebPush) -> None:
    point = raw_of(push.public_key())
    assert (len(point), point[0]) == (65, 4)
    private = ec.derive_private_key(int.from_bytes(b"\x07" * 32, "big"), ec.SECP256R1())
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point) == private.public_key()


async def test_a_token_for_one_push_service_is_not_taken_by_another(push: WebPush, server: PushServer) -> None:
    browser = server.browser()
    server.port += 1  # what it takes itself to be
    assert await send(push, browser) is Outcome.REFUSED
    assert server.refused == ["token: Audience doesn't match"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.TAKEN),
        (201, Outcome.TAKEN),
        (202, Outcome.TAKEN),
        (404, Outcome.GONE),
        (410, Outcome.GONE),
        (400, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (413, Outcome.REFUSED),
    ],
)
async def test_what_the_service_answers(push: WebPush, server: PushServer, status: int, outcome: Outcome) -> None:
    server.answers = [status]
    assert await send(push, server.browser()) is outcome


@pytest.mark.parametrize(("status", "said", "retry_after"), [(429, "120", 120.0), (429, "soon", 30.0), (500, "", 30.0)])
async def test_what_passes_is_unavailable(
    push: WebPush, server: PushServer, status: int, said: str, retry_after: float
) -> None:
    server.answers, server.headers = [status], {"Retry-After": said}
    with pytest.raises(Unavailable) as raised:
        await send(push, server.browser())
    assert raised.value.retry_after == retry_after
    assert isinstance(raised.value, PushServiceBusy) == (status == 429)


async def test_nobody_is_led_elsewhere(push: WebPush, server: PushServer) -> None:
    server.answers, server.headers = [307], {"Location": f"{server.origin}/push/other"}
    assert await send(push, server.browser()) is Outcome.REFUSED
    assert [pushed.path for pushed in server.pushed] == ["/push/b1"]


async def test_a_service_that_is_off_the_list_is_not_asked(server: PushServer) -> None:
    push = WebPush(VAPID_KEY, SUBJECT, PushHosts(("push.example",)), ManualClock())
    assert await send(push, server.browser()) is Outcome.REFUSED
    assert (server.pushed, server.refused) == ([], [])


async def test_nobody_listening_is_unavailable_and_soon_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(failures=2)
    push = WebPush(VAPID_KEY, SUBJECT, HOSTS, ManualClock(), guard=lambda name: Guard(name, limits))
    browser = Browser(f"http://127.0.0.1:{free_port()}/push/secret")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await send(push, browser)
    began = time.monotonic()
    with pytest.raises(NotAsked):
        await send(push, browser)
    assert time.monotonic() - began < 0.5
    assert "secret" not in caplog.text
    await push.close()


async def test_busy_is_an_answer(server: PushServer) -> None:
    guards: list[Guard] = []

    def make(name: str) -> Guard:
        guards.append(Guard(name, Limits(failures=2), answered=(PushServiceBusy,)))
        return guards[-1]

    push = WebPush(VAPID_KEY, SUBJECT, HOSTS, ManualClock(), guard=make)
    server.answers = [429]
    for _ in range(4):
        with pytest.raises(PushServiceBusy):
            await send(push, server.browser())
    assert len(server.pushed) == 4
    assert [guard.circuit.value for guard in guards] == ["closed"]
    await push.close()


def test_a_key_that_is_no_point_is_told_apart(push: WebPush, server: PushServer) -> None:
    browser = server.browser()
    assert push.can_encrypt_for(target_of(browser))
    off = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).rstrip(b"=").decode()
    assert not push.can_encrypt_for(Target(browser.endpoint, off, browser.auth))


def test_new_keys_are_keys() -> None:
    keys = {new_private_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(is_private_key(key) for key in keys)
    zero, order = b"\0" * 32, b"\xff" * 32
    for bad in ("", "x", base64.urlsafe_b64encode(zero).decode()[:43], base64.urlsafe_b64encode(order).decode()[:43]):
        assert not is_private_key(bad)


def test_topics_are_short_and_tell_nothing() -> None:
    assert len(topic_of("device", "conversation")) == 32
    assert topic_of("one", "conversation") != topic_of("other", "conversation")
    assert timedelta(days=28) >= TTL  # what Mozilla keeps at most
