"""Bodies and query strings against msgspec structs, with every bad field named.

The struct is converted in one go; only when that fails (msgspec stops at the first fault) is it checked again, field
by field. Paths are those of the JSON: `participant.name`, `services[2]`.
"""

import types
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

from domain.kernel.clock import from_iso
from domain.kernel.errors import Fault, Invalid
from web.bodies import CHECK, VERBATIM
from web.json_body import Plan, clean, clean_string, read_json, shown

_SEQUENCES: Final = (list, tuple, set, frozenset)
_CODES: Final[tuple[tuple[str, str, str], ...]] = (
    # what msgspec says, our code, our sentence; *{}* is the number in msgspec's
    ("Expected `str` of length >= ", "too_short", "Must have at least {} characters."),
    ("Expected `str` of length <= ", "too_long", "Must have at most {} characters."),
    ("Expected `array` of length >= ", "too_few", "Must have at least {} entries."),
    ("Expected `array` of length <= ", "too_many", "Must have at most {} entries."),
    ("Expected `object` of length >= ", "too_few", "Must have at least {} entries."),
    ("Expected `object` of length <= ", "too_many", "Must have at most {} entries."),
    ("Expected `int` >= ", "too_small", "Must be at least {}."),
    ("Expected `int` <= ", "too_large", "Must be at most {}."),
    ("Expected `int` > ", "too_small", "Must be greater than {}."),
    ("Expected `int` < ", "too_large", "Must be less than {}."),
    ("Expected `float` >= ", "too_small", "Must be at least {}."),
    ("Expected `float` <= ", "too_large", "Must be at most {}."),
    ("Expected `str` matching regex", "format", "Is not in the expected format."),
    ("Invalid ", "choice", "Is not one of the values allowed here."),
)
_NAMES: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "an ISO 8601 time",
    "date": "an ISO 8601 date",
}


def body_reader(kind: type[Any]) -> Callable[[bytes], Any]:
    """How bodies of *kind* are read. An empty body is an object without members. Raises Invalid."""
    nested = _plan(kind)
    plan = nested if isinstance(nested, dict) else None

    def read(raw: bytes) -> Any:
        value = read_json(raw) if raw else {}
        faults: list[Fault] = []
        result = None
        value = clean(value, plan, "", faults)
        try:
            result = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            _explain(error, value, kind, faults, strict=True)
        if faults:
            raise Invalid(faults=faults)
        return result

    return read


def query_reader(kind: type[Any]) -> Callable[[Mapping[str, str]], Any]:
    """How query strings of *kind* are read. Raises Invalid. Parameters the struct does not know are ignored."""
    fields = {field.encode_name: _takes_list(field.type) for field in msgspec.structs.fields(kind)}
    lower = {name.lower(): name for name in fields}  # the host compares the names of parameters without case

    def read(params: Mapping[str, str]) -> Any:
        faults: list[Fault] = []
        result = None
        values: dict[str, Any] = {}
        for given, text in params.items():
            name = given if given in fields else lower.get(given.lower())
            if name is None:
                continue
            value = clean_string(text, name, faults)
            values[name] = [part.strip() for part in value.split(",") if part.strip()] if fields[name] else value
        try:
            result = msgspec.convert(values, kind, strict=False)
        except msgspec.ValidationError as error:
            _explain(error, values, kind, faults, strict=False)
        if faults:
            raise Invalid(faults=faults)
        return result

    return read


def read_moment(text: str, path: str) -> datetime:
    """An aware ISO 8601 time that came as text. Raises Invalid, naming *path*."""
    try:
        return from_iso(text)
    except (ValueError, OverflowError):  # in UTC, the first and the last day there is may be out of the calendar
        raise Invalid.field(path, "format", "Must be an ISO 8601 time with its zone.") from None


def _explain(error: msgspec.ValidationError, value: Any, kind: Any, faults: list[Fault], *, strict: bool) -> None:
    """Add every fault of *value* that is not named yet, at least one."""
    known = {fault.path for fault in faults}
    found = [fault for fault in find_faults(value, kind, "", strict=strict) if fault.path not in known]
    if not found and not faults:
        found = [_fault("", str(error))]
    faults.extend(found)


def find_faults(value: Any, kind: Any, path: str, *, strict: bool) -> list[Fault]:
    """Everything about *value* that is not as *kind* wants it."""
    kind, metas = _bare(kind)
    if _is_struct(kind):
        return _struct_faults(value, kind, path, strict=strict)
    origin = get_origin(kind)
    if origin in _SEQUENCES and type(value) is list:
        (item, *_rest) = get_args(kind)
        faults = [
            fault
            for position, each in enumerate(value)
            for fault in find_faults(each, item, f"{path}[{position}]", strict=strict)
        ]
        return faults or _leaf_faults(value, Annotated[kind, *metas] if metas else kind, path, strict=strict)
    if origin is dict and type(value) is dict:
        faults = [
            fault
            for key, each in value.items()
            for fault in find_faults(each, get_args(kind)[1], _join(path, key), strict=strict)
        ]
        return faults or _leaf_faults(value, Annotated[kind, *metas] if metas else kind, path, strict=strict)
    if origin in {Union, types.UnionType}:
        nested = [option for option in get_args(kind) if _may_hold(_bare(option)[0], value)]
        if len(nested) == 1:  # of several, who knows which was meant
            return find_faults(value, nested[0], path, strict=strict)
    return _leaf_faults(value, Annotated[kind, *metas] if metas else kind, path, strict=strict)


def _struct_faults(value: Any, kind: type[Any], path: str, *, strict: bool) -> list[Fault]:
    if type(value) is not dict:
        return [Fault(path, "type", "Must be an object.")]
    faults: list[Fault] = []
    known = set()
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        known.add(name)
        inner = _join(path, name)
        if name in value:
            faults += find_faults(value[name], field.type, inner, strict=strict)
        elif field.required:
            faults.append(Fault(inner, "required", "Is missing."))
    if kind.__struct_config__.forbid_unknown_fields:
        faults += [
            Fault(_join(path, name), "unknown_field", "Is not a field here.") for name in value if name not in known
        ]
    return faults or _leaf_faults(value, kind, path, strict=strict)


def _leaf_faults(value: Any, kind: Any, path: str, *, strict: bool) -> list[Fault]:
    try:
        msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        return [_fault(path, str(error))]
    try:
        for check in _checks(kind):
            check(value)
    except Invalid as error:
        return [Fault(path, fault.code, fault.message) for fault in error.faults]
    return []


def _checks(kind: Any) -> list[Callable[[Any], object]]:
    """The domain's rules for a value of this type."""
    extras = (meta.extra or {} for meta in _bare(kind)[1] if isinstance(meta, msgspec.Meta))
    return [extra[CHECK] for extra in extras if CHECK in extra]


def _fault(path: str, said: str) -> Fault:
    said = said.partition(" - at `")[0]
    for start, code, sentence in _CODES:
        if said.startswith(start):
            return Fault(path, code, sentence.format(said[len(start) :]))
    if said.startswith("Expected `"):
        names = said.split("`")[1].split(" | ")
        return Fault(path, "type", f"Must be {' or '.join(_NAMES.get(name, name) for name in names)}.")
    return Fault(path, "invalid", said if said.endswith(".") else f"{said}.")


def _join(path: str, name: str) -> str:
    return f"{path}.{shown(name)}" if path else shown(name)


def _may_hold(kind: Any, value: Any) -> bool:
    return (type(value) is dict and _is_struct(kind)) or (type(value) is list and get_origin(kind) in _SEQUENCES)


def _is_struct(kind: Any) -> bool:
    return isinstance(get_origin(kind) or kind, type) and issubclass(get_origin(kind) or kind, msgspec.Struct)


def _bare(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its `Annotated`, and what was annotated."""
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        return inner, tuple(metas)
    return kind, ()


def _takes_list(kind: Any) -> bool:
    bare, _ = _bare(kind)
    if get_origin(bare) in {Union, types.UnionType}:
        return any(_takes_list(option) for option in get_args(bare))
    return (get_origin(bare) or bare) in _SEQUENCES


def _plan(kind: Any) -> Plan | bool | None:
    """Where below *kind* texts keep their outer spaces: True is here, None nowhere."""
    bare, metas = _bare(kind)
    if any(isinstance(meta, msgspec.Meta) and (meta.extra or {}).get(VERBATIM) for meta in metas):
        return True
    if _is_struct(bare):
        plans = {field.encode_name: _plan(field.type) for field in msgspec.structs.fields(bare)}
        return {name: plan for name, plan in plans.items() if plan is not None} or None
    return next((plan for plan in map(_plan, get_args(bare)) if plan is not None), None)
