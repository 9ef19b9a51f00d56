"""Fuzz: whatever arrives, the parsers answer or refuse; they never break."""

import base64
import contextlib
import json
import string
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devhost.webpubsub.client_frames import BadFrame, SendEvent, SendToGroup, parse
from devhost.webpubsub.cloudevents import Event, header_text, read_connect_answer, read_reply, signature
from devhost.webpubsub.connection import EventFailed, Identity
from devhost.webpubsub.frames import frame
from devhost.webpubsub.messages import DataType, Message, Payload
from devhost.webpubsub.permissions import Action, Permissions, compile_pattern
from devhost.webpubsub.tokens import BadToken, Tokens

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
FRAMES = st.fixed_dictionaries(
    {
        "type": st.one_of(
            st.sampled_from(["joinGroup", "leaveGroup", "sendToGroup", "event", "ping", "sequenceAck", "JOINGROUP"]),
            JSON_VALUES,
        )
    },
    optional={
        "group": st.one_of(st.text(max_size=10), JSON_VALUES),
        "event": st.one_of(st.text(max_size=10), JSON_VALUES),
        "ackId": st.one_of(st.integers(), JSON_VALUES),
        "sequenceId": st.one_of(st.integers(), JSON_VALUES),
        "dataType": st.one_of(st.sampled_from(["text", "json", "binary", "protobuf"]), JSON_VALUES),
        "data": JSON_VALUES,
        "noEcho": JSON_VALUES,
        "ttlSeconds": JSON_VALUES,
        "metadata": JSON_VALUES,
    },
)
KEY = b"a-key-of-sufficient-length-for-hmac-sha256"


@given(st.one_of(st.binary(max_size=100), JSON_VALUES.map(lambda v: json.dumps(v).encode())))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadFrame):
        assert parse(data) is not None


@given(FRAMES)
def test_anything_like_a_frame_is_one_or_refused(value: dict[str, Any]) -> None:
    try:
        parsed = parse(json.dumps(value).encode())
    except BadFrame:
        return
    if isinstance(parsed, SendToGroup | SendEvent):
        payload = parsed.payload
        if payload.data_type is DataType.JSON:
            assert json.loads(payload.body) == value["data"]
        else:
            assert isinstance(value["data"], str)
        envelope = json.loads(body_of(Message(payload, group="g").json_entry[0]))
        if payload.data_type.is_bytes:
            assert base64.b64decode(envelope["data"]) == payload.body
        else:
            assert envelope["data"] == value["data"]


def body_of(data: bytes) -> bytes:
    """The payload of one unmasked frame, as RFC 6455 §5.2 has it."""
    size = data[1]
    if size == 126:
        return checked(data[4:], int.from_bytes(data[2:4], "big"))
    if size == 127:
        return checked(data[10:], int.from_bytes(data[2:10], "big"))
    return checked(data[2:], size)


def checked(body: bytes, size: int) -> bytes:
    assert len(body) == size
    return body


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024])
def test_frames_have_the_length_they_say(size: int) -> None:
    assert body_of(frame(1, b"x" * size)) == b"x" * size


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=2**64 - 1), st.text(max_size=20))
def test_a_reliable_frame_is_the_plain_one_with_a_number(body: bytes, number: int, group: str) -> None:
    message = Message(Payload(DataType.BINARY, body), group=group, from_user=None)
    plain = json.loads(body_of(message.json_entry[0]))
    assert json.loads(body_of(message.reliable_entry(number)[0])) == {**plain, "sequenceId": number}


@given(st.text())
def test_no_text_breaks_out_of_a_header(text: str) -> None:
    shown = header_text(text)
    assert not any(c in shown for c in "\r\n\x00")


@given(st.text(min_size=1), st.text(), st.text())
def test_headers_of_any_connection_can_be_sent(user: str, state: str, connection_id: str) -> None:
    identity = Identity(id=connection_id or "x", user_id=user, state=state)
    headers = Event("hub", identity, "user", "message", 1, b"").headers([KEY], "localhost")
    for name in ("ce-userId", "ce-connectionState"):
        assert not any(c in headers.get(name, "") for c in "\r\n\x00")
    assert signature([KEY, b"second"], "c").count("sha256=") == 2


@given(st.one_of(st.binary(max_size=200), JSON_VALUES.map(lambda v: json.dumps(v).encode())))
def test_any_answer_to_connect_is_understood_or_refused(body: bytes) -> None:
    try:
        answer = read_connect_answer(body, ["a"])
    except EventFailed:
        return
    assert answer.subprotocol in (None, "", "a")


@given(
    st.one_of(
        st.none(), st.text(max_size=30), st.sampled_from(["text/plain", "application/json", "application/octet-stream"])
    ),
    st.dictionaries(st.text(max_size=40), st.text(max_size=40), max_size=4),
    st.binary(max_size=100),
)
def test_any_answer_to_an_event_is_understood_or_refused(
    content_type: str | None, headers: dict[str, str], body: bytes
) -> None:
    try:
        reply = read_reply(content_type, headers, body)
    except EventFailed:
        return
    assert reply is None or isinstance(reply, Payload)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=100).map(lambda b: b.decode("latin-1"))))
def test_any_text_that_we_did_not_sign_is_no_token(text: str) -> None:
    with pytest.raises(BadToken):
        Tokens([KEY]).claims(text)


@given(st.dictionaries(st.text(max_size=10), JSON_VALUES, max_size=5), st.integers(-(2**40), 2**40))
def test_pyjwt_and_we_agree_on_tokens(claims: dict[str, Any], exp: int) -> None:
    for name in ("nbf", "iat", "aud", "iss", "sub", "jti"):
        claims.pop(name, None)
    token = jwt.encode({**claims, "exp": exp}, KEY, algorithm="HS256")
    try:
        theirs = jwt.decode(token, KEY, algorithms=["HS256"], leeway=300)
    except jwt.PyJWTError:
        with pytest.raises(BadToken):
            Tokens([KEY]).claims(token)
    else:
        assert Tokens([b"another", KEY]).claims(token) == theirs


@given(st.text(alphabet=string.ascii_lowercase + ".*?\\", max_size=12), st.text(alphabet="ab.*", max_size=12))
@settings(max_examples=200)
def test_any_pattern_is_used_or_ignored(pattern: str, group: str) -> None:
    compiled = compile_pattern(pattern)
    if compiled is not None and not set(pattern) & set("*?\\"):
        assert (compiled.fullmatch(group) is not None) is (pattern == group)
    Permissions([f"webpubsub.sendToGroups.{pattern}"]).allows(Action.SEND, group)
