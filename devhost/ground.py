"""What must be had before anything starts: the data folder, the ports, sound settings."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from devhost.listening import listen, url_at
from devhost.options import Misuse, Options
from runtime.data_folder import DataFolder, FolderHeld
from runtime.development import fill_in, local_realtime, realtime_access_key
from runtime.environment import SettingsFaulty
from runtime.settings import Settings

_CONNECTION_STRING = "APP_WEB_PUBSUB_CONNECTION_STRING"
_ENDPOINT = "APP_WEB_PUBSUB_ENDPOINT"


@dataclass(frozen=True, slots=True)
class LocalRealtime:
    """Where the local realtime service is to serve, and its key."""

    listening: socket.socket
    url: str
    access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ground:
    options: Options
    folder: DataFolder
    api: socket.socket
    api_url: str
    realtime: LocalRealtime | None
    """None where the settings name another realtime service."""
    env: Mapping[str, str]
    settings: Settings


def prepare(options: Options, given: Mapping[str, str]) -> Ground:
    """Raises Misuse for whatever is in the way, in one line."""
    try:
        folder = DataFolder.take(options.data)
        made_key = realtime_access_key(options.data)
    except FolderHeld as error:
        raise Misuse(str(error)) from error
    except OSError as error:
        raise Misuse(f"cannot use the data folder {options.data}: {error.strerror}") from error
    api = listen(options.host, options.port, "--port")
    api_url = url_at(options.host, api.getsockname()[1])
    access_key = _named_key(options, given) if given.get(_CONNECTION_STRING) or given.get(_ENDPOINT) else made_key
    realtime = None
    if access_key is not None:
        listening = listen(options.host, options.realtime_port, "--realtime-port")
        realtime = LocalRealtime(listening, url_at(options.host, listening.getsockname()[1]), access_key)
    own = local_realtime(realtime.url, realtime.access_key) if realtime else None
    env = fill_in(given, options.data, api_url=api_url, realtime=own)
    try:
        settings = Settings.read(env)
    except SettingsFaulty as error:
        raise Misuse(str(error)) from error
    return Ground(options, folder, api, api_url, realtime, env, settings)


def _named_key(options: Options, given: Mapping[str, str]) -> str | None:
    """The access key where the settings name just the service we are to serve; None where they name another."""
    parts = (part.partition("=") for part in given.get(_CONNECTION_STRING, "").split(";"))
    said = {name.strip().lower(): value.strip() for name, _, value in parts}
    ours = said.get("endpoint", "").rstrip("/") == url_at(options.host, options.realtime_port)
    return said.get("accesskey") if ours else None
