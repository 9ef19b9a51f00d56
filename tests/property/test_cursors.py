"""Cursors: ours are read, all else is refused."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.keys import Key, KeySet
from web.paging import seal, unseal

OURS = KeySet(Key("k1", b"1" * 32))
positions = st.integers() | st.text() | st.lists(st.integers() | st.text() | st.none(), min_size=1)
bindings = st.binary(max_size=40)


@given(positions, bindings)
def test_a_cursor_of_ours_gives_its_position_back(position: Any, binding: bytes) -> None:
    cursor = seal(position, binding, OURS)
    assert unseal(cursor, binding, OURS) == position
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")


@given(positions, bindings, bindings)
def test_a_cursor_is_bound(position: Any, binding: bytes, other: bytes) -> None:
    cursor = seal(position, binding, OURS)
    if other != binding:
        assert unseal(cursor, other, OURS) is None
    assert unseal(cursor, binding, KeySet(Key("k1", b"2" * 32))) is None


@given(positions, bindings, st.data())
def test_one_changed_character_is_noticed(position: Any, binding: bytes, data: st.DataObject) -> None:
    cursor = seal(position, binding, OURS)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters().filter(lambda character: character != cursor[at]))
    assert unseal(cursor[:at] + other + cursor[at + 1 :], binding, OURS) is None
    assert unseal(cursor[:at], binding, OURS) is None
    assert unseal(cursor + other, binding, OURS) is None


@given(st.text(), bindings)
def test_what_somebody_made_up_is_refused(text: str, binding: bytes) -> None:
    assert unseal(text, binding, OURS) is None
