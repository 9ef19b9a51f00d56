"""The typed values of a filter, and its functions."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol


class Subject(Protocol):
    """What a filter is about."""

    id: str
    user_id: str | None
    groups: set[str]

    @property
    def protocol(self) -> str | None: ...


class Type(Enum):
    TEXT = "a string"
    WHOLE = "an integer"
    TRUTH = "a boolean"
    NULL = "null"
    TEXTS = "a collection"


Read = Callable[[Subject], Any]


class Value(NamedTuple):
    """An expression whose type is known; *read* gives what it is for one connection, None for null."""

    type: Type
    read: Read


def is_a(value: Value, *types: Type) -> bool:
    """Null may stand wherever text or a number may."""
    return value.type in types or (value.type is Type.NULL and types not in ((Type.TRUTH,), (Type.TEXTS,)))


IDENTIFIERS: Final[dict[str, Value]] = {
    "userid": Value(Type.TEXT, lambda c: c.user_id),
    "connectionid": Value(Type.TEXT, lambda c: c.id),
    "protocol": Value(Type.TEXT, lambda c: c.protocol),
    "groups": Value(Type.TEXTS, lambda c: c.groups),
}
LITERALS: Final[dict[str, Value]] = {
    "true": Value(Type.TRUTH, lambda _: True),
    "false": Value(Type.TRUTH, lambda _: False),
    "null": Value(Type.NULL, lambda _: None),
}


class Function(NamedTuple):
    takes: tuple[tuple[Type, ...], ...]
    """The types each argument may have."""
    optional: int
    """How many of the last arguments may be left out."""
    gives: Type
    apply: Callable[..., Any]
    of_null: Any = None
    """The result where an argument is null."""


def _substring(text: str, start: int, length: int | None = None) -> str:
    start = max(start, 0)
    return text[start:] if length is None else text[start : start + max(length, 0)]


def _length(value: str | AbstractSet[str]) -> int:
    return len(value)


_T: Final = (Type.TEXT,)
_N: Final = (Type.WHOLE,)
FUNCTIONS: Final[dict[str, Function]] = {
    "tolower": Function((_T,), 0, Type.TEXT, str.lower),
    "toupper": Function((_T,), 0, Type.TEXT, str.upper),
    "trim": Function((_T,), 0, Type.TEXT, str.strip),
    "substring": Function((_T, _N, _N), 1, Type.TEXT, _substring),
    "concat": Function((_T, _T), 0, Type.TEXT, lambda a, b: a + b),
    "startswith": Function((_T, _T), 0, Type.TRUTH, str.startswith, of_null=False),
    "endswith": Function((_T, _T), 0, Type.TRUTH, str.endswith, of_null=False),
    "contains": Function((_T, _T), 0, Type.TRUTH, lambda text, part: part in text, of_null=False),
    "indexof": Function((_T, _T), 0, Type.WHOLE, str.find),
    "length": Function(((Type.TEXT, Type.TEXTS),), 0, Type.WHOLE, _length),
}
