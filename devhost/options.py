"""The dev host's own options: flags, or `DEVHOST_…` in the environment or in local.settings.json. Flags win."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

DEFAULT_PORT: Final = 7071
DEFAULT_REALTIME_PORT: Final = 7072
_LAST_PORT: Final = 65535


class Misuse(Exception):
    """The dev host cannot start like this: one clear line."""


@dataclass(frozen=True, slots=True)
class Options:
    """A port of 0 takes a free one."""

    host: str
    port: int
    realtime_port: int
    data: Path
    sample: bool
    """Load the sample courses into an empty store."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Misuse(message)


def read_options(arguments: Sequence[str], env: Mapping[str, str]) -> Options:
    """Raises Misuse."""
    parser = _Parser(prog="python -m devhost", description="Serve everything on this machine.", allow_abbrev=False)
    parser.add_argument("--port", default=env.get("DEVHOST_PORT") or str(DEFAULT_PORT), help="of the API (7071)")
    parser.add_argument(
        "--realtime-port",
        default=env.get("DEVHOST_REALTIME_PORT") or str(DEFAULT_REALTIME_PORT),
        help="of the local realtime service (7072)",
    )
    parser.add_argument("--data", default=env.get("DEVHOST_DATA") or ".data", help="where everything is kept (.data)")
    parser.add_argument("--host", default=env.get("DEVHOST_HOST") or "127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--no-sample", action="store_true", default=_flag(env, "DEVHOST_NO_SAMPLE"), help="load no sample courses"
    )
    given = parser.parse_args(arguments)
    return Options(
        host=given.host,
        port=_port("--port", given.port),
        realtime_port=_port("--realtime-port", given.realtime_port),
        data=Path(given.data).expanduser().resolve(),
        sample=not given.no_sample,
    )


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise Misuse(f"{name} is not a port: {text}")
    return int(text)


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "").lower() or "false"
    if text not in {"true", "false", "1", "0"}:
        raise Misuse(f"{name} is neither true nor false")
    return text in {"true", "1"}
