"""What a request costs: store calls by kind with an estimate in request units, cache trips, realtime calls, queue
messages and SQL transactions.

RU are estimated from the items that were really read and written. The service's own figures (1 RU for a point read of
1 KB, 10 for 100 KB; writes of 1 KB from 5, of 100 KB about 50; queries from 2.8) are for items without indexes; an
indexed path that the item has adds to each write. An estimate is good for comparing, and for noticing what grew.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Any, Final

from adapters.queues.sqlite import SqliteQueue
from domain.kernel.containers import CONTAINERS
from domain.kernel.documents import (
    Create,
    Delete,
    DocumentStore,
    Item,
    Operation,
    Patch,
    Query,
    Replace,
    Stored,
    Upsert,
)
from domain.kernel.outbox import NO_DELAY

POINT_READ: Final = 1.0
POINT_READ_KB: Final = 0.09
"""For each further KB."""
WRITE: Final = 5.0
WRITE_KB: Final = 0.45
INDEXED: Final = 0.4
"""For each indexed path, and each pair, that an item has."""
DELETE: Final = 5.5
QUERY: Final = 2.8
QUERY_KB: Final = 0.15
"""For each KB of what is found."""
REFUSED: Final = 1.5
"""A write whose condition did not hold."""

_DECLARED: Final = {container.name: container for container in CONTAINERS}


def kilobytes(item: Item) -> float:
    return len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) / 1024


def point_read(found: Stored | None) -> float:
    return POINT_READ if found is None else POINT_READ + POINT_READ_KB * max(0.0, kilobytes(found.item) - 1)


def write(container: str, item: Item) -> float:
    declared = _DECLARED[container]
    paths = sum(name in item for name in declared.indexed)
    pairs = sum(all(name in item for name in pair) for pair in declared.composites)
    return WRITE + WRITE_KB * max(0.0, kilobytes(item) - 1) + INDEXED * (paths + pairs)


def query(found: Sequence[Stored]) -> float:
    return QUERY + QUERY_KB * sum(kilobytes(each.item) for each in found)


@dataclass(slots=True)
class Cost:
    """Of whatever ran while it was on the meter."""

    store: Counter[str] = field(default_factory=Counter)
    ru: float = 0.0
    cache: int = 0
    realtime: int = 0
    queue: int = 0
    sql: int = 0

    def calls(self) -> str:
        """`1 find, 2 batch`; a dash for none."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.store.items())) or "-"

    def units(self) -> str:
        return str(ceil(round(self.ru, 2))) if self.store else "-"


class MeteredDocuments:
    """A `DocumentStore` that passes everything on to *inner*, and charges for it."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self.cost = Cost()

    def _charge(self, kind: str, units: float) -> None:
        self.cost.store[kind] += 1
        self.cost.ru += units

    async def find(self, container: str, pk: str, item_id: str) -> Stored | None:
        found = await self._inner.find(container, pk, item_id)
        self._charge("find", point_read(found))
        return found

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        found = await self._inner.find_many(container, keys)
        self._charge("find_many", sum(point_read(each) for each in found))
        return found

    async def query(self, container: str, pk: str, query_: Query) -> list[Stored]:
        found = await self._inner.query(container, pk, query_)
        self._charge("query", query(found))
        return found

    async def query_everywhere(self, container: str, query_: Query) -> list[Stored]:
        found = await self._inner.query_everywhere(container, query_)
        self._charge("query_everywhere", query(found))
        return found

    async def create(self, container: str, item: Item) -> Stored:
        return await self._written("create", container, self._inner.create(container, item))

    async def upsert(self, container: str, item: Item) -> Stored:
        return await self._written("upsert", container, self._inner.upsert(container, item))

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        return await self._written("replace", container, self._inner.replace(container, item, if_match=if_match))

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        return await self._written("patch", container, self._inner.patch(container, pk, change))

    async def _written(self, kind: str, container: str, doing: Any) -> Stored:
        try:
            stored: Stored = await doing
        except Exception:
            self._charge(kind, REFUSED)
            raise
        self._charge(kind, write(container, stored.item))
        return stored

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        self._charge("delete", DELETE)
        await self._inner.delete(container, pk, item_id, if_match=if_match)

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        try:
            done = await self._inner.batch(container, pk, operations)
        except Exception:
            self._charge("batch", REFUSED)
            raise
        self._charge("batch", sum(_batched(container, operations, done)))
        return done

    async def ping(self) -> None:
        self._charge("ping", POINT_READ)
        await self._inner.ping()

    async def close(self) -> None:
        await self._inner.close()


def _batched(container: str, operations: Sequence[Operation], done: Sequence[Stored | None]) -> Iterable[float]:
    for operation, stored in zip(operations, done, strict=True):
        match operation:
            case Delete():
                yield DELETE
            case Create() | Upsert() | Replace() | Patch():
                assert stored is not None
                yield write(container, stored.item)


class CountingQueue(SqliteQueue):
    """Counts the messages that are sent."""

    sent = 0

    async def send(self, name: str, payload: dict[str, Any], *, delay: timedelta = NO_DELAY) -> None:
        self.sent += 1
        await super().send(name, payload, delay=delay)
