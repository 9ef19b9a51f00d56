"""The key set as JSON, and how its keys are turned over.

`{"current": {"kid", "secret"}, "previous": ..., "next": ..., "turnedAt": ...}`, secrets in base64url. One text holds
the whole set, so that it changes in one write, in a file here and in one secret of a vault elsewhere.
"""

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.keys import Key, Keys, KeySet

KEY_BYTES: Final = 32
_NAMES: Final = ("current", "previous", "next")


class TooEarly(Exception):
    """What the previous key signed may still be in use."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"the previous key guards sessions until {to_iso(until)}; turn over after that")


class TurnableKeys(Keys, Protocol):
    """Keys that an operator turns over where they are kept."""

    async def change(self, step: "Callable[[KeyRing], KeyRing]") -> KeySet:
        """Put what *step* makes of the key set in its place. Raises Unavailable, and what *step* raises."""
        ...

    async def ping(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeyRing:
    """*turned_at* is when `current` became it; None for the first."""

    keys: KeySet
    turned_at: datetime | None = None


def fresh_ring() -> KeyRing:
    return KeyRing(KeySet(fresh_key()))


def fresh_key() -> Key:
    return Key(secrets.token_hex(4), secrets.token_bytes(KEY_BYTES))


def turn_over(ring: KeyRing, fresh: Key, now: datetime, *, guards_for: timedelta) -> KeyRing:
    """One step: publish *fresh* as next; or, where a next key is published, sign with it from now on.

    Two steps, because each instance must know a key before another signs with it. *guards_for* is how long what a key
    signed is accepted. Raises TooEarly when the step would drop a key that is still needed.
    """
    keys = ring.keys
    if keys.next is None:
        return KeyRing(KeySet(keys.current, keys.previous, fresh), ring.turned_at)
    if keys.previous is not None and ring.turned_at is not None and now < ring.turned_at + guards_for:
        raise TooEarly(ring.turned_at + guards_for)
    return KeyRing(KeySet(keys.next, previous=keys.current), now)


def encode_ring(ring: KeyRing) -> str:
    said: dict[str, Any] = {name: _said(getattr(ring.keys, name)) for name in _NAMES}
    said["turnedAt"] = None if ring.turned_at is None else to_iso(ring.turned_at)
    return json.dumps(said)


def decode_ring(text: str) -> KeyRing:
    """Raises ValueError, KeyError or TypeError for what is no key set."""
    said = json.loads(text)
    if not isinstance(said, dict):
        raise TypeError("not an object")
    previous, following = (_key(said[name]) if said.get(name) else None for name in ("previous", "next"))
    turned_at = said.get("turnedAt")
    return KeyRing(
        KeySet(_key(said["current"]), previous, following), None if turned_at is None else from_iso(turned_at)
    )


def _said(key: Key | None) -> dict[str, str] | None:
    return None if key is None else {"kid": key.kid, "secret": base64.urlsafe_b64encode(key.secret).decode()}


def _key(said: dict[str, str]) -> Key:
    secret = base64.urlsafe_b64decode(said["secret"])
    if len(secret) < KEY_BYTES:
        raise ValueError("a key of fewer than 32 bytes")
    return Key(said["kid"], secret)
