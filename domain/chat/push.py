"""Web Push: what a subscription is, whom it is given to, and what a device is told.  Values and pure rules.

RFC 8030 (delivery), RFC 8291 (encryption), RFC 8292 (VAPID). What is pushed holds ids only, and is encrypted for the
device; the push service sees when, how large, and a topic that means nothing outside.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item
from domain.kernel.errors import Invalid
from domain.kernel.opaque import encode_opaque

MAX_DEVICES: Final = 10
"""Of one person; the oldest goes when there are more."""

MAX_ENDPOINT_CHARS: Final = 1024
TTL: Final = timedelta(days=1)
"""How long the push service keeps a message for a device that is off."""

POINT_BYTES: Final = 65
"""An uncompressed point of P-256: 0x04, then x and y (RFC 8291 §2.1)."""

AUTH_BYTES: Final = 16
_HTTPS: Final = re.compile(r"https://[a-z0-9.-]{1,253}(?::443)?/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)
_LOOPBACK: Final = re.compile(r"http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?/[A-Za-z0-9._~/-]*", re.ASCII)


class Urgency(Enum):
    """RFC 8030 §5.3: what may wake a phone that saves its battery."""

    NORMAL = "normal"
    HIGH = "high"


class Outcome(Enum):
    TAKEN = "taken"
    """The push service has it; whether the device is on is not our business."""
    GONE = "gone"
    """There is no such subscription any more (404, 410)."""
    REFUSED = "refused"
    """This message, or our key, is not taken; trying again would not help."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one browser is reached, and the keys it decrypts with. Who knows the endpoint may send to it."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Names the endpoint where the endpoint itself may not be told."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()

    @property
    def service(self) -> str:
        """The push service's host."""
        return urlsplit(self.endpoint).hostname or ""


@dataclass(frozen=True, slots=True)
class PushHosts:
    """Where we push to, and nowhere else: a subscription's URL is the client's word, and we would call it (SSRF)."""

    patterns: tuple[str, ...]
    """Host names; `*.push.example` is any name below `push.example`."""
    loopback: bool = False
    """Plain HTTP on this machine too, for development."""

    def find(self, endpoint: str) -> str | None:
        """The pattern that lets *endpoint* in."""
        if len(endpoint) > MAX_ENDPOINT_CHARS:
            return None
        if self.loopback and _LOOPBACK.fullmatch(endpoint):
            return "loopback"
        if not _HTTPS.fullmatch(endpoint):
            return None
        host = urlsplit(endpoint).hostname or ""
        return next((each for each in self.patterns if host == each or _is_below(host, each)), None)


def _is_below(host: str, pattern: str) -> bool:
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and not host.startswith(".")


def clean_target(endpoint: str, p256dh: str, auth: str, hosts: PushHosts) -> Target:
    """Raises Invalid, for each of the three that is not one."""
    Invalid.raise_all(
        lambda: _check_endpoint(endpoint, hosts),
        lambda: _check_key(p256dh, "keys.p256dh", POINT_BYTES, first=b"\x04"),
        lambda: _check_key(auth, "keys.auth", AUTH_BYTES),
    )
    return Target(endpoint, p256dh.rstrip("="), auth.rstrip("="))


def _check_endpoint(endpoint: str, hosts: PushHosts) -> None:
    if hosts.find(endpoint) is None:
        raise Invalid.field("endpoint", "unknown_push_service", "Is not an address of a push service we know.")


def _check_key(text: str, path: str, size: int, *, first: bytes = b"") -> None:
    try:
        raw = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size or not raw.startswith(first):
        raise Invalid.field(path, "format", f"Is not {size} bytes in base64url, as a browser gives them.")


@dataclass(frozen=True, slots=True)
class Device:
    """One browser that a person asked us to push to, for as long as the sign-in *session_id* stands."""

    id: str
    target: Target
    session_id: str
    created_at: datetime

    def to_item(self) -> Item:
        return {
            "endpoint": self.target.endpoint,
            "p256dh": self.target.p256dh,
            "auth": self.target.auth,
            "sessionId": self.session_id,
            "createdAt": to_iso(self.created_at),
        }

    @classmethod
    def from_item(cls, device_id: str, item: Mapping[str, Any]) -> "Device":
        target = Target(item["endpoint"], item["p256dh"], item["auth"])
        return cls(device_id, target, item["sessionId"], from_iso(item["createdAt"]))


def payload_of(conversation_id: str, *, seq: int, mentioned: bool) -> bytes:
    """What the device's service worker gets. The page it opens asks the API for the rest, with the person's sign-in."""
    said = {"event": "message.new", "conversationId": conversation_id, "seq": seq, "mentioned": mentioned}
    return json.dumps(said, separators=(",", ":")).encode()


def topic_of(device_id: str, conversation_id: str) -> str:
    """The same for a device and a conversation, so that a later push replaces one that still waits (RFC 8030 §5.4:
    32 characters of base64url). Differs between devices, so that push services can't tell who talks to whom."""
    return encode_opaque(hashlib.sha256(f"{device_id}:{conversation_id}".encode()).digest()[:24])
