"""The names the protocol speaks of, and what they may be."""

import re

MAX_GROUP = 1024

_HUB = re.compile(r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}")
_EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")


def is_hub(name: str) -> bool:
    return _HUB.fullmatch(name) is not None


def is_group(name: str) -> bool:
    """1 to 1024 characters, not white space alone, case-sensitive."""
    return 0 < len(name) <= MAX_GROUP and not name.isspace()


def is_event(name: str) -> bool:
    return _EVENT.fullmatch(name) is not None
