"""The key set: current, previous and next, so that keys can be turned over without signing anyone out.

A new key is published as *next* (every instance accepts it), becomes *current* (it signs), then *previous* (still
accepted until the longest-lived thing it signed has expired), then goes.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Key:
    """*secret* is at least 32 bytes. *kid* names it in tokens and is public."""

    kid: str
    secret: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, so that a MAC made for one is worthless for another (RFC 5869, expand step)."""
        return hmac.digest(self.secret, b"tools-inc/" + purpose.encode() + b"\x01", "sha256")


@dataclass(frozen=True, slots=True)
class KeySet:
    current: Key
    previous: Key | None = None
    next: Key | None = None

    def find(self, kid: str) -> Key | None:
        """The key of this name, if it is one of ours: the allow-list of `kid`s."""
        for key in (self.current, self.previous, self.next):
            if key is not None and key.kid == kid:
                return key
        return None

    @property
    def accepted(self) -> tuple[Key, ...]:
        """Every key whose signatures hold, the current one first."""
        return tuple(key for key in (self.current, self.previous, self.next) if key is not None)


class Keys(Protocol):
    """Where the key set comes from. It may change between two calls."""

    async def get(self, kid: str | None = None) -> KeySet:
        """The key set, from memory after the first call. Raises Unavailable.

        A *kid* that is not among them may be newer than what is remembered: the set is then read anew, now and then.
        """
        ...


def mac(key: Key, purpose: str, message: bytes, *, size: int = 32) -> bytes:
    """HMAC-SHA256 under the key derived for *purpose*, cut to *size* bytes (16 or more)."""
    return hmac.digest(key.derive(purpose), message, "sha256")[:size]


def same(one: bytes, other: bytes) -> bool:
    """Compare without telling by time where they differ."""
    return hmac.compare_digest(one, other)


def digest(secret: bytes) -> str:
    """How a random secret of 128 bits or more is stored: SHA-256, in hex."""
    return hashlib.sha256(secret).hexdigest()
