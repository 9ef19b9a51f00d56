"""Counts what a use case asks of the document store and the cache, so that a test can hold it to a budget.

store = CountingDocuments(SqliteDocuments(path))
with store.measure() as calls:
    await chat.send(...)
assert calls.total <= 2
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.cache.in_process import InProcessCache
from domain.kernel.cache import Admission, Allowance, Rate, SessionState
from domain.kernel.documents import DocumentStore, Item, Operation, Patch, Query, Stored

READS = frozenset({"find", "find_many", "query", "query_everywhere"})


@dataclass
class Calls:
    """How often each method was called; a batch or a `find_many` is one call."""

    by_kind: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.by_kind.total()

    @property
    def reads(self) -> int:
        return sum(count for kind, count in self.by_kind.items() if kind in READS)

    @property
    def writes(self) -> int:
        return self.total - self.reads


class CountingDocuments:
    """A `DocumentStore` that passes everything on to *inner* and counts."""

    def __init__(self, inner: DocumentStore) -> None:
        self.inner = inner
        self._measuring: list[Calls] = []

    @contextmanager
    def measure(self) -> Iterator[Calls]:
        """The calls made in the block. Blocks may be nested; concurrent tasks are counted together."""
        calls = Calls()
        self._measuring.append(calls)
        try:
            yield calls
        finally:
            self._measuring.remove(calls)

    def _count(self, kind: str) -> None:
        for calls in self._measuring:
            calls.by_kind[kind] += 1

    async def find(self, container: str, pk: str, item_id: str) -> Stored | None:
        self._count("find")
        return await self.inner.find(container, pk, item_id)

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        self._count("find_many")
        return await self.inner.find_many(container, keys)

    async def create(self, container: str, item: Item) -> Stored:
        self._count("create")
        return await self.inner.create(container, item)

    async def upsert(self, container: str, item: Item) -> Stored:
        self._count("upsert")
        return await self.inner.upsert(container, item)

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        self._count("replace")
        return await self.inner.replace(container, item, if_match=if_match)

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        self._count("patch")
        return await self.inner.patch(container, pk, change)

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        self._count("delete")
        await self.inner.delete(container, pk, item_id, if_match=if_match)

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        self._count("batch")
        return await self.inner.batch(container, pk, operations)

    async def query(self, container: str, pk: str, query: Query) -> list[Stored]:
        self._count("query")
        return await self.inner.query(container, pk, query)

    async def query_everywhere(self, container: str, query: Query) -> list[Stored]:
        self._count("query_everywhere")
        return await self.inner.query_everywhere(container, query)

    async def ping(self) -> None:
        await self.inner.ping()

    async def close(self) -> None:
        await self.inner.close()


class CountingCache(InProcessCache):
    """Counts what would be round trips, were the cache elsewhere."""

    trips = 0

    async def admit(self, rates: Sequence[Rate], *, session_id: str | None = None) -> Admission:
        self.trips += 1
        return await super().admit(rates, session_id=session_id)

    async def learn_session(self, session_id: str, state: SessionState, ttl: timedelta) -> None:
        self.trips += 1
        await super().learn_session(session_id, state, ttl)

    async def set_sessions(self, states: dict[str, SessionState], ttl: timedelta) -> None:
        self.trips += 1
        await super().set_sessions(states, ttl)

    async def peek(self, rates: Sequence[Rate]) -> list[Allowance]:
        self.trips += 1
        return await super().peek(rates)

    async def failures(self, keys: Sequence[str]) -> list[tuple[int, float]]:
        self.trips += 1
        return await super().failures(keys)

    async def add_failure(self, keys: Sequence[str], ttl: timedelta) -> list[int]:
        self.trips += 1
        return await super().add_failure(keys, ttl)

    async def clear_failures(self, keys: Sequence[str]) -> None:
        self.trips += 1
        await super().clear_failures(keys)
