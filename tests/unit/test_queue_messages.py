import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.queues.messages import decode_message, encode_message

MEMBERS = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())


@given(MEMBERS)
def test_plain_text_and_base64_are_told_apart_whatever_is_in_them(message: dict[str, Any]) -> None:
    plain = json.dumps(message).encode()
    assert decode_message(plain) == message
    assert decode_message(base64.b64encode(plain)) == message


def test_what_we_send_is_read_back() -> None:
    assert decode_message(encode_message("mail", {"name": "Zo\u00eb\ud800"}).encode()) == {"name": "Zo\u00eb\ud800"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"a": 1} {"a": 2}',
        b"[]",
        b"null",
        b'"text"',
        b"not base64!",
        b"\xff\xfe",
        base64.b64encode(b"[1]"),
        base64.b64encode(b"null"),
        base64.b64encode(b"\xff"),
        base64.b64encode(base64.b64encode(b"{}")),
        b"e30",  # without its padding
    ],
)
def test_what_is_neither_is_refused_and_so_goes_to_the_poison_queue(body: bytes) -> None:
    with pytest.raises(ValueError):
        decode_message(body)
