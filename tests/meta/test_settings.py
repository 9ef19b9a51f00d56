"""The settings, their sample and their page agree."""

import json
import re
from pathlib import Path

import pytest

from runtime import settings as runtime_settings
from runtime.development import fill_in
from runtime.environment import Reader, SettingsFaulty
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
OF_THE_HOST = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}


def known() -> set[str]:
    reader = Reader({})
    runtime_settings._read(reader)
    return reader.known


def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    return values


def test_the_sample_holds_every_setting_and_no_other() -> None:
    assert set(sample()) - OF_THE_HOST == known()


def test_the_sample_is_sound(tmp_path: Path) -> None:
    ours = {name: value for name, value in sample().items() if name not in OF_THE_HOST}
    assert Settings.read(fill_in(ours, tmp_path)).production is False


def test_the_page_explains_every_setting_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) == known()
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    "origin", ["tools.example", "https://tools.example/path", "ftp://tools.example", "https://a:b"]
)
def test_an_origin_that_is_none_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(SettingsFaulty, match="APP_ALLOWED_ORIGINS"):
        Settings.read(fill_in({"APP_ALLOWED_ORIGINS": origin}, tmp_path))
