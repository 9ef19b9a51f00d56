"""What is in a queue's message: JSON, of bounded size, the same in every queue."""

import base64
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


def decode_message(body: bytes) -> dict[str, Any]:
    """The object in a message that was not put there by us: as plain JSON, or in base64.

    Event Grid once delivered to Storage Queues in plain text, now does so in base64, and documents neither
    (MicrosoftDocs/azure-docs #69702, #102923), while `messageEncoding` in host.json is one for all queues. The two
    cannot be mistaken for each other: an object begins with `{`, which is no digit of base64.

    Raises ValueError for what is neither.
    """
    text = body.strip()
    if not text.startswith(b"{"):
        text = base64.b64decode(text, validate=True)
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")  # noqa: TRY004 - what is wrong is the content
    return message
