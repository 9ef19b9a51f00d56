"""What the dev host decides before it starts."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devhost.ground import Ground, prepare
from devhost.options import Misuse, read_options
from runtime.development import LocalSettingsFaulty, read_local_settings, realtime_access_key
from tests.process import free_port

Prepare = Callable[..., Ground]
CONNECTION_STRING = "APP_WEB_PUBSUB_CONNECTION_STRING"


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Prepare]:
    with ExitStack() as stack:

        def make(*, realtime_port: int = 0, **given: str) -> Ground:
            flags = ["--data", str(tmp_path), "--port", "0", "--realtime-port", str(realtime_port)]
            made = prepare(read_options(flags, {}), given)
            stack.callback(made.folder.release)
            stack.enter_context(made.api)
            if made.realtime is not None:
                stack.enter_context(made.realtime.listening)
            return made

        yield make


def test_flags_win_over_the_environment() -> None:
    env = {"DEVHOST_PORT": "1", "DEVHOST_REALTIME_PORT": "2", "DEVHOST_HOST": "::1", "DEVHOST_NO_SAMPLE": "true"}
    options = read_options(["--port", "3"], env)
    assert (options.port, options.realtime_port, options.host, options.sample) == (3, 2, "::1", False)
    assert read_options([], {}).data == Path(".data").resolve()


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_a_port_is_a_port(port: str) -> None:
    with pytest.raises(Misuse):
        read_options([f"--port={port}"], {})


def test_what_nobody_sets_is_filled_in(ground: Prepare) -> None:
    made = ground()
    assert made.realtime is not None
    assert made.settings.api_url == made.api_url == f"http://localhost:{made.api.getsockname()[1]}"
    wanted = f"Endpoint={made.realtime.url};AccessKey={made.realtime.access_key};Version=1.0;"
    assert made.settings.realtime.connection_string == wanted
    assert made.realtime.access_key == realtime_access_key(made.options.data)  # the same at every start
    assert made.realtime.access_key not in repr(made.realtime)


def test_another_realtime_service_is_left_to_itself(ground: Prepare) -> None:
    named = "Endpoint=https://tools.webpubsub.azure.com;AccessKey=abc;Version=1.0;"
    made = ground(**{CONNECTION_STRING: named})
    assert made.realtime is None
    assert made.settings.realtime.connection_string == named


def test_a_named_key_of_our_own_service_is_taken(ground: Prepare) -> None:
    port = free_port()
    made = ground(
        realtime_port=port, **{CONNECTION_STRING: f"Endpoint=http://localhost:{port};AccessKey=abc=;Version=1.0;"}
    )
    assert made.realtime is not None
    assert made.realtime.access_key == "abc="


def test_a_setting_that_is_given_wins(ground: Prepare) -> None:
    assert ground(APP_SITE_URL="https://tools.example").settings.site_url == "https://tools.example"


def test_local_settings_are_core_tools_own(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    assert read_local_settings(path) == {}
    path.write_text(
        "\ufeff" + json.dumps({"IsEncrypted": False, "Values": {"APP_ENV": "development", "N": 1, "X": None}})
    )
    assert read_local_settings(path) == {"APP_ENV": "development", "N": "1"}
    for broken in ("[]", "{", '{"Values": 1}'):
        path.write_text(broken)
        with pytest.raises(LocalSettingsFaulty, match=r"local\.settings\.json"):
            read_local_settings(path)
