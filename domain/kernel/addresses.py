"""E-mail addresses: what is taken for one, and when two are the same.

Two spellings that reach one mailbox, or that a person could take for one another, must not become two accounts. So
uniqueness is decided on a canonical form (NFKC, case-folded local part, lower-case A-label domain), and what could
pass for another address is refused: control and invisible characters, mixed scripts, look-alike letters.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from domain.kernel.errors import Invalid

MAX_ADDRESS_OCTETS: Final = 254
"""RFC 5321 §4.5.3.1.3: a path is 256 octets, two of them angle brackets."""
MAX_LOCAL_OCTETS: Final = 64
"""RFC 5321 §4.5.3.1.1."""

_LOCAL_ASCII: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.")
"""RFC 5321 `dot-string`. Quoted local parts are refused: nobody who types one is a learner."""
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

_LATIN_BESIDES_ASCII: Final = frozenset("ßæœøłđðþħŋÆŒØŁĐÐÞĦŊ")
"""Letters of living languages that do not decompose to ASCII. Others (dotless i, the IPA alpha) pass for ASCII ones."""
_WITH_LATIN: Final = frozenset(
    {
        *("ARABIC", "BENGALI", "BOPOMOFO", "CJK", "DEVANAGARI", "ETHIOPIC", "GEORGIAN", "GUJARATI", "GURMUKHI"),
        *("HANGUL", "HEBREW", "HIRAGANA", "KANNADA", "KATAKANA", "KHMER", "LAO", "MALAYALAM", "MYANMAR"),
        *("ORIYA", "SINHALA", "TAMIL", "TELUGU", "THAANA", "THAI", "TIBETAN"),
    }
)
"""Scripts that may stand beside Latin: UTS 39 §5.2, "moderately restrictive", less Armenian. Never Greek, Cyrillic."""
NO_SCRIPT: Final = ""
_JAPANESE: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA"})


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """*text* is where mail goes; *key* (SHA-256 of the canonical form, in hex) is what names it in the store."""

    text: str = field(repr=False)
    canonical: str = field(repr=False)
    key: str

    @property
    def local(self) -> str:
        """The canonical local part, for passwords that must not contain it."""
        return self.canonical.rpartition("@")[0]


def clean_email(text: str, *, path: str = "email") -> EmailAddress:
    """Read an address that somebody typed. Raises Invalid, naming *path*, and never repeating the address."""
    fault = Invalid.field(path, "email", "This is not an e-mail address we can use.")
    local, at, typed_domain = unicodedata.normalize("NFKC", text).strip().rpartition("@")
    domain = _ascii_domain(typed_domain.casefold())
    if not at or domain is None or not _is_local(local) or not _is_honest(local, domain):
        raise fault
    text = f"{local}@{domain}"
    if len(text.encode()) > MAX_ADDRESS_OCTETS:
        raise fault
    # Folding can undo the normal form (`İ`), so it is made again.
    canonical = f"{unicodedata.normalize('NFKC', local.casefold())}@{domain}"
    return EmailAddress(text, canonical, hashlib.sha256(canonical.encode()).hexdigest())


def _is_local(local: str) -> bool:
    if not local or local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    if any(char.isascii() and char not in _LOCAL_ASCII for char in local):
        return False
    return len(local.encode(errors="surrogatepass")) <= MAX_LOCAL_OCTETS


def _ascii_domain(domain: str) -> str | None:
    """The domain as A-labels (RFC 5891), or None. At least two labels, and the last not a number: no addresses."""
    if not domain.isascii():
        import idna  # for the few that need it: its tables take 10 ms to load

        try:
            domain = idna.encode(domain, uts46=True, std3_rules=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    labels = domain.split(".")
    if len(labels) < 2 or labels[-1].isdigit():  # noqa: PLR2004 - a host and what it belongs to
        return None
    return domain if all(_LABEL.fullmatch(label) for label in labels) else None


def _is_honest(local: str, domain: str) -> bool:
    """Whether no part passes for another: each has one script, and look-alike letters come with their own domain."""
    readable = _readable(domain)
    if readable is None:
        return False
    of_local, *of_labels = (_scripts(part) for part in (local, *readable.split(".")))
    if not all(_may_mix(scripts) for scripts in (of_local, *of_labels)):
        return False
    return of_local - _WITH_LATIN - {"LATIN"} <= set().union(*of_labels)


def _readable(domain: str) -> str | None:
    """The domain as people read it, however it was typed; None for a label that encoding cannot give."""
    if "xn--" not in domain:
        return domain
    import idna

    try:
        return idna.decode(domain, std3_rules=True)
    except (idna.IDNAError, UnicodeError):
        return None


def _scripts(part: str) -> set[str]:
    """The scripts of the letters in *part*, with NO_SCRIPT among them for what has no place in an address."""
    return {
        "LATIN" if char.isascii() else _script(char) or NO_SCRIPT
        for char in part
        if char.isalpha() or not char.isascii()
    }


def _may_mix(scripts: set[str]) -> bool:
    others = scripts - {"LATIN"}
    if NO_SCRIPT in others:
        return False
    if len(others) > 1:
        return others <= _JAPANESE or others in ({"CJK", "HANGUL"}, {"CJK", "BOPOMOFO"})
    return "LATIN" not in scripts or others <= _WITH_LATIN


def _script(char: str) -> str | None:
    """The script of a letter or of a script's own mark, by its name; None for all that has no place in an address."""
    if unicodedata.category(char) not in {"Lu", "Ll", "Lo", "Lm", "Mn", "Mc"}:
        return None
    script = unicodedata.name(char, "?").partition(" ")[0]
    if script == "LATIN":
        plain = unicodedata.normalize("NFD", char)[0]
        return script if plain.isascii() or char in _LATIN_BESIDES_ASCII else None
    return None if script in {"?", "COMBINING", "MODIFIER", "FULLWIDTH"} else script
