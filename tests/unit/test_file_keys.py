import asyncio
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.secrets.files import FileKeys
from adapters.secrets.key_ring import KeyRing, TooEarly, decode_ring, encode_ring, fresh_key, fresh_ring, turn_over
from domain.kernel.errors import Unavailable
from domain.kernel.keys import KeySet
from tests.factories import NOON

WEEK = timedelta(days=7)


async def test_keys_are_made_once_for_this_user_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys.json"
    first, other = await asyncio.gather(FileKeys(path).get(), FileKeys(path).get())
    assert first == other == await FileKeys(path).get()
    assert len(first.current.secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


async def test_previous_and_next_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    secret = "A" * 43 + "="
    path.write_text(
        f'{{"current": {{"kid": "b", "secret": "{secret}"}}, "previous": {{"kid": "a", "secret": "{secret}"}}}}'
    )
    keys = await FileKeys(path).get()
    assert [key.kid for key in keys.accepted] == ["b", "a"]


@pytest.mark.parametrize("text", ["", "{}", '{"current": {"kid": "a", "secret": "c2hvcnQ="}}', "[]"])
async def test_a_broken_file_is_never_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(Unavailable):
        await FileKeys(path).get()
    with pytest.raises(Unavailable):
        await FileKeys(path).change(lambda ring: ring)
    assert path.read_text() == text


async def test_a_changed_file_is_read_again_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    running, operator = FileKeys(path, look_every=0), FileKeys(path)
    before = await running.get()
    changed = await operator.change(lambda ring: KeyRing(KeySet(ring.keys.current, next=fresh_key())))
    assert await running.get() == changed != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_breaks_or_goes_takes_nobody_s_session_away(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    running = FileKeys(path, look_every=0)
    keys = await running.get()
    path.write_text("")
    assert await running.get() == keys


def test_a_key_set_survives_its_text() -> None:
    ring = KeyRing(KeySet(fresh_key(), fresh_key(), fresh_key()), NOON)
    assert decode_ring(encode_ring(ring)) == ring


def test_keys_are_turned_over_in_two_steps_and_the_old_one_stays_good() -> None:
    first = fresh_ring()
    new = fresh_key()
    published = turn_over(first, new, NOON, guards_for=WEEK)
    assert published.keys.current == first.keys.current
    assert published.keys.find(new.kid) == new
    turned = turn_over(published, fresh_key(), NOON, guards_for=WEEK)
    assert (turned.keys.current, turned.keys.previous, turned.keys.next) == (new, first.keys.current, None)


def test_a_key_that_still_guards_sessions_is_not_dropped() -> None:
    ring = fresh_ring()
    for _ in range(3):
        ring = turn_over(ring, fresh_key(), NOON, guards_for=WEEK)
    with pytest.raises(TooEarly):
        turn_over(ring, fresh_key(), NOON + WEEK - timedelta(seconds=1), guards_for=WEEK)
    assert turn_over(ring, fresh_key(), NOON + WEEK, guards_for=WEEK).keys.next is None
