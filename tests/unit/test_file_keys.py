import asyncio
import stat
from pathlib import Path

import pytest

from adapters.secrets.files import FileKeys
from domain.kernel.errors import Unavailable


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
    assert path.read_text() == text
