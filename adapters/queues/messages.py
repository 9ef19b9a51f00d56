"""What every queue does to a payload before it is stored: JSON, of bounded size, the same in all of them."""

import json
import re
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 48 * 1024
"""Storage Queues takes 64 KiB; base64, where a peer insists on it, leaves 48."""
_NOT_IN_XML: Final = re.compile("[\ud800-\udfff\ufffe\uffff\x7f-\x9f]")


def encode_message(name: str, payload: dict[str, Any]) -> str:
    """Raises ValueError for what is too large for the queue *name*, or is no JSON.

    What XML 1.0 cannot carry is escaped as JSON: Storage Queues wraps messages in XML.
    """
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    body = _NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
    if len(body.encode()) > MAX_MESSAGE_BYTES:
        msg = f"a message for {name} is larger than {MAX_MESSAGE_BYTES} bytes"
        raise ValueError(msg)
    return body
