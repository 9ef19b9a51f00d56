"""Links that prove a mailbox: made to be mailed, kept only as a digest, good once and for a while.

A link's token is the person's id, the link's id and a MAC over both under the key set, so whoever holds the keys can
write the same token again. That is how a mail can be rendered from a queue message that holds ids only, and why
neither the queue nor the store ever holds a token.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item
from domain.kernel.ids import is_uuid7
from domain.kernel.keys import Key, KeySet, digest, mac, same
from domain.kernel.opaque import decode_opaque, encode_opaque

TOKEN_BYTES: Final = 16 + 16 + 32


class Purpose(StrEnum):
    """Also the name of the mail's template."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Link:
    """One link that was, or will be, mailed. *kid* names the key that signs it, *digest* is of its token."""

    id: str
    user_id: str
    purpose: Purpose
    kid: str
    digest: str
    created_at: datetime
    expires_at: datetime

    def to_item(self) -> Item:
        """In the person's partition of `accounts`; gone by itself when it has expired."""
        return {
            "pk": self.user_id,
            "id": link_item_id(self.id),
            "type": "link",
            "purpose": self.purpose.value,
            "kid": self.kid,
            "digest": self.digest,
            "createdAt": to_iso(self.created_at),
            "expiresAt": to_iso(self.expires_at),
            "ttl": max(1, int((self.expires_at - self.created_at).total_seconds())),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Link":
        return cls(
            id=item["id"].removeprefix("link:"),
            user_id=item["pk"],
            purpose=Purpose(item["purpose"]),
            kid=item["kid"],
            digest=item["digest"],
            created_at=from_iso(item["createdAt"]),
            expires_at=from_iso(item["expiresAt"]),
        )


@dataclass(frozen=True, slots=True)
class LinkName:
    """What a genuine token says: which link of which person."""

    user_id: str
    link_id: str


def link_item_id(link_id: str) -> str:
    return f"link:{link_id}"


def mint_link_token(key: Key, *, purpose: Purpose, user_id: str, link_id: str) -> str:
    """The token, the same each time: 64 bytes in unpadded base64url."""
    body = UUID(user_id).bytes + UUID(link_id).bytes
    return encode_opaque(body + mac(key, purpose.value, body))


def read_link_token(keys: KeySet, token: str, *, purpose: Purpose) -> LinkName | None:
    """What *token* names, if any of our keys signed it for *purpose*; whether it is still good is in the store."""
    raw = decode_opaque(token)
    if raw is None or len(raw) != TOKEN_BYTES:
        return None
    body, tag = raw[:32], raw[32:]
    # All are tried, so that the time says nothing about which key it was.
    if sum(same(mac(key, purpose.value, body), tag) for key in keys.accepted) == 0:
        return None
    user_id, link_id = str(UUID(bytes=body[:16])), str(UUID(bytes=body[16:]))
    return LinkName(user_id, link_id) if is_uuid7(user_id) and is_uuid7(link_id) else None


def new_link(key: Key, *, purpose: Purpose, user_id: str, link_id: str, now: datetime, expires_at: datetime) -> Link:
    token = mint_link_token(key, purpose=purpose, user_id=user_id, link_id=link_id)
    return Link(link_id, user_id, purpose, key.kid, digest(token.encode()), now, expires_at)


def link_mail(link: Link) -> dict[str, Any]:
    """The message for the queue `mail`: the worker reads the account and the link, and mints the token itself."""
    return {"template": link.purpose.value, "userId": link.user_id, "linkId": link.id}
