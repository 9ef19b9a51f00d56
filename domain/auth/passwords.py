"""Which passwords are taken: long ones, not the common ones, and no rules of taste.

OWASP ASVS 5.0 §6.2, NIST SP 800-63B-4 §3.1.1.
"""

import unicodedata
from itertools import pairwise
from typing import Final

from domain.auth.ports import CommonPasswords
from domain.kernel.errors import Invalid

MIN_CHARS: Final = 8
MAX_CHARS: Final = 128
"""In code points after normalisation; also what keeps a hash from being fed megabytes."""
PRODUCT_WORDS: Final = ("tools", "toolsinc", "mackchat")
_MIN_WORD: Final = 3
_MIN_REST: Final = 6
"""What must be left of a password without the words anyone would try for this person."""
_LOOKS: Final = str.maketrans("013457@$!", "oleasta" + "si")


def normal_password(password: str) -> str:
    """The form that is hashed: NFKC (SP 800-63B §3.1.1.2), so that every keyboard types the same one. Not trimmed."""
    return unicodedata.normalize("NFKC", password)


def clean_password(password: str, common: CommonPasswords, *, about: tuple[str, ...], path: str) -> str:
    """The password to hash. *about* is what is known of the person: name, local part of the address.

    Raises Invalid, naming *path*.
    """
    password = check_length(password, path=path)
    if _is_common(password.casefold(), common):
        raise Invalid.field(path, "common_password", "This password is among those that are tried first.")
    if _is_derived(password.casefold(), about):
        raise Invalid.field(path, "derived_password", "Use a password that has nothing to do with you or with us.")
    return password


def check_length(password: str, *, path: str = "password") -> str:
    """The password in its normal form, 8 to 128 code points of it. Raises Invalid, naming *path*."""
    password = normal_password(password)
    if len(password) < MIN_CHARS:
        raise Invalid.field(path, "too_short", f"Use at least {MIN_CHARS} characters.")
    if len(password) > MAX_CHARS:
        raise Invalid.field(path, "too_long", f"Use at most {MAX_CHARS} characters.")
    return password


def _is_common(password: str, common: CommonPasswords) -> bool:
    """Itself, without what people append to it (`sunshine2024!`), in look-alikes (`p@ssw0rd`), or a mere pattern."""
    stem = password.rstrip("0123456789!?.,#*$_-+@ ")
    spellings = {password, stem, stem.translate(_LOOKS), password.translate(_LOOKS)}
    return _is_pattern(password) or any(common.is_common(spelling) for spelling in spellings)


def _is_pattern(password: str) -> bool:
    """`aaaaaaaa`, `abcabcabc`, `12345678`, `hgfedcba`: one short unit over and over, or a run."""
    if any(password == (password[:size] * len(password))[: len(password)] for size in range(1, 5)):
        return True
    steps = {ord(after) - ord(before) for before, after in pairwise(password)}
    return len(steps) == 1


def _is_derived(password: str, about: tuple[str, ...]) -> bool:
    """Little is left without the words of name, address and product."""
    plain = _letters(password)
    rest = plain
    for word in sorted(_words(about), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != plain and len(rest) < _MIN_REST


def _words(about: tuple[str, ...]) -> set[str]:
    words = set(PRODUCT_WORDS)
    for text in about:
        folded = unicodedata.normalize("NFKC", text).casefold()
        words.add(_letters(folded))
        words.update("".join(char if char.isalnum() else " " for char in folded).split())
    return {word for word in words if len(word) >= _MIN_WORD}


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())
