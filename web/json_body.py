"""JSON from strangers: read strictly, so that what we check is what anyone else would read in it.

Refused, though Python's reader takes them: duplicate keys (RFC 8259 §4 leaves their meaning open; I-JSON, RFC 7493
§2.3, forbids them), `NaN` and infinities, numbers beyond what a double holds exactly (RFC 7493 §2.2), nesting deeper
than `MAX_DEPTH`, lone surrogates. Texts come out NFC-normalised and trimmed, without control characters.
"""

import json
import math
import re
from typing import Any, Final

from domain.kernel.errors import Fault, Invalid
from domain.kernel.text import clean_text

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53 - 1
_MAX_DIGITS: Final = 20
_MAX_SHOWN: Final = 64
_TOKENS: Final = re.compile(rb'(?s)"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


class _Refused(ValueError):
    """What is wrong, as a stable slug and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8, texts as they came. Raises Invalid with one fault at the root."""
    try:
        if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
            raise _Refused("too_deep", f"The JSON is nested more than {MAX_DEPTH} levels deep.")  # noqa: TRY301
        return _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(faults=[Fault("", "invalid_utf8", "The body is not valid UTF-8.")]) from None
    except _Refused as refused:
        raise Invalid(faults=[Fault("", refused.code, refused.message)]) from None
    except ValueError:
        raise Invalid(faults=[Fault("", "invalid_json", "The body is not valid JSON.")]) from None


def _depth(raw: bytes) -> int:
    """How deep brackets nest outside strings: before decoding, so that a bomb costs no stack."""
    depth = deepest = 0
    for match in _TOKENS.finditer(raw):
        match raw[match.start()]:
            case 0x5B | 0x7B:
                depth += 1
                deepest = max(deepest, depth)
            case 0x5D | 0x7D:
                depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Refused("duplicate_key", "A JSON object has the same key twice.")
    return result


def _constant(_: str) -> Any:
    raise _Refused("invalid_number", "NaN and infinities are not JSON numbers.")


def _integer(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS and -MAX_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        return number
    raise _Refused("invalid_number", "A number is larger than 9007199254740991.")


def _real(digits: str) -> float:
    if math.isfinite(number := float(digits)):
        return number
    raise _Refused("invalid_number", "A number is too large.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_real
)

Plan = dict[str, Any]
"""Which texts below an object keep their outer spaces: by member, True for a text, or the plan of what is nested."""


def clean(value: Any, plan: Plan | None, path: str, faults: list[Fault]) -> Any:
    """*value* with every text in it (keys too) normalised and trimmed; what cannot be kept is added to *faults*."""
    kind = type(value)
    if kind is str:
        return clean_string(value, path, faults)
    if kind is dict:
        return _clean_object(value, plan, path, faults)
    if kind is list:
        return [clean(item, plan, f"{path}[{position}]", faults) for position, item in enumerate(value)]
    return value


def _clean_object(value: dict[str, Any], plan: Plan | None, path: str, faults: list[Fault]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        inner = f"{path}.{shown(key)}" if path else shown(key)
        before = len(faults)
        name = key if key.isascii() and key.isidentifier() else clean_string(key, inner, faults)
        if len(faults) > before:
            continue
        if name in result:  # two spellings of one key
            faults.append(Fault(inner, "duplicate_key", "This object has the same key twice."))
        rule = plan.get(name) if plan else None
        if rule is True and type(item) is str:
            result[name] = clean_string(item, inner, faults, trim=False)
        else:
            result[name] = clean(item, rule if type(rule) is dict else None, inner, faults)
    return result


def shown(key: str) -> str:
    """A stranger's key as a part of a path that may be sent back."""
    return key if key.isprintable() and len(key) <= _MAX_SHOWN else ascii(key[:_MAX_SHOWN])[1:-1]


def clean_string(text: str, path: str, faults: list[Fault], *, trim: bool = True) -> str:
    """Cleaned as `domain.kernel.text` says."""
    if text.isascii() and text.isprintable():  # the common case, already NFC
        return text.strip() if trim else text
    try:
        return clean_text(text, trim=trim)
    except ValueError:
        faults.append(Fault(path, "control_character", "Control characters are not allowed."))
        return ""
