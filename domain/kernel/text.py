"""Text that people type, made safe to keep: NFC, trimmed, no control characters but newline and tab."""

import re
import unicodedata
from typing import Final

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Unicode's categories Cc, but for newline and tab, and Cs (a test compares)."""


def clean_text(text: str, *, trim: bool = True) -> str:
    """Normalise to NFC and trim. Raises ValueError for control characters and lone surrogates."""
    text = text.replace("\r\n", "\n")
    if _FORBIDDEN.search(text):
        msg = "control characters are not allowed"
        raise ValueError(msg)
    text = unicodedata.normalize("NFC", text)
    return text.strip() if trim else text
