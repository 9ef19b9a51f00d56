"""The settings of Web Push, and the making of its key."""

import base64
import re
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from domain.chat.push import PushHosts
from runtime.environment import Reader

KNOWN_SERVICES: Final = "fcm.googleapis.com,updates.push.services.mozilla.com,web.push.apple.com,*.notify.windows.com"
"""Chromium's, Firefox's, Safari's and Edge's."""

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (SEC 2, §2.4.2): private keys are 1 to this, less one."""

KEY_BYTES: Final = 32
_HOST: Final = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_MAILTO: Final = re.compile(r"mailto:[^@\s]+@[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VapidKey:
    """*private_key* signs what we push; *subject* is how push services reach us (RFC 8292 §2.1)."""

    private_key: str = field(repr=False)
    subject: str


@dataclass(frozen=True, slots=True)
class PushSettings:
    """*vapid* is None where push is not set up."""

    vapid: VapidKey | None
    hosts: PushHosts


def read_push(r: Reader, *, production: bool) -> PushSettings:
    key, subject = r.text("APP_VAPID_PRIVATE_KEY", ""), r.text("APP_VAPID_SUBJECT", "")
    hosts = r.items("APP_PUSH_HOSTS", KNOWN_SERVICES)
    if key and not is_private_key(key):
        r.fault("APP_VAPID_PRIVATE_KEY is not a P-256 private key of 32 bytes in base64url")
    if bool(key) is not bool(subject):
        r.fault("APP_VAPID_PRIVATE_KEY and APP_VAPID_SUBJECT go together")
    if subject and not _is_subject(subject):
        r.fault("APP_VAPID_SUBJECT is not mailto:somebody@example.org or https://…")
    for host in hosts:
        if not _HOST.fullmatch(host):
            r.fault("APP_PUSH_HOSTS holds something that is not a host name like push.example or *.push.example")
    return PushSettings(VapidKey(key, subject) if key else None, PushHosts(hosts, loopback=not production))


def new_private_key() -> str:
    """A fresh one, as `APP_VAPID_PRIVATE_KEY` takes it. Changing it ends every subscription."""
    number = secrets.randbelow(ORDER - 1) + 1
    return base64.urlsafe_b64encode(number.to_bytes(KEY_BYTES, "big")).rstrip(b"=").decode()


def is_private_key(text: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return False
    return 0 < int.from_bytes(base64.urlsafe_b64decode(text + "="), "big") < ORDER


def _is_subject(text: str) -> bool:
    if text.startswith("https:"):
        parts = urlsplit(text)
        return bool(parts.hostname) and not parts.path.strip("/") and "." in (parts.hostname or "")
    return _MAILTO.fullmatch(text) is not None


if __name__ == "__main__":
    print(new_private_key())  # noqa: T201 - `python -m runtime.web_push`, for whoever deploys
