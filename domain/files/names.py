"""File names: data that people chose. Kept and shown, and never part of a path."""

import unicodedata
from typing import Final
from urllib.parse import quote

from domain.files.kinds import EXTENSIONS
from domain.kernel.errors import Fault

MAX_NAME: Final = 255
_JOINERS: Final = frozenset("\u200c\u200d")
"""Persian and Indic words are misspelt without them."""
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, invisible and bidirectional marks (`gpj.exe` shown backwards), halves of characters, line ends."""


def file_name_fault(name: str, media_type: str) -> Fault | None:
    """What is wrong with a name that went through `clean_file_name`, for a file of this type."""
    if not name or len(name) > MAX_NAME:
        return Fault("fileName", "too_long" if name else "too_short", f"Must have 1 to {MAX_NAME} characters.")
    if any(unicodedata.category(char) in _REFUSED and char not in _JOINERS for char in name):
        return Fault("fileName", "invisible_character", "Must not have invisible characters.")
    if "/" in name or "\\" in name:
        return Fault("fileName", "format", "Must be a name, not a path.")
    stem, _, extension = name.rpartition(".")
    endings = EXTENSIONS.get(media_type)
    if endings is not None and (not stem.strip(". ") or extension.lower() not in endings):
        return Fault("fileName", "extension", f"Must end in .{' or .'.join(endings)} for this type.")
    return None


def clean_file_name(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def content_disposition(name: str) -> str:
    """`attachment`, with the name for every browser (RFC 6266 §4.3, appendix D; RFC 8187)."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%;' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
