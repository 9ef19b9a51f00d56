"""Text that people type, made safe to keep: NFC, trimmed, no control characters but newline and tab."""

import unicodedata


def clean_text(text: str) -> str:
    """Normalise to NFC and trim. Raises ValueError for control characters and lone surrogates."""
    text = text.replace("\r\n", "\n")
    for char in text:
        if char in "\n\t":
            continue
        if unicodedata.category(char) in {"Cc", "Cs"}:
            msg = "control characters are not allowed"
            raise ValueError(msg)
    return unicodedata.normalize("NFC", text).strip()
