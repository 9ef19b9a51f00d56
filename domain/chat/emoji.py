"""What may stand as a reaction: one emoji, as far as Unicode's categories tell."""

import re
import unicodedata
from typing import Final

from domain.kernel.errors import Invalid

MAX_EMOJI_BYTES: Final = 32
"""UTF-8. The longest families and flags of regions take 28."""

_KEYCAP: Final = re.compile("[0-9#*]\ufe0f?\u20e3")
_BASES: Final = frozenset({"So", "Sk", "Sm"})
_MORE_BASES: Final = frozenset("\u203c\u2049\u3030\u24c2")
_JOINTS: Final = frozenset({"\u200d", "\ufe0e", "\ufe0f", "\u20e3"})
_TAGS: Final = range(0xE0020, 0xE0080)
"""Spell the region of a flag, behind a base."""


def clean_emoji(text: str) -> str:
    """NFC; symbols, joiners and tags only: no letter, no control, nothing of ASCII but keycaps. Raises Invalid."""
    text = unicodedata.normalize("NFC", text)
    if 0 < len(text.encode("utf-8", "replace")) <= MAX_EMOJI_BYTES and _is_emoji(text):
        return text
    raise Invalid.field("emoji", "format", "Must be one emoji.")


def _is_emoji(text: str) -> bool:
    if _KEYCAP.fullmatch(text):
        return True
    if text.isascii() or not _is_base(text[0]):
        return False
    return all(_is_base(char) or char in _JOINTS or ord(char) in _TAGS for char in text)


def _is_base(char: str) -> bool:
    return not char.isascii() and (unicodedata.category(char) in _BASES or char in _MORE_BASES)
