"""What one connection may do with which groups: the roles of its token, and what was granted or revoked since.

webpubsub.sendToGroup            any group
webpubsub.sendToGroup.<group>    that group, which may hold dots
webpubsub.sendToGroups.<pattern> `*` within one dot-segment, `**` across, `?` one character, `\\` escapes
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

MAX_ASTERISKS: Final = 5


class Action(Enum):
    SEND = "sendToGroup"
    JOIN_LEAVE = "joinLeaveGroup"


class Permissions:
    """A literal decision outweighs a pattern's, and a pattern's the general one; the latest of a kind holds."""

    __slots__ = ("_any", "_literal", "_patterns")

    def __init__(self, roles: Iterable[str] = ()) -> None:
        self._any: set[Action] = set()
        self._literal: dict[tuple[Action, str], bool] = {}
        self._patterns: list[tuple[Action, re.Pattern[str]]] = []
        for role in roles:
            self._take(role)

    def _take(self, role: str) -> None:
        for action in Action:
            name = f"webpubsub.{action.value}"
            if role == name:
                self._any.add(action)
            elif role.startswith(name + "."):
                self._literal[action, role.removeprefix(name + ".")] = True
            elif role.startswith(name + "s."):
                pattern = compile_pattern(role.removeprefix(name + "s."))
                if pattern is not None:
                    self._patterns.append((action, pattern))

    def allows(self, action: Action, group: str) -> bool:
        literal = self._literal.get((action, group))
        if literal is not None:
            return literal
        return action in self._any or any(a is action and p.fullmatch(group) for a, p in self._patterns)

    def grant(self, action: Action, group: str | None) -> None:
        """For *group*, or for all of them."""
        if group is None:
            self._forget(action)
            self._any.add(action)
        else:
            self._literal[action, group] = True

    def revoke(self, action: Action, group: str | None) -> None:
        if group is None:
            self._forget(action)
            self._any.discard(action)
        else:
            self._literal[action, group] = False

    def has(self, action: Action, group: str | None) -> bool:
        return action in self._any if group is None else self.allows(action, group)

    def _forget(self, action: Action) -> None:
        self._literal = {key: may for key, may in self._literal.items() if key[0] is not action}
        self._patterns = [pair for pair in self._patterns if pair[0] is not action]


def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """None for a pattern that cannot be used: empty, a dangling escape, more than five asterisks."""
    tokens = re.findall(r"\\.|\\$|\*{1,2}|[^\\*]", pattern, flags=re.DOTALL)
    if not tokens or tokens[-1] == "\\" or sum(t.count("*") for t in tokens if t[0] != "\\") > MAX_ASTERISKS:
        return None
    special = {"*": "[^.]*", "**": ".*", "?": "[^.]"}
    return re.compile("".join(special.get(t) or re.escape(t[-1]) for t in tokens), re.DOTALL)
