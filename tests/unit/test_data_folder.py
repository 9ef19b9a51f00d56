import os
import stat
from pathlib import Path

import pytest

from runtime.data_folder import LOCK_NAME, DataFolder, FolderHeld, find_holder


def test_one_process_holds_a_folder(tmp_path: Path) -> None:
    held = DataFolder.take(tmp_path / "new")
    held.announce("http://localhost:1/control")
    with pytest.raises(FolderHeld, match=f"in use by process {os.getpid()}"):
        DataFolder.take(tmp_path / "new")
    held.release()
    DataFolder.take(tmp_path / "new").release()


def test_the_holder_says_how_to_reach_it_to_this_user_only(tmp_path: Path) -> None:
    held = DataFolder.take(tmp_path)
    held.announce("http://localhost:1/control")
    holder = find_holder(tmp_path)
    assert holder is not None
    assert (holder.control_url, holder.secret) == ("http://localhost:1/control", held.secret)
    assert held.secret not in repr(holder)
    assert stat.S_IMODE((tmp_path / LOCK_NAME).stat().st_mode) == 0o600
    held.release()


def test_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text('{"pid": 1, "controlUrl": "http://localhost:1", "secret": "s"}')
    assert find_holder(tmp_path) is None
    assert find_holder(tmp_path / "nowhere") is None
