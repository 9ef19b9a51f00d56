"""Whatever reaches the event handler, it is read or refused; and only our keys sign."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import Invalid
from web.cloudevents import BadSignature, CloudEvent, allowed_origin, check_signature, read_event

NAMES = st.sampled_from(
    ["ce-type", "ce-id", "ce-hub", "ce-connectionid", "ce-userid", "ce-signature", "ce-source", "x-other"]
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["azure.webpubsub.sys.connect", "azure.webpubsub.user.message", "azure.webpubsub.", "c1", "a/c1"]),
)


@given(st.dictionaries(NAMES, VALUES))
def test_headers_are_read_or_refused(headers: dict[str, str]) -> None:
    try:
        event = read_event(headers)
    except Invalid:
        return
    assert event.kind.startswith(("sys.", "user."))
    assert event.connection_id == headers["ce-connectionid"]
    assert event.user_id != ""


def _event(connection: str, signature: str) -> CloudEvent:
    return CloudEvent("user.message", "1", "mackchat", connection, None, signature)


@given(st.text(max_size=80), st.text(max_size=200), st.binary(min_size=32, max_size=32))
def test_nothing_but_the_key_makes_a_signature(connection: str, junk: str, secret: bytes) -> None:
    key = secret.hex()
    good = "sha256=" + hmac.new(key.encode(), connection.encode(), hashlib.sha256).hexdigest()
    check_signature(_event(connection, f"{junk},{good}"), ["other", key])
    for signature in (junk, good[:-1], good + "0", good.upper()):
        with pytest.raises(BadSignature):
            check_signature(_event(connection, signature), [key])
    with pytest.raises(BadSignature):
        check_signature(_event(connection + "x", good), [key])


@given(st.text(max_size=60))
def test_only_the_services_own_host_is_welcome(asked: str) -> None:
    welcome = allowed_origin({"webhook-request-origin": asked}, ["a.webpubsub.azure.com"])
    named = [part.strip().lower() for part in asked.split(",")]
    assert welcome == ("a.webpubsub.azure.com" if "a.webpubsub.azure.com" in named else None)
