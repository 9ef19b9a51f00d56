"""Any list of operations leaves the embedded store with what a plain dict would hold, and answers as that would."""

import asyncio
import copy
import tempfile
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.documents.sqlite import SqliteDocuments
from domain.kernel.containers import Container
from domain.kernel.documents import (
    Create,
    Delete,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Query,
    Replace,
    Upsert,
)
from tests.factories import ManualClock

THINGS = Container("things", "Made up.", indexed=("n",), composites=(("kind", "n"),))
CURRENT, STALE = "current", "stale"
Key = tuple[str, str]


@dataclass
class Model:
    """Items with the version they are at and the second they end at."""

    now: float
    items: dict[Key, tuple[Item, int, float | None]] = field(default_factory=dict)
    version: int = 0

    def present(self, key: Key) -> Item | None:
        found = self.items.get(key)
        if found is None or (found[2] is not None and found[2] <= self.now):
            return None
        return found[0]

    def do(self, pk: str, operation: Operation) -> Item | None:
        match operation:
            case Create(item):
                if self.present((pk, item["id"])) is not None:
                    raise ItemExists
                return self._put(pk, item)
            case Upsert(item):
                return self._put(pk, item)
            case Replace(item, if_match):
                self._existing(pk, item["id"], if_match)
                return self._put(pk, item)
            case Patch(id=item_id, if_match=if_match):
                item = copy.deepcopy(self._existing(pk, item_id, if_match))
                for member, amount in operation.incr.items():
                    item[member] = item.get(member, 0) + amount
                item |= operation.set
                for member in operation.remove:
                    item.pop(member, None)
                return self._put(pk, item)
            case Delete(item_id, if_match):
                self._existing(pk, item_id, if_match)
                del self.items[pk, item_id]
                return None

    def _existing(self, pk: str, item_id: str, if_match: str | None) -> Item:
        item = self.present((pk, item_id))
        if item is None:
            raise ItemNotFound
        if if_match == STALE:
            raise ItemStale
        return item

    def _put(self, pk: str, item: Item) -> Item:
        ttl = item.get("ttl", -1)
        self.version += 1
        self.items[pk, item["id"]] = (item, self.version, None if ttl == -1 else self.now + ttl)
        return item

    def query(self, pk: str | None, query: Query) -> list[Item]:
        found = [item for key in self.items if (item := self.present(key)) is not None and pk in {None, item["pk"]}]
        found = [item for item in found if all(item.get(name) == value for name, value in query.eq.items())]
        found = [item for item in found if query.above is None or item[query.order] > query.above]
        found = [item for item in found if query.below is None or item[query.order] < query.below]
        return sorted(found, key=lambda item: item[query.order], reverse=query.descending)[: query.limit]


pks = st.sampled_from(["a", "b"])
ids = st.sampled_from(["1", "1", "2", "3"])  # one of them often
etags = st.sampled_from([None, CURRENT, STALE])


@st.composite
def operations(draw: st.DrawFn, pk: str) -> Operation:
    item: Item = {"pk": pk, "id": draw(ids), "n": draw(st.integers(0, 9)), "kind": draw(st.sampled_from(["x", "y"]))}
    if draw(st.booleans()):
        item["ttl"] = draw(st.sampled_from([-1, 10, 10, 30]))
    patch = Patch(
        item["id"],
        incr=draw(st.dictionaries(st.sampled_from(["n", "m"]), st.integers(-5, 5), max_size=2)),
        set=draw(st.dictionaries(st.sampled_from(["kind", "s", "ttl"]), st.just(50), max_size=2)),
        remove=draw(st.lists(st.sampled_from(["s", "ttl", "absent"]), max_size=2, unique=True)),
        if_match=draw(etags),
    )
    kinds: list[Operation] = [Create(item), Upsert(item), Replace(item, draw(etags)), Delete(item["id"], draw(etags))]
    if patch.incr or patch.set or patch.remove:
        kinds.append(patch)
    return draw(st.sampled_from(kinds))


batches = pks.flatmap(lambda pk: st.tuples(st.just(pk), st.lists(operations(pk), min_size=1, max_size=4)))
queries = st.builds(
    Query,
    order=st.just("id"),
    descending=st.booleans(),
    above=st.none() | ids,
    below=st.none() | ids,
    eq=st.dictionaries(st.just("kind"), st.sampled_from(["x", "y"])) | st.dictionaries(st.just("n"), st.integers(0, 9)),
    limit=st.integers(1, 4),
)
steps = st.lists(st.one_of(batches, batches, queries, st.sampled_from([5, 11])), min_size=8, max_size=30)


async def with_etag(store: SqliteDocuments, pk: str, operation: Operation) -> Operation:
    """The operation with `CURRENT` made the item's etag as it is."""
    if isinstance(operation, Create | Upsert) or operation.if_match != CURRENT:
        return operation
    item_id = operation.item["id"] if isinstance(operation, Replace) else operation.id
    found = await store.find("things", pk, item_id)
    return replace(operation, if_match=found.etag if found else STALE)


async def outcome(store: SqliteDocuments, pk: str, batch: list[Operation]) -> Any:
    try:
        if len(batch) == 1:
            return [await single(store, pk, batch[0])]
        return [stored and stored.item for stored in await store.batch("things", pk, batch)]
    except (ItemExists, ItemNotFound, ItemStale) as error:
        return type(error)


async def single(store: SqliteDocuments, pk: str, operation: Operation) -> Item | None:
    match operation:
        case Create(item):
            return (await store.create("things", item)).item
        case Upsert(item):
            return (await store.upsert("things", item)).item
        case Replace(item, if_match):
            return (await store.replace("things", item, if_match=if_match)).item
        case Patch():
            return (await store.patch("things", pk, operation)).item
        case Delete(item_id, if_match):
            await store.delete("things", pk, item_id, if_match=if_match)
            return None


def expected(model: Model, pk: str, batch: list[Operation]) -> Any:
    before = copy.deepcopy(model.items)
    try:
        return [copy.deepcopy(model.do(pk, operation)) for operation in batch]
    except (ItemExists, ItemNotFound, ItemStale) as error:
        model.items = before
        return type(error)


async def play(folder: Path, plan: list[Any]) -> None:
    clock = ManualClock()
    store = SqliteDocuments(folder / "documents.db", clock, [THINGS])
    store._writer.execute("PRAGMA synchronous=OFF")  # nothing here is about durability
    model = Model(clock.now().timestamp())
    try:
        for step in plan:
            match step:
                case int():
                    clock.advance(timedelta(seconds=step))
                    model.now = clock.now().timestamp()
                case Query():
                    for pk in ("a", "b"):
                        assert [s.item for s in await store.query("things", pk, step)] == model.query(pk, step)
                case (pk, batch):
                    touched = [op.id if isinstance(op, Patch | Delete) else op.item["id"] for op in batch]
                    if len(set(touched)) < len(touched):  # an etag of now is stale after the first of two
                        batch = [op if isinstance(op, Create | Upsert) else replace(op, if_match=None) for op in batch]
                    real = [await with_etag(store, pk, operation) for operation in batch]
                    assert await outcome(store, pk, real) == expected(model, pk, batch)
        for key in [(pk, item_id) for pk in "ab" for item_id in "123"]:
            found = await store.find("things", *key)
            assert (found and found.item) == model.present(key)
    finally:
        await store.close()


@settings(max_examples=60, deadline=None)
@given(steps)
def test_the_store_agrees_with_a_dict(plan: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), plan))
