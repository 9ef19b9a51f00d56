"""Where we push to: the client names the URL, and we would call it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.push import MAX_ENDPOINT_CHARS, PushHosts, clean_target
from domain.kernel.errors import Invalid
from runtime.web_push import KNOWN_SERVICES
from tests.push_service import Browser

HOSTS = PushHosts(tuple(KNOWN_SERVICES.split(",")))
DEVELOPMENT = PushHosts(HOSTS.patterns, loopback=True)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/dGVzdA:APA91b-x_y",
        "https://fcm.googleapis.com:443/wp/x",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk",
        "https://web.push.apple.com/QGx0",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2fx",
    ],
)
def test_browsers_own_services_are_known(endpoint: str) -> None:
    assert HOSTS.find(endpoint) is not None


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "fcm.googleapis.com/x",
        "http://fcm.googleapis.com/x",
        "HTTPS://fcm.googleapis.com/x",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/?fcm.googleapis.com/",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example\\@fcm.googleapis.com/x",
        "https://evil.example#@fcm.googleapis.com/x",
        "https://fcm.googleapis.com\n/x",
        "https://notify.windows.com/x",
        "https://.notify.windows.com/x",
        "https://evilnotify.windows.com/x",
        "https://169.254.169.254/metadata",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://localhost/x",
        "http://127.0.0.1:8000/x",
        "ftp://fcm.googleapis.com/x",
        "https://fcm.googleapis.com/" + "x" * MAX_ENDPOINT_CHARS,
        "https://f\u0441m.googleapis.com/x",
    ],
)
def test_nothing_else_is(endpoint: str) -> None:
    assert HOSTS.find(endpoint) is None


def test_this_machine_is_known_in_development_only_and_by_its_plain_names() -> None:
    assert DEVELOPMENT.find("http://127.0.0.1:8000/push/1") == "loopback"
    assert DEVELOPMENT.find("http://localhost/push/1") == "loopback"
    for other in ("http://127.0.0.1.evil.example/x", "http://127.0.0.1@evil.example/x", "http://10.0.0.1/x"):
        assert DEVELOPMENT.find(other) is None


@given(st.text(max_size=80), st.text(max_size=40))
def test_no_text_is_an_accident(host: str, path: str) -> None:
    for text in (host, f"https://{host}/{path}", f"https://{host}fcm.googleapis.com{path}"):
        if HOSTS.find(text) is not None:
            assert text.startswith(("https://fcm.googleapis.com/", "https://fcm.googleapis.com:443/"))


def test_each_bad_member_is_named() -> None:
    good = Browser("https://fcm.googleapis.com/x")
    assert clean_target(good.endpoint, good.p256dh + "=", good.auth + "==", HOSTS).p256dh == good.p256dh
    with pytest.raises(Invalid) as refused:
        clean_target("https://evil.example/", good.auth, good.p256dh, HOSTS)
    assert [fault.path for fault in refused.value.faults] == ["endpoint", "keys.p256dh", "keys.auth"]
    for p256dh in ("", "ü" * 87, "*" * 87, good.p256dh[:-4], "A" + good.p256dh[1:]):
        with pytest.raises(Invalid):
            clean_target(good.endpoint, p256dh, good.auth, HOSTS)
