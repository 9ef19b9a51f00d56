"""Bytes as text that clients hand back unchanged: unpadded base64url (RFC 4648 §5)."""

import base64
import binascii


def encode_opaque(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_opaque(text: str) -> bytes | None:
    """What `encode_opaque` was given; None for any other spelling, so that each value has exactly one text."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if encode_opaque(raw) == text else None
