"""The settings the app gets in the dev host: what the environment says, and for the rest what this machine can do."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from adapters.secrets.files import read_or_make


def app_environment(
    given: Mapping[str, str], *, api_url: str, data: Path, realtime_url: str, access_key: str
) -> dict[str, str]:
    """*given* wins over what the dev host chooses; the data folder is the one it holds."""
    cloud_realtime = given.get("APP_WEB_PUBSUB_CONNECTION_STRING") or given.get("APP_WEB_PUBSUB_ENDPOINT")
    chosen = {
        "APP_ENV": "development",
        "APP_API_URL": api_url,
        "APP_SITE_URL": "http://localhost:3000",
        "APP_ALLOWED_ORIGINS": "http://localhost:3000",
        "APP_COOKIE_SECURE": "false",
        "APP_MAIL_FROM": "T.O.O.L.S Inc <hello@tools.example>",
        "APP_MAIL_TEAM": "team@tools.example",
    }
    if not cloud_realtime:
        chosen["APP_WEB_PUBSUB_CONNECTION_STRING"] = f"Endpoint={realtime_url};AccessKey={access_key};Version=1.0;"
    return {**chosen, **{name: value for name, value in given.items() if value}, "DEVHOST_DATA": str(data)}


def realtime_access_key(data: Path) -> str:
    """The local realtime service's key: made at the first start, then the same for good. Only this user can read it."""
    return read_or_make(data / "webpubsub.key", lambda: secrets.token_urlsafe(48)).strip()
