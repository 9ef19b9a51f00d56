"""WebSocket frames as bytes, and the codes that close a connection (RFC 6455)."""

from typing import Final

import msgspec

TEXT: Final = 1
BINARY: Final = 2

Entry = tuple[bytes, float]
"""A whole frame, and the monotonic time after which nobody wants it any more."""
FOREVER: Final = float("inf")
PING: Final[Entry] = b"\x89\x00", FOREVER

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
UNSUPPORTED: Final = 1003
INVALID: Final = 1007
POLICY: Final = 1008
SERVER_ERROR: Final = 1011
MAX_REASON_BYTES: Final = 123


def frame(opcode: int, payload: bytes) -> bytes:
    """One unmasked, unfragmented frame (§5.2), the same for every receiver."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 - §5.2: what fits into seven bits
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def json_frame(value: object) -> Entry:
    """A text frame that waits for its reader as long as it takes."""
    return frame(TEXT, msgspec.json.encode(value)), FOREVER


def close_reason(text: str) -> str:
    """As much of *text* as a Close frame holds (§5.5)."""
    return text.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
