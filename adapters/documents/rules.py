"""What both document stores refuse, so that what passes here passes in Azure.

Limits are those of Azure Cosmos DB for NoSQL ("Azure Cosmos DB service quotas"). A caller that breaks one by mistake
gets ValueError, which the edge turns into a bare 500; what a user can cause has an error of its own.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from domain.kernel.containers import Container
from domain.kernel.documents import (
    MAX_BATCH_OPERATIONS,
    MAX_ITEM_BYTES,
    Create,
    Item,
    ItemNotFound,
    ItemTooLarge,
    Operation,
    Patch,
    Query,
    Replace,
    Upsert,
)

MAX_ID_BYTES: Final = 1023
MAX_PK_BYTES: Final = 2048
MAX_PATCH_CHANGES: Final = 10
MAX_QUERY_LIMIT: Final = 1000
MAX_FIND_MANY: Final = 1000
MAX_TTL_SECONDS: Final = 2**31 - 1

_ID = re.compile(r"[^/\\?#\x00-\x1f]+")
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The standard library's encoder and not msgspec's: it refuses dates, bytes and NaN, as the service would.
encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def is_key(pk: str, item_id: str) -> bool:
    """Could an item have this key? One that could not is simply absent: it may come from a URL."""
    try:
        return (
            _ID.fullmatch(item_id) is not None
            and len(pk) > 0
            and len(item_id.encode()) <= MAX_ID_BYTES
            and len(pk.encode()) <= MAX_PK_BYTES
        )
    except UnicodeEncodeError:  # a lone surrogate
        return False


def check_key(pk: str, item_id: str) -> None:
    """Raises ItemNotFound for a key that no item can have."""
    if not is_key(pk, item_id):
        raise ItemNotFound


def encode_item(item: Item, *, pk: str | None = None) -> str:
    """The item as JSON text. Raises ItemTooLarge; ValueError for a bad key, ttl or value, or another partition."""
    if not is_key(item["pk"], item["id"]):
        raise ValueError("an item's pk or id is empty, too long, or has / \\ ? # in it")
    if pk is not None and item["pk"] != pk:
        raise ValueError("an item of another partition")
    check_ttl(item)
    try:
        text = encode_json(item)
    except TypeError as error:
        raise ValueError("an item holds what JSON cannot") from error
    if _utf8_bytes(text) > MAX_ITEM_BYTES:
        raise ItemTooLarge
    return text


def check_ttl(item: Item) -> None:
    ttl = item.get("ttl", -1)
    if type(ttl) is not int or not (ttl == -1 or 0 < ttl <= MAX_TTL_SECONDS):
        raise ValueError("ttl is whole seconds from 1, or -1 for never")


def check_batch(pk: str, operations: Sequence[Operation]) -> list[str | None]:
    """The JSON text of each operation's item (None where it has none).

    Raises ItemTooLarge; ItemNotFound for an id that no item can have; ValueError for too many operations, or one that
    could not be done in *pk*.
    """
    if len(operations) > MAX_BATCH_OPERATIONS:
        raise ValueError(f"a batch has at most {MAX_BATCH_OPERATIONS} operations")
    texts: list[str | None] = []
    for index, operation in enumerate(operations):
        if isinstance(operation, Create | Upsert | Replace):
            texts.append(encode_item(operation.item, pk=pk))
            continue
        if isinstance(operation, Patch):
            check_patch(operation)
        if not is_key(pk, operation.id):
            absent = ItemNotFound()
            absent.operation_index = index
            raise absent
        texts.append(None)
    if sum(_utf8_bytes(text) for text in texts if text) > MAX_ITEM_BYTES:
        raise ItemTooLarge
    return texts


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def check_patch(change: Patch) -> None:
    # A removal is sent as two changes: Cosmos DB refuses to remove what is absent, so it is set first.
    changes = len(change.incr) + len(change.set) + 2 * len(change.remove)
    if not 0 < changes <= MAX_PATCH_CHANGES:
        raise ValueError(f"a patch has 1 to {MAX_PATCH_CHANGES} changes; a removal counts twice")
    for path in (*change.incr, *change.set, *change.remove):
        segments = path.split("/")
        if not all(segments) or path in {"id", "pk"}:
            raise ValueError("a patch's path is empty, or part of the key")
    if any(type(amount) is not int for amount in change.incr.values()):
        raise ValueError("incr adds whole numbers")


def check_find_many(keys: Sequence[tuple[str, str]]) -> None:
    if len(keys) > MAX_FIND_MANY:
        raise ValueError(f"at most {MAX_FIND_MANY} items are read at once")


def check_query(container: Container, query: Query, *, everywhere: bool = False) -> None:
    """Raises ValueError; among others for an order that has no index, which the service refuses."""
    if everywhere:
        orders = {"id", *container.swept}
    else:
        orders = {"id", *container.indexed, *(order for _, order in container.composites)}
    if query.order not in orders:  # declare the member in domain/kernel/containers.py
        raise ValueError(f"{container.name} has no index to order by {query.order}")
    if not 1 <= query.limit <= MAX_QUERY_LIMIT:
        raise ValueError(f"a query's limit is 1 to {MAX_QUERY_LIMIT}")
    for member in (query.order, *query.eq, *query.contains):
        if not _MEMBER.fullmatch(member):
            raise ValueError("a query names top-level members: letters, digits, underscore")
    for bound in (query.above, query.below):
        if isinstance(bound, bool):
            raise ValueError("a bound is a text or a number")  # noqa: TRY004 - one kind of error for all rules


def patched(item: Item, change: Patch) -> Item:
    """A copy of *item* with *change* made. Raises ValueError for a path into nothing, or incr of no number."""
    result: Item = json.loads(encode_json(item)) if _is_deep(change) else dict(item)
    for path, amount in change.incr.items():
        parent, name = _parent(result, path)
        before = parent.get(name, 0)
        if isinstance(before, bool) or not isinstance(before, int | float):
            raise ValueError("incr of a member that is no number")  # noqa: TRY004 - as above
        parent[name] = before + amount
    for path, value in change.set.items():
        parent, name = _parent(result, path)
        parent[name] = value
    for path in change.remove:
        parent, name = _parent(result, path)
        parent.pop(name, None)
    return result


def _is_deep(change: Patch) -> bool:
    return any("/" in path for path in (*change.incr, *change.set, *change.remove))


def _parent(item: Item, path: str) -> tuple[dict[str, Any], str]:
    *parents, name = path.split("/")
    at: Any = item
    for segment in parents:
        at = at.get(segment) if isinstance(at, dict) else None
    if not isinstance(at, dict):
        raise ValueError("a patch's path leads through what is no object")  # noqa: TRY004 - as above
    return at, name
