"""Mentions: whom a text speaks to by `@name`.  Pure.

- A name is a participant's whole name as their profile has it. Case does not count, nor how many spaces there are.
- The longest name that fits is meant: with `Ada` and `Ada Lovelace` in the room, `@Ada Lovelace` is the latter.
- Two people of one name are both meant. Nobody can tell from the text which, and to miss the one is worse.
- An `@` within a word begins no mention (`ada@example.org`), and a name ends where its word does (`@Adam` is not Ada).
- `@all`, in a group, by its admins: everybody. From anybody else it is plain text.
- Whoever writes is never told of it. What names nobody here is plain text.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from domain.chat.model import Member

MAX_LOOKED_AT: Final = 50
"""How many `@` of one text are looked at: more is no message to anybody."""

EVERYBODY: Final = "all"

_BEGINS: Final = re.compile(r"(?<![\w@])@(?=\w)")
_SPACES: Final = re.compile(r"[^\S\n]+")
_GOES_ON: Final = re.compile(r"\w|[-.]\w")


def may_mention(text: str) -> bool:
    """Whether it takes the participants' names to tell whom *text* mentions."""
    return _BEGINS.search(text) is not None


def find_mentioned(text: str, *, sender_id: str, members: Sequence[Member], is_group: bool) -> tuple[str, ...]:
    """The ids of those whom *text* mentions, in the order in which it does."""
    bearers: dict[str, list[str]] = {}
    for member in members:
        if member.name:
            bearers.setdefault(_folded(member.name), []).append(member.user_id)
    leads = any(member.user_id == sender_id and member.role == "admin" for member in members)
    if is_group and leads:
        bearers[EVERYBODY] = [member.user_id for member in members]
    lengths = sorted({len(name) for name in bearers}, reverse=True)
    said = _folded(text)
    found: dict[str, None] = {}
    for position in [match.end() for match in _BEGINS.finditer(said)][:MAX_LOOKED_AT]:
        ends = (position + length for length in lengths)
        fitting = next((said[position:end] for end in ends if said[position:end] in bearers and _ends(said, end)), None)
        if fitting is not None:
            found |= dict.fromkeys(bearers[fitting])
    found.pop(sender_id, None)
    return tuple(found)


def _folded(text: str) -> str:
    return _SPACES.sub(" ", unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()))


def _ends(said: str, end: int) -> bool:
    """Whether a word can end there: vowel signs of Indic scripts are marks, which `\\w` leaves out."""
    return _GOES_ON.match(said, end) is None and not unicodedata.category(said[end : end + 1] or " ").startswith("M")
