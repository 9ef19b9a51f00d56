"""Items and changes as the SDK of Cosmos DB takes and gives them. Pure."""

from typing import Any, Final

from azure.core import MatchConditions

from domain.kernel.documents import Create, Delete, Operation, Patch, Replace, Stored, Upsert

_SYSTEM_MEMBERS: Final = ("_rid", "_self", "_etag", "_attachments", "_ts")


def stored(item: Any) -> Stored:
    plain = dict(item)
    etag = plain["_etag"]
    for member in _SYSTEM_MEMBERS:
        plain.pop(member, None)
    return Stored(plain, etag)


def condition(if_match: str | None) -> dict[str, Any]:
    return {} if if_match is None else {"etag": if_match, "match_condition": MatchConditions.IfNotModified}


def changes(change: Patch) -> list[dict[str, Any]]:
    """At most ten, which the service takes at once."""
    steps: list[dict[str, Any]] = [
        {"op": "incr", "path": _pointer(path), "value": amount} for path, amount in change.incr.items()
    ]
    steps += [{"op": "set", "path": _pointer(path), "value": value} for path, value in change.set.items()]
    for path in change.remove:  # set first: the service refuses to remove what is absent
        pointer = _pointer(path)
        steps += [{"op": "set", "path": pointer, "value": None}, {"op": "remove", "path": pointer}]
    return steps


def _pointer(path: str) -> str:
    """RFC 6901; our paths have no slash within a member's name."""
    return "/" + path.replace("~", "~0")


def batched(operation: Operation) -> tuple[Any, ...]:
    match operation:
        case Create(item):
            return "create", (item,)
        case Upsert(item):
            return "upsert", (item,)
        case Replace(item, if_match):
            return "replace", (item["id"], item), _batch_condition(if_match)
        case Patch():
            return "patch", (operation.id, changes(operation)), _batch_condition(operation.if_match)
        case Delete(item_id, if_match):
            return "delete", (item_id,), _batch_condition(if_match)


def _batch_condition(if_match: str | None) -> dict[str, Any]:
    return {} if if_match is None else {"if_match_etag": if_match}
