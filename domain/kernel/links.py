"""Links in e-mails that prove who holds the mailbox: verify an e-mail, reset a password.

A token is a MAC over its purpose, the account and the link's id, so the worker that writes the e-mail can make it from
ids alone, and the queue never holds it. The store keeps only the token's hash and which key made it, in the account's
partition: not enough to make a token. A link is used up by deleting its item, which one of two racers wins.
"""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item
from domain.kernel.keys import Key, digest, mac, same

LINK_PREFIX: Final = "link:"
_IDS_BYTES: Final = 32
_MAC_BYTES: Final = 32


class LinkPurpose(Enum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Link:
    """What the store keeps of a link. *kid* names the key that made its token."""

    id: str
    user_id: str
    purpose: LinkPurpose
    kid: str
    token_hash: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkIds:
    """What a token says about itself, before anyone has checked it."""

    user_id: str
    link_id: str


def mint_token(key: Key, purpose: LinkPurpose, *, user_id: str, link_id: str) -> str:
    """The token of a link: base64url, 86 characters. The same every time, for the same key."""
    ids = UUID(user_id).bytes + UUID(link_id).bytes
    return _encode(ids + mac(key, f"link/{purpose.value}", ids, size=_MAC_BYTES))


def read_token(token: str) -> LinkIds | None:
    """Which link a token claims to be; None for what cannot be one."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _IDS_BYTES + _MAC_BYTES or _encode(raw) != token:
        return None
    return LinkIds(str(UUID(bytes=raw[:16])), str(UUID(bytes=raw[16:32])))


def token_hash(token: str) -> str:
    return digest(token.encode())


def opens(link: Link, token: str, *, purpose: LinkPurpose, now: datetime) -> bool:
    """Does *token* open *link* at *now*?"""
    return (
        link.purpose is purpose and now < link.expires_at and same(link.token_hash.encode(), token_hash(token).encode())
    )


def link_item(link: Link, *, now: datetime) -> Item:
    """Gone by itself a day after it expired."""
    return {
        "id": LINK_PREFIX + link.id,
        "pk": link.user_id,
        "type": "link",
        "purpose": link.purpose.value,
        "kid": link.kid,
        "tokenHash": link.token_hash,
        "expiresAt": to_iso(link.expires_at),
        "ttl": max(1, int((link.expires_at - now).total_seconds())) + 86400,
    }


def read_link(item: Item) -> Link:
    return Link(
        id=item["id"].removeprefix(LINK_PREFIX),
        user_id=item["pk"],
        purpose=LinkPurpose(item["purpose"]),
        kid=item["kid"],
        token_hash=item["tokenHash"],
        expires_at=from_iso(item["expiresAt"]),
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
