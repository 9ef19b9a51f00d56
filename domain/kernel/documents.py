"""The document store's port: as small as what Cosmos DB and SQLite both do well.

Items are JSON objects with two reserved members, `pk` (the partition) and `id` (unique within it), and an
optional `ttl` (whole seconds to live from the last write). Limits are Cosmos DB's, honoured by every adapter:
an item of at most 2 MB, a batch of at most 100 operations in one partition.

Races are decided here and nowhere else: by `create` (the id is free or it is not), by `if_match`, or by a batch.
Reading first and writing after proves nothing, and another instance may even read stale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.kernel.errors import Conflict, DomainError, Kind, Unavailable

Item = dict[str, Any]
"""A JSON object with `pk` and `id`. The store adds nothing to it and hands back what was given."""

MAX_ITEM_BYTES = 2 * 1024 * 1024
MAX_BATCH_OPERATIONS = 100


class ItemNotFound(DomainError):
    code = "not_found"
    kind = Kind.NOT_FOUND
    message = "There is no such item."
    operation_index: int | None = None
    """In a batch: which operation failed."""


class ItemExists(Conflict):
    """`create` met an item with this id."""

    operation_index: int | None = None


class ItemStale(Conflict):
    """The item is not the one *if_match* names: it was written since."""

    operation_index: int | None = None


class ItemTooLarge(DomainError):
    code = "payload_too_large"
    kind = Kind.TOO_LARGE
    message = "This is too large to be stored."


class StoreThrottled(Unavailable):
    """The store asked for a pause, and kept asking longer than the adapter waits."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An item as the store holds it. *etag* is opaque and changes with every write."""

    item: Item
    etag: str


@dataclass(frozen=True, slots=True)
class Create:
    item: Item


@dataclass(frozen=True, slots=True)
class Upsert:
    item: Item


@dataclass(frozen=True, slots=True)
class Replace:
    """The item must exist; with *if_match*, unchanged."""

    item: Item
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """Change members of an item in place. Paths are top-level names or `a/b` into existing objects.

    *incr* adds (an absent member counts as 0), *set* writes, *remove* deletes (an absent member is fine).
    At most 10 changes in all (the service's limit), a removal counting twice. A path whose parent is not there, or an
    *incr* of what is no number, is a mistake of the caller's (ValueError).
    """

    id: str
    incr: Mapping[str, int] = field(default_factory=dict)
    set: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """The item must exist; with *if_match*, unchanged."""

    id: str
    if_match: str | None = None


Operation = Create | Upsert | Replace | Patch | Delete


@dataclass(frozen=True, slots=True)
class Query:
    """A page of one partition's items in the order of one member.

    *order* names a member whose values (all text, or all numbers) are unique among the items that match, so that
    the last one of a page is the cursor of the next. Items without it do not match. *above* and *below* are
    exclusive bounds on it, and are the cursor: `above=last` when ascending, `below=last` when descending.
    *starts* keeps items whose *order* member, a text, begins so. *eq* compares top-level members.
    *order* is `id` or a member that the container declares (`domain/kernel/containers.py`), for all partitions one
    that it declares as *swept*: others have no index.
    *contains* maps a top-level text member to what it must contain, case and all: a scan, for rare administrative
    lists only.
    *limit* is 1 to 1,000.
    """

    order: str = "id"
    descending: bool = False
    above: str | int | float | None = None
    below: str | int | float | None = None
    starts: str | None = None
    eq: Mapping[str, str | int | bool] = field(default_factory=dict)
    contains: Mapping[str, str] = field(default_factory=dict)
    limit: int = 100


class DocumentStore(Protocol):
    """Raises, besides what each method names: ItemTooLarge, StoreThrottled, Unavailable; never a driver's error.

    A write that raises Unavailable may have happened: its answer was lost. Tried again, a create may then meet the
    item it made (ItemExists), and a conditional write its own trace (ItemStale). So read again and judge again, as
    after a lost race, and give items ids that make a second write of the same thing harmless. ValueError is a
    mistake of the caller's: a limit of the service broken, an id with `/ \\ ? #` created, a value JSON cannot hold.
    """

    async def find(self, container: str, pk: str, item_id: str) -> Stored | None:
        """The item, or None."""
        ...

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        """Up to 1,000 items by (pk, id), in the order of *keys*, in one call."""
        ...

    async def create(self, container: str, item: Item) -> Stored:
        """Raises ItemExists."""
        ...

    async def upsert(self, container: str, item: Item) -> Stored: ...

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        """Raises ItemNotFound, ItemStale."""
        ...

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        """Raises ItemNotFound, ItemStale. Returns the whole item as changed."""
        ...

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        """Raises ItemNotFound, ItemStale."""
        ...

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        """All or nothing; one result an operation (None for a deletion).

        Raises ItemExists, ItemStale or ItemNotFound for the first operation that cannot be done, with its position
        in `operation_index`.
        """
        ...

    async def query(self, container: str, pk: str, query: Query) -> list[Stored]:
        """At most `query.limit` items; fewer means there are no more."""
        ...

    async def query_everywhere(self, container: str, query: Query) -> list[Stored]:
        """The same over all partitions: costs more with each physical partition. For jobs, never for a request."""
        ...

    async def ping(self) -> None:
        """Return when the store answers. Raises Unavailable."""
        ...

    async def close(self) -> None: ...
