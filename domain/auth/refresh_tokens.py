"""Refresh tokens: ids, a generation, and a MAC over them under the key set.

The token of a generation is always the same one, so the server can say it twice (to twin tabs) without keeping it,
and the store, which knows the generation only, is not enough to make one. 256 bits of strength come from the MAC.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.kernel.keys import Key, KeySet, mac, same
from domain.kernel.opaque import decode_opaque, encode_opaque

_PURPOSE: Final = "refresh-token"
_BODY_BYTES: Final = 16 + 16 + 4
_MAC_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class RefreshName:
    """What a genuine refresh token says."""

    user_id: str
    session_id: str
    generation: int


def mint_refresh_token(key: Key, *, user_id: str, session_id: str, generation: int) -> str:
    """91 characters of base64url."""
    body = UUID(user_id).bytes + UUID(session_id).bytes + generation.to_bytes(4, "big")
    return encode_opaque(body + mac(key, _PURPOSE, body, size=_MAC_BYTES))


def read_refresh_token(keys: KeySet, token: str) -> RefreshName | None:
    """What *token* says, if one of our keys signed it."""
    raw = decode_opaque(token)
    if raw is None or len(raw) != _BODY_BYTES + _MAC_BYTES:
        return None
    body, tag = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    # All are tried, so that the time says nothing about which key it was.
    if sum(same(mac(key, _PURPOSE, body, size=_MAC_BYTES), tag) for key in keys.accepted) == 0:
        return None
    return RefreshName(str(UUID(bytes=body[:16])), str(UUID(bytes=body[16:32])), int.from_bytes(body[32:], "big"))
