"""The `filter` parameter: an OData expression about a connection, parsed and type-checked before anything is sent.

    or       := and ("or" and)*
    and      := compare ("and" compare)*
    compare  := not (("eq" | "ne" | "gt" | "ge" | "lt" | "le") not | "in" ("(" not, ... ")" | not))?
    not      := "not" not | value                  # binds tighter than a comparison
    value    := literal | identifier | function "(" or, ... ")" | "(" or ")"

Null: a predicate of text is false on it, ordering too, `length(null)` is null. Names of identifiers are
case-insensitive, values are not.
"""

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NoReturn

from devhost.webpubsub.filter_values import FUNCTIONS, IDENTIFIERS, LITERALS, Read, Subject, Type, Value, is_a

MAX_DEPTH: Final = 64
MAX_CHARS: Final = 16 * 1024
_TOKEN: Final = re.compile(r"\s*(?:('(?:[^']|'')*')|(-?[0-9]+)(?![A-Za-z_])|([A-Za-z_][A-Za-z0-9_]*)|([(),]))")
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_WORDS: Final = {"eq", "ne", "in", "and", "or", "not", *_ORDER}
_INT64: Final = 2**63


class BadFilter(ValueError):
    """The text says what is wrong, for whoever wrote the filter."""


@lru_cache(maxsize=256)
def compile_filter(expression: str) -> Callable[[Subject], bool]:
    """Whether a connection is meant. Raises BadFilter."""
    parser = _Parser(expression)
    value = parser.disjunction()
    parser.end()
    if value.type is not Type.TRUTH:
        raise BadFilter(f"the expression is {value.type.value}, not a boolean.")
    return value.read


class _Parser:
    def __init__(self, expression: str) -> None:
        if len(expression) > MAX_CHARS:
            raise BadFilter("the expression is too long.")
        self._tokens = _tokens(expression)
        self._at = 0
        self._depth = 0

    # -- tokens ---------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _accept(self, *words: str) -> str:
        """The next token, taken, if it is one of *words*; else nothing."""
        token = self._next
        if token in words:
            self._at += 1
            return token
        return ""

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            self._fail(f"'{word}' is expected")

    def _fail(self, what: str) -> NoReturn:
        found = f"'{self._next}' is there" if self._next else "the expression ends"
        raise BadFilter(f"{what}, but {found}.")

    def end(self) -> None:
        if self._next:
            self._fail("the expression should end")

    # -- grammar --------------------------------------------------------------------------------------------------

    def disjunction(self) -> Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadFilter("the expression is nested too deeply.")
        value = self._joined("or", self._conjunction, any)
        self._depth -= 1
        return value

    def _conjunction(self) -> Value:
        return self._joined("and", self._comparison, all)

    def _joined(self, word: str, part: Callable[[], Value], of: Callable[[Any], bool]) -> Value:
        first = part()
        if self._next != word:
            return first
        reads = [_truth(first, word)]
        while self._accept(word):
            reads.append(_truth(part(), word))
        return Value(Type.TRUTH, lambda c: of(read(c) for read in reads))

    def _comparison(self) -> Value:
        left = self._negation()
        word = self._accept("eq", "ne", "in", *_ORDER)
        if not word:
            return left
        if word == "in":
            return self._membership(left)
        right = self._negation()
        if word in _ORDER:
            return _ordered(word, left, right)
        return _equal(word, left, right)

    def _membership(self, left: Value) -> Value:
        if self._accept("("):
            options = [self._negation()]
            while self._accept(","):
                options.append(self._negation())
            self._expect(")")
            reads = [_same(left, option, "in").read for option in options]
            return Value(Type.TRUTH, lambda c: left.read(c) in [read(c) for read in reads])
        right = self._negation()
        if right.type is not Type.TEXTS or not is_a(left, Type.TEXT):
            raise BadFilter(f"{left.type.value} cannot be 'in' {right.type.value}.")
        return Value(Type.TRUTH, lambda c: left.read(c) in right.read(c))

    def _negation(self) -> Value:
        if not self._accept("not"):
            return self._value()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadFilter("the expression is nested too deeply.")
        read = _truth(self._negation(), "not")
        self._depth -= 1
        return Value(Type.TRUTH, lambda c: not read(c))

    def _value(self) -> Value:
        token = self._next
        if not token or token in _WORDS:
            self._fail("a value is expected")
        self._at += 1
        if token == "(":  # noqa: S105 - a parenthesis
            inner = self.disjunction()
            self._expect(")")
            return inner
        if token[0] == "'":
            text = token[1:-1].replace("''", "'")
            return Value(Type.TEXT, lambda _: text)
        if token[0] in "-0123456789":
            return _number(token)
        if self._next == "(":
            return self._call(token)
        value = LITERALS.get(token) or IDENTIFIERS.get(token.lower())
        if value is None:
            raise BadFilter(f"'{token}' is not known.")
        return value

    def _call(self, name: str) -> Value:
        function = FUNCTIONS.get(name)
        if function is None:
            raise BadFilter(f"the function '{name}' is not known.")
        self._expect("(")
        arguments = [self.disjunction()]
        while self._accept(","):
            arguments.append(self.disjunction())
        self._expect(")")
        most = len(function.takes)
        if not most - function.optional <= len(arguments) <= most:
            raise BadFilter(f"'{name}' takes {most} arguments, not {len(arguments)}.")
        for argument, types in zip(arguments, function.takes, strict=False):
            if not is_a(argument, *types):
                raise BadFilter(f"'{name}' does not take {argument.type.value}.")
        reads = [argument.read for argument in arguments]

        def read(connection: Subject) -> Any:
            values = [one(connection) for one in reads]
            return function.of_null if None in values else function.apply(*values)

        return Value(function.gives, read)


def _tokens(expression: str) -> list[str]:
    tokens = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadFilter(f"character {at + 1} is not understood.")
        tokens.append(match.group().lstrip())
        at = match.end()
    return tokens


def _number(token: str) -> Value:
    number = int(token) if len(token) <= len(str(-_INT64)) else _INT64
    if not -_INT64 <= number < _INT64:
        raise BadFilter(f"{token} is too large.")
    return Value(Type.WHOLE, lambda _: number)


def _truth(value: Value, word: str) -> Read:
    if value.type is not Type.TRUTH:
        raise BadFilter(f"'{word}' takes booleans, not {value.type.value}.")
    return value.read


def _same(left: Value, right: Value, word: str) -> Value:
    """*right*, if it can be compared with *left*."""
    comparable = left.type is right.type or Type.NULL in (left.type, right.type)
    if not comparable or Type.TEXTS in (left.type, right.type):
        raise BadFilter(f"'{word}' does not compare {left.type.value} with {right.type.value}.")
    return right


def _equal(word: str, left: Value, right: Value) -> Value:
    _same(left, right, word)
    if word == "eq":
        return Value(Type.TRUTH, lambda c: left.read(c) == right.read(c))
    return Value(Type.TRUTH, lambda c: left.read(c) != right.read(c))


def _ordered(word: str, left: Value, right: Value) -> Value:
    if not (is_a(left, Type.WHOLE) and is_a(right, Type.WHOLE)):
        raise BadFilter(f"'{word}' orders integers, not {left.type.value} and {right.type.value}.")
    compare = _ORDER[word]

    def read(connection: Subject) -> bool:
        a, b = left.read(connection), right.read(connection)
        return a is not None and b is not None and compare(a, b)

    return Value(Type.TRUTH, read)
