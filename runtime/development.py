"""Settings for work on one machine: what nobody set, where `DEVHOST_DATA` names a folder for the embedded stores."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from adapters.secrets.files import read_or_make
from runtime.web_push import new_private_key

LOCAL_SETTINGS: Final = Path(__file__).parents[1] / "local.settings.json"


class LocalSettingsFaulty(Exception):
    """local.settings.json cannot be read."""


def read_local_settings(path: Path = LOCAL_SETTINGS) -> dict[str, str]:
    """The `Values` of Core Tools' local.settings.json; empty without such a file. Raises LocalSettingsFaulty."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    try:
        values = json.loads(text).get("Values", {})
        return {str(name): str(value) for name, value in values.items() if value is not None}
    except (ValueError, AttributeError) as error:
        raise LocalSettingsFaulty(f"{path.name} is not a JSON object with an object 'Values'") from error


def fill_in(
    given: Mapping[str, str], data: Path, *, api_url: str = "http://localhost:7071", realtime: str | None = None
) -> dict[str, str]:
    """*given*, and for the rest what this machine can do. *realtime* is the local service's connection string."""
    chosen = {
        "APP_ENV": "development",
        "APP_API_URL": api_url,
        "APP_SITE_URL": "http://localhost:3000",
        "APP_ALLOWED_ORIGINS": "http://localhost:3000",
        "APP_COOKIE_SECURE": "false",
        "APP_MAIL_FROM": "T.O.O.L.S Inc <hello@tools.example>",
        "APP_MAIL_TEAM": "team@tools.example",
    }
    if not given.get("APP_VAPID_PRIVATE_KEY"):
        chosen["APP_VAPID_PRIVATE_KEY"] = read_or_make(data / "vapid.key", new_private_key).strip()
        chosen["APP_VAPID_SUBJECT"] = "mailto:team@tools.example"
    if not given.get("APP_WEB_PUBSUB_ENDPOINT"):
        realtime = realtime or local_realtime("http://localhost:7072", realtime_access_key(data))
        chosen["APP_WEB_PUBSUB_CONNECTION_STRING"] = realtime
    return {**chosen, **{name: value for name, value in given.items() if value}, "DEVHOST_DATA": str(data)}


def local_realtime(url: str, access_key: str) -> str:
    """The local realtime service's connection string."""
    return f"Endpoint={url};AccessKey={access_key};Version=1.0;"


def realtime_access_key(data: Path) -> str:
    """Made at the first start, then the same for good. Only this user can read it."""
    return read_or_make(data / "webpubsub.key", lambda: secrets.token_urlsafe(48)).strip()
