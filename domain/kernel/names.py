"""People's names: what is taken for one, and how one is searched.

Almost anything is somebody's name, so little is refused: what nobody can see, and what is made to pass for another.
"""

import re
import unicodedata
from typing import Final

from domain.kernel.accounts import MAX_NAME
from domain.kernel.errors import Invalid

_JOINERS: Final = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners: invisible alone, but Persian and Indic names are misspelt without them."""
_CONFUSABLE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""Scripts whose letters look like each other's: no word of a name has two of them (UTS 39 §5)."""
_PLAIN: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŋ": "n"}
)
"""Letters that do not decompose, as people without them on the keyboard type them."""
_WORD_BREAKS: Final = re.compile(r"[\W_]+")


def clean_name(text: str, *, path: str = "name") -> str:
    """A name on one line, NFC, with single spaces. Raises Invalid, naming *path*."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(unicodedata.category(char)[0] in "LN" for char in name):
        raise Invalid.field(path, "no_letter", "Must have at least one letter.")
    if len(name) > MAX_NAME:
        raise Invalid.field(path, "too_long", f"Must have at most {MAX_NAME} characters.")
    if any(unicodedata.category(char)[0] == "C" and char not in _JOINERS for char in name):
        raise Invalid.field(path, "invisible_character", "Must not have invisible characters.")
    if any(len(_scripts(word) & _CONFUSABLE) > 1 for word in name.split()):
        raise Invalid.field(path, "mixed_scripts", "Must not mix alphabets within a word.")
    return name


def fold(text: str) -> str:
    """Text as it is searched: without case, accents and compatibility forms (`Zoë ŁUKASZ` is `zoe lukasz`)."""
    # Folded between two decompositions: each can make something for the other to take apart.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in apart if not unicodedata.combining(char)).translate(_PLAIN)


def words(text: str) -> list[str]:
    """The folded words of a name or of a search for one: letters and digits, apostrophes dropped (`O'Brien`)."""
    return [word for word in _WORD_BREAKS.split(fold(text.replace("'", "").replace("\u2019", ""))) if word]


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(char, "?").partition(" ")[0] for char in word if char.isalpha()}
