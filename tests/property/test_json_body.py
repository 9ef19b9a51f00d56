"""Bodies from strangers: whatever bytes come, the answer is a value or a refusal with a fault."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import Fault, Invalid
from domain.kernel.text import clean_text
from tests.http.lab import NoteIn
from web.json_body import MAX_DEPTH, clean, read_json
from web.validation import body_reader

read_note = body_reader(NoteIn)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)


def sent(value: Any) -> bytes:
    return json.dumps(value).encode()


@given(values)
def test_clean_json_is_read_as_it_was_written(value: Any) -> None:
    assert read_json(sent(value)) == value


def read_or_refuse(raw: bytes) -> NoteIn | Invalid:
    try:
        note: NoteIn = read_note(raw)
    except Invalid as refused:
        return refused
    return note


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ue1.0-NaItruefalsn ', max_size=60).map(str.encode))
def test_noise_is_refused_and_never_worse(raw: bytes) -> None:
    answer = read_or_refuse(raw)
    assert isinstance(answer, Invalid)
    assert answer.faults


@given(values)
def test_any_value_is_a_note_or_has_named_faults(value: Any) -> None:
    answer = read_or_refuse(sent(value))
    if isinstance(answer, NoteIn):
        assert answer.text == clean_text(answer.text)
    else:
        assert answer.faults
        assert len({(fault.path, fault.code) for fault in answer.faults}) == len(answer.faults)
        assert all(fault.path.encode() is not None for fault in answer.faults)


@given(st.integers(1, 4 * MAX_DEPTH), st.sampled_from([("[", "]"), ('{"a":', "}")]), texts)
def test_depth_is_counted_outside_texts_only(depth: int, brackets: tuple[str, str], text: str) -> None:
    opening, closing = brackets
    raw = f"{opening * depth}{json.dumps(text + '[{' * 40)}{closing * depth}".encode()
    if depth <= MAX_DEPTH:
        read_json(raw)
    else:
        with pytest.raises(Invalid) as refused:
            read_json(raw)
        assert refused.value.faults[0].code == "too_deep"


@given(st.dictionaries(texts, values, min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 5))
def test_a_key_that_comes_twice_is_found_at_any_depth(members: dict[str, Any], which: int, depth: int) -> None:
    key = list(members)[which % len(members)]
    twice = f"{json.dumps(members)[:-1]}, {json.dumps(key)}: 1}}"
    raw = ('[{"a": ' * depth + twice + "}]" * depth).encode()
    with pytest.raises(Invalid) as refused:
        read_json(raw)
    assert refused.value.faults[0].code == "duplicate_key"


@given(values)
def test_cleaning_is_done_once_and_for_all(value: Any) -> None:
    faults: list[Fault] = []
    once = clean(value, None, "", faults)
    if not faults:
        assert clean(once, None, "", faults) == once
        assert faults == []
