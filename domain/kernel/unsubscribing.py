"""The token of a link that ends e-mails about missed messages: signed, and good as long as its key is known.

It names the person and nothing else, is the same each time, and can do one thing only. So nothing is stored for it,
and a mail of last month still works (keys stay for at least as long as a session may live).
"""

from typing import Final
from uuid import UUID

from domain.kernel.ids import is_uuid7
from domain.kernel.keys import Key, KeySet, mac, same
from domain.kernel.opaque import decode_opaque, encode_opaque

PURPOSE: Final = "unsubscribe"
TOKEN_BYTES: Final = 16 + 32


def mint_unsubscribe_token(key: Key, *, user_id: str) -> str:
    """48 bytes in unpadded base64url."""
    body = UUID(user_id).bytes
    return encode_opaque(body + mac(key, PURPOSE, body))


def read_unsubscribe_token(keys: KeySet, token: str) -> str | None:
    """The id of the person it was mailed to, if any of our keys signed it."""
    raw = decode_opaque(token)
    if raw is None or len(raw) != TOKEN_BYTES:
        return None
    body, tag = raw[:16], raw[16:]
    if sum(same(mac(key, PURPOSE, body), tag) for key in keys.accepted) == 0:
        return None
    user_id = str(UUID(bytes=body))
    return user_id if is_uuid7(user_id) else None
