"""What every document store promises (`domain/kernel/documents.py`), run against each of them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adapters.documents.sqlite import SqliteDocuments
from domain.kernel.containers import Container
from domain.kernel.documents import (
    MAX_ITEM_BYTES,
    Create,
    Delete,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    ItemTooLarge,
    Operation,
    Patch,
    Query,
    Replace,
    Stored,
    Upsert,
)
from domain.kernel.errors import Unavailable
from tests.factories import ManualClock
from tests.servers import Server

CONTAINERS = [
    Container(
        "things", "Made up.", indexed=("seq", "kind"), composites=(("kind", "seq"), ("pk", "seq")), swept=("seq",)
    ),
    Container("others", "Made up."),
]


@dataclass
class Kept:
    """A store under test, and how to let time pass for it."""

    store: DocumentStore
    wait: Callable[[timedelta], Awaitable[None]]


async def _sqlite(path: Path) -> AsyncGenerator[Kept]:
    clock = ManualClock()
    store = SqliteDocuments(path / "documents.db", clock, CONTAINERS)

    async def wait(period: timedelta) -> None:
        clock.advance(period)

    yield Kept(store, wait)
    await store.close()


async def _cosmos(server: Server) -> AsyncGenerator[Kept]:
    from adapters.documents.cosmos import CosmosDocuments

    store = CosmosDocuments(server.url, f"db-{uuid4()}", key="a2V5", containers=CONTAINERS)
    await store.ensure_containers()

    async def wait(period: timedelta) -> None:
        async with httpx.AsyncClient() as http:
            await http.post(f"{server.url}/_clock", json={"advance": period.total_seconds()})

    yield Kept(store, wait)
    await store.close()


@pytest.fixture(params=["sqlite", pytest.param("cosmos", marks=pytest.mark.servers)])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Kept]:
    if request.param == "sqlite":
        async for kept in _sqlite(tmp_path):
            yield kept
    else:
        async for kept in _cosmos(request.getfixturevalue("cosmos_emulator")):
            yield kept


@pytest.fixture
def store(kept: Kept) -> DocumentStore:
    return kept.store


def a_thing(item_id: str = "1", /, pk: str = "p", **members: Any) -> Item:
    return {"pk": pk, "id": item_id, **members}


def ids(found: list[Stored]) -> list[str]:
    return [stored.item["id"] for stored in found]


# -- single items


async def test_an_item_comes_back_as_it_was_given(store: DocumentStore) -> None:
    item = a_thing(
        text="日本 \U0001f600 \u0000 'quoted' \"twice\" \\ /", n=-1, f=1.5, yes=True, no=None, deep={"a": [1, {}]}
    )
    created = await store.create("things", item)
    assert created.item == item
    assert await store.find("things", "p", "1") == created


@pytest.mark.parametrize("pk", ["user:1", "ключ", "a b/c?d#e\\f%20", '"]', "e" * 500])
@pytest.mark.parametrize("item_id", ["a:b", "ключ %20+&=;'\"", "reaction:\u2764\ufe0f", "x" * 255])
async def test_keys_may_hold_any_text_that_a_url_can_carry(store: DocumentStore, pk: str, item_id: str) -> None:
    await store.create("things", a_thing(item_id, pk=pk, n=1))
    await store.patch("things", pk, Patch(item_id, incr={"n": 1}))
    found = await store.find("things", pk, item_id)
    assert found is not None
    assert found.item == a_thing(item_id, pk=pk, n=2)
    assert ids(await store.query("things", pk, Query())) == [item_id]
    await store.delete("things", pk, item_id)
    assert await store.find("things", pk, item_id) is None


@pytest.mark.parametrize("item_id", ["", "a/b", "a\\b", "a?b", "a#b", "\ud800", "a\nb", "x" * 1024])
async def test_an_id_that_cannot_be_is_absent_to_readers_and_refused_to_writers(
    store: DocumentStore, item_id: str
) -> None:
    assert await store.find("things", "p", item_id) is None
    assert await store.find_many("things", [("p", item_id)]) == [None]
    with pytest.raises(ItemNotFound):
        await store.delete("things", "p", item_id)
    with pytest.raises(ItemNotFound):
        await store.patch("things", "p", Patch(item_id, set={"a": 1}))
    with pytest.raises(ValueError, match="id"):
        await store.create("things", a_thing(item_id))


async def test_the_same_id_may_be_in_many_partitions_and_containers(store: DocumentStore) -> None:
    await store.create("things", a_thing("head", pk="a", n=1))
    await store.create("things", a_thing("head", pk="b", n=2))
    await store.create("others", a_thing("head", pk="a", n=3))
    found = await store.find_many("things", [("b", "head"), ("a", "head")])
    assert [stored.item["n"] for stored in found if stored] == [2, 1]


async def test_find_many_answers_in_the_order_asked_with_none_for_what_is_absent(store: DocumentStore) -> None:
    await asyncio.gather(*(store.create("things", a_thing("x", pk=f"p{n}", n=n)) for n in range(120)))
    keys = [(f"p{number}", "x") for number in reversed(range(400))]
    found = await store.find_many("things", [*keys, keys[-1]])
    assert [stored and stored.item["n"] for stored in found[:-1]] == [None] * 280 + list(reversed(range(120)))
    assert found[-1] == found[-2]
    assert await store.find_many("things", []) == []
    one = await store.find_many("things", [("p7", "x")])
    assert one == [await store.find("things", "p7", "x")]
    with pytest.raises(ValueError, match="1000"):
        await store.find_many("things", [("p", str(n)) for n in range(1001)])


async def test_create_refuses_a_taken_id_and_changes_nothing(store: DocumentStore) -> None:
    first = await store.create("things", a_thing(n=1))
    with pytest.raises(ItemExists):
        await store.create("things", a_thing(n=2))
    assert await store.find("things", "p", "1") == first


async def test_upsert_creates_then_replaces(store: DocumentStore) -> None:
    first = await store.upsert("things", a_thing(n=1))
    second = await store.upsert("things", a_thing(m=2))
    assert second.item == a_thing(m=2)
    assert first.etag != second.etag


async def test_replace_needs_the_item(store: DocumentStore) -> None:
    with pytest.raises(ItemNotFound):
        await store.replace("things", a_thing())
    with pytest.raises(ItemNotFound):
        await store.replace("things", a_thing(), if_match='"etag"')


async def test_replace_with_an_etag_needs_the_item_unchanged(store: DocumentStore) -> None:
    first = await store.create("things", a_thing(n=1))
    second = await store.replace("things", a_thing(n=2), if_match=first.etag)
    with pytest.raises(ItemStale):
        await store.replace("things", a_thing(n=3), if_match=first.etag)
    assert await store.find("things", "p", "1") == second


async def test_every_write_gives_a_new_etag_even_of_the_same_item(store: DocumentStore) -> None:
    etags = [(await store.create("things", a_thing(n=1))).etag]
    etags.append((await store.replace("things", a_thing(n=1))).etag)
    etags.append((await store.upsert("things", a_thing(n=1))).etag)
    etags.append((await store.patch("things", "p", Patch("1", set={"n": 1}))).etag)
    await store.delete("things", "p", "1")
    etags.append((await store.create("things", a_thing(n=1))).etag)
    assert len(set(etags)) == 5


async def test_delete_needs_the_item_and_with_an_etag_unchanged(store: DocumentStore) -> None:
    first = await store.create("things", a_thing())
    second = await store.replace("things", a_thing(n=1))
    with pytest.raises(ItemStale):
        await store.delete("things", "p", "1", if_match=first.etag)
    await store.delete("things", "p", "1", if_match=second.etag)
    with pytest.raises(ItemNotFound):
        await store.delete("things", "p", "1")
    assert await store.find("things", "p", "1") is None


async def test_what_is_handed_back_is_not_what_was_given(store: DocumentStore) -> None:
    item = a_thing(deep={"a": 1})
    created = await store.create("things", item)
    item["deep"]["a"] = 2
    created.item["deep"]["a"] = 3
    found = await store.find("things", "p", "1")
    assert found is not None
    assert found.item["deep"] == {"a": 1}


# -- patches


async def test_a_patch_adds_sets_and_removes_and_returns_the_whole_item(store: DocumentStore) -> None:
    await store.create("things", a_thing(n=1, old=1, deep={"x": 1, "y": 2}))
    changed = await store.patch(
        "things",
        "p",
        Patch("1", incr={"n": 2, "fresh": -3, "deep/x": 10}, set={"s": [1], "deep/z": None}, remove=["old", "deep/y"]),
    )
    assert changed.item == a_thing(n=3, fresh=-3, s=[1], deep={"x": 11, "z": None})
    assert await store.find("things", "p", "1") == changed


async def test_a_patch_may_remove_what_is_absent_and_name_members_oddly(store: DocumentStore) -> None:
    await store.create("things", a_thing(deep={}))
    changed = await store.patch(
        "things", "p", Patch("1", set={"deep/~ \u2764\ufe0f.'\"": 1}, remove=["never", "deep/never"])
    )
    assert changed.item == a_thing(deep={"~ \u2764\ufe0f.'\"": 1})


async def test_a_patch_needs_the_item_and_with_an_etag_unchanged(store: DocumentStore) -> None:
    with pytest.raises(ItemNotFound):
        await store.patch("things", "p", Patch("1", set={"n": 1}))
    first = await store.create("things", a_thing(n=1))
    second = await store.patch("things", "p", Patch("1", set={"n": 2}, if_match=first.etag))
    with pytest.raises(ItemStale):
        await store.patch("things", "p", Patch("1", set={"n": 3}, if_match=first.etag))
    assert await store.find("things", "p", "1") == second


@pytest.mark.parametrize(
    "change",
    [
        Patch("1"),
        Patch("1", set={str(n): n for n in range(11)}),
        Patch("1", remove=[str(n) for n in range(6)]),
        Patch("1", set={"id": "2"}),
        Patch("1", set={"pk": "q"}),
        Patch("1", set={"a//b": 1}),
        Patch("1", set={"absent/x": 1}),
        Patch("1", set={"text/x": 1}),
        Patch("1", incr={"text": 1}),
    ],
)
async def test_a_patch_that_cannot_be_is_refused_and_changes_nothing(store: DocumentStore, change: Patch) -> None:
    before = await store.create("things", a_thing(text="t"))
    with pytest.raises(ValueError):
        await store.patch("things", "p", change)
    assert await store.find("things", "p", "1") == before


# -- races


async def test_of_two_replaces_with_one_etag_exactly_one_wins(store: DocumentStore) -> None:
    for number in range(10):
        first = await store.create("things", a_thing(str(number)))
        results = await asyncio.gather(
            *(store.replace("things", a_thing(str(number), by=who), if_match=first.etag) for who in "ab"),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == ["ItemStale", "Stored"]


async def test_of_fifty_creates_of_one_id_one_wins(store: DocumentStore) -> None:
    results = await asyncio.gather(
        *(store.create("things", a_thing(by=who)) for who in range(50)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, Stored)]
    assert len(won) == 1
    assert sum(isinstance(result, ItemExists) for result in results) == 49
    assert await store.find("things", "p", "1") == won[0]


async def test_fifty_increments_lose_none(store: DocumentStore) -> None:
    await store.create("things", a_thing())
    results = await asyncio.gather(*(store.patch("things", "p", Patch("1", incr={"n": 1})) for _ in range(50)))
    assert sorted(result.item["n"] for result in results) == list(range(1, 51))


async def test_fifty_batches_that_take_the_next_number_leave_no_gap(store: DocumentStore) -> None:
    """How messages get their `seq`: the head's etag, or its id, decides; the loser reads again."""
    await store.create("things", a_thing("head", n=0))

    async def take(who: int) -> None:
        while True:
            head = await store.find("things", "p", "head")
            assert head is not None
            number = head.item["n"] + 1
            try:
                await store.batch(
                    "things",
                    "p",
                    [
                        Replace(a_thing("head", n=number), if_match=head.etag),
                        Create(a_thing(f"m:{who}", seq=number)),
                    ],
                )
            except ItemStale:
                continue
            return

    await asyncio.gather(*(take(who) for who in range(20)))
    found = await store.query("things", "p", Query(order="seq", limit=1000))
    assert [stored.item["seq"] for stored in found] == list(range(1, 21))


# -- batches


async def test_a_batch_does_all_and_answers_each(store: DocumentStore) -> None:
    old = await store.create("things", a_thing("old", n=1))
    await store.create("things", a_thing("gone"))
    results = await store.batch(
        "things",
        "p",
        [
            Create(a_thing("new")),
            Replace(a_thing("old", n=2), if_match=old.etag),
            Patch("old", incr={"n": 5}),
            Delete("gone"),
            Upsert(a_thing("either")),
        ],
    )
    assert [result and result.item["id"] for result in results] == ["new", "old", "old", None, "either"]
    found = await store.find_many("things", [("p", item_id) for item_id in ("new", "old", "gone", "either")])
    assert found == [results[0], results[2], None, results[4]]
    assert found[1] is not None
    assert found[1].item["n"] == 7


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (Create(a_thing("taken")), ItemExists),
        (Create(a_thing("new")), ItemExists),
        (Replace(a_thing("absent")), ItemNotFound),
        (Replace(a_thing("taken"), if_match="stale"), ItemStale),
        (Patch("absent", set={"n": 1}), ItemNotFound),
        (Patch("taken", set={"n": 1}, if_match="stale"), ItemStale),
        (Delete("absent"), ItemNotFound),
        (Delete("taken", if_match="stale"), ItemStale),
        (Patch("taken", set={"absent/x": 1}), ValueError),
    ],
)
async def test_a_batch_is_all_or_nothing_and_names_what_failed(
    store: DocumentStore, operation: Operation, error: type[Exception]
) -> None:
    taken = await store.create("things", a_thing("taken", n=0))
    doomed = await store.create("things", a_thing("doomed"))
    with pytest.raises(error) as failure:
        await store.batch(
            "things",
            "p",
            [Create(a_thing("new")), Delete("doomed"), Upsert(a_thing("upserted")), operation, Create(a_thing("last"))],
        )
    assert getattr(failure.value, "operation_index", 3) == 3
    keys = [("p", item_id) for item_id in ("taken", "doomed", "new", "upserted", "last")]
    assert await store.find_many("things", keys) == [taken, doomed, None, None, None]


async def test_a_single_refusal_names_no_position(store: DocumentStore) -> None:
    with pytest.raises(ItemNotFound) as failure:
        await store.delete("things", "p", "1")
    assert failure.value.operation_index is None


async def test_a_batch_has_at_most_a_hundred_operations_of_one_partition(store: DocumentStore) -> None:
    assert await store.batch("things", "p", []) == []
    await store.batch("things", "p", [Create(a_thing(str(n))) for n in range(100)])
    with pytest.raises(ValueError, match="100"):
        await store.batch("things", "q", [Create(a_thing(str(n), pk="q")) for n in range(101)])
    with pytest.raises(ValueError, match="partition"):
        await store.batch("things", "q", [Create(a_thing(pk="q")), Create(a_thing(pk="p"))])
    assert await store.query("things", "q", Query()) == []


async def test_of_two_batches_that_create_one_id_one_wins_whole(store: DocumentStore) -> None:
    results = await asyncio.gather(
        *(store.batch("things", "p", [Create(a_thing(who)), Create(a_thing("shared"))]) for who in "abc"),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["ItemExists", "ItemExists", "list"]
    assert len(await store.query("things", "p", Query())) == 2


# -- limits and what cannot be stored


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp, above 1 MB
async def test_an_item_above_two_megabytes_is_too_large_and_leaves_what_was(store: DocumentStore) -> None:
    big = "x" * (MAX_ITEM_BYTES - 5000)
    await store.create("things", a_thing(text=big))
    for text in ("x" * MAX_ITEM_BYTES, "日" * (MAX_ITEM_BYTES // 3)):
        with pytest.raises(ItemTooLarge):
            await store.create("things", a_thing("2", text=text))
        with pytest.raises(ItemTooLarge):
            await store.upsert("things", a_thing(text=text))
        with pytest.raises(ItemTooLarge):
            await store.replace("things", a_thing(text=text))
    with pytest.raises(ItemTooLarge):
        await store.patch("things", "p", Patch("1", set={"more": "x" * 10_000}))
    with pytest.raises(ItemTooLarge):
        await store.batch("things", "p", [Create(a_thing(str(n), text="x" * 700_000)) for n in range(10, 13)])
    found = await store.find("things", "p", "1")
    assert found is not None
    assert found.item == a_thing(text=big)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, timedelta(1), Path("x")])
async def test_what_json_cannot_say_is_refused(store: DocumentStore, value: object) -> None:
    with pytest.raises(ValueError):
        await store.upsert("things", a_thing(value=value))
    assert await store.find("things", "p", "1") is None


async def test_a_container_that_is_not_declared_is_a_mistake(store: DocumentStore) -> None:
    with pytest.raises(ValueError, match="container"):
        await store.find("nothing", "p", "1")
    with pytest.raises(ValueError, match="container"):
        await store.query("nothing", "p", Query())
    with pytest.raises(ValueError, match="container"):
        await store.create("nothing", a_thing())


# -- time to live


async def test_an_item_ends_its_seconds_after_the_last_write(kept: Kept) -> None:
    store = kept.store
    await store.create("things", a_thing("brief", ttl=60))
    await store.create("things", a_thing("lasting", ttl=-1))
    await store.create("things", a_thing("touched", ttl=60))
    await kept.wait(timedelta(seconds=40))
    await store.patch("things", "p", Patch("touched", incr={"n": 1}))
    await kept.wait(timedelta(seconds=21))
    assert await store.find("things", "p", "brief") is None
    assert await store.find_many("things", [("p", "brief")]) == [None]
    assert ids(await store.query("things", "p", Query())) == ["lasting", "touched"]
    assert ids(await store.query_everywhere("things", Query())) == ["lasting", "touched"]
    for failing in (
        store.replace("things", a_thing("brief")),
        store.patch("things", "p", Patch("brief", set={"n": 1})),
        store.delete("things", "p", "brief"),
    ):
        with pytest.raises(ItemNotFound):
            await failing
    await store.create("things", a_thing("brief"))


@pytest.mark.parametrize("ttl", [0, -2, 1.5, "60", True, 2**31])
async def test_a_ttl_is_whole_seconds(store: DocumentStore, ttl: object) -> None:
    with pytest.raises(ValueError, match="ttl"):
        await store.create("things", a_thing(ttl=ttl))


# -- queries


@pytest.fixture
async def ten(store: DocumentStore) -> DocumentStore:
    """Ten things `t0` to `t9` with `seq` 0 to 90, among others."""
    await store.batch(
        "things",
        "p",
        [
            Create(a_thing(f"t{n}", seq=n * 10, kind="even" if n % 2 == 0 else "odd", flag=n > 6, text=f"Text {n} ü%_"))
            for n in range(10)
        ]
        + [Create(a_thing("without")), Create(a_thing("null", seq=None))],
    )
    await store.create("things", a_thing("t5x", pk="q", seq=55, kind="odd"))
    return store


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(order="seq"), "0123456789"),
        (Query(order="seq", descending=True), "9876543210"),
        (Query(order="seq", limit=3), "012"),
        (Query(order="seq", above=20, below=60), "345"),
        (Query(order="seq", above=20.5, below=60, descending=True), "543"),
        (Query(order="seq", above=90), ""),
        (Query(order="seq", eq={"kind": "odd"}, above=10), "3579"),
        (Query(order="seq", eq={"kind": "odd"}, below=90, descending=True, limit=2), "75"),
        (Query(order="seq", eq={"flag": True}), "789"),
        (Query(order="seq", eq={"flag": False, "kind": "even"}), "0246"),
        (Query(order="seq", eq={"flag": 1}), ""),
        (Query(order="seq", eq={"seq": 30}), "3"),
        (Query(order="seq", eq={"kind": "nothing"}), ""),
        (Query(order="seq", eq={"absent": "x"}), ""),
        (Query(order="seq", contains={"text": "xt 4"}), "4"),
        (Query(order="seq", contains={"text": "text"}), ""),
        (Query(order="seq", contains={"text": "ü%_"}, limit=2), "01"),
        (Query(order="seq", contains={"seq": "3"}), ""),
        (Query(order="seq", contains={"absent": "x"}), ""),
        (Query(starts="t"), "0123456789"),
        (Query(starts="t", descending=True, below="t4"), "3210"),
        (Query(starts="t", above="t7"), "89"),
        (Query(starts="t5"), "5"),
        (Query(starts="%"), ""),
        (Query(eq={"id": "t3"}), "3"),
        (Query(eq={"kind": "even"}, above="t3", limit=1), "4"),
    ],
)
async def test_a_query_filters_orders_and_limits(ten: DocumentStore, query: Query, expected: str) -> None:
    found = ids(await ten.query("things", "p", query))
    assert found == [f"t{n}" for n in expected]


async def test_bounds_are_of_their_own_type(store: DocumentStore) -> None:
    await store.create("things", a_thing("number", pk="n", seq=5))
    await store.create("things", a_thing("text", pk="n", seq="5"))
    assert ids(await store.query("things", "n", Query(order="seq", above=1))) == ["number"]
    assert ids(await store.query("things", "n", Query(order="seq", below=9))) == ["number"]
    assert ids(await store.query("things", "n", Query(order="seq", above="1"))) == ["text"]
    assert ids(await store.query("things", "n", Query(order="seq", below="9"))) == ["text"]


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_by_cursor_show_each_item_once(ten: DocumentStore, descending: bool) -> None:
    seen: list[int] = []
    query = Query(order="seq", limit=3, descending=descending)
    while True:
        page = await ten.query("things", "p", query)
        seen += [stored.item["seq"] for stored in page]
        if len(page) < query.limit:
            break
        cursor = seen[-1]
        query = Query(
            order="seq",
            limit=3,
            descending=descending,
            above=None if descending else cursor,
            below=cursor if descending else None,
        )
    assert seen == sorted(range(0, 100, 10), reverse=descending)


async def test_a_query_hands_back_whole_items_with_their_etags(ten: DocumentStore) -> None:
    found = await ten.query("things", "p", Query(order="seq", limit=1))
    assert found == [await ten.find("things", "p", "t0")]


async def test_a_page_may_hold_a_thousand_items(store: DocumentStore) -> None:
    for start in range(0, 1100, 100):
        await store.batch("things", "p", [Create(a_thing(f"{start + n:04}")) for n in range(100)])
    assert ids(await store.query("things", "p", Query(limit=1000))) == [f"{n:04}" for n in range(1000)]


async def test_a_query_everywhere_sees_all_partitions(ten: DocumentStore) -> None:
    found = await ten.query_everywhere("things", Query(order="seq", above=40, eq={"kind": "odd"}))
    assert ids(found) == ["t5", "t5x", "t7", "t9"]
    assert ids(await ten.query_everywhere("things", Query(order="seq", descending=True, limit=2))) == ["t9", "t8"]


@pytest.mark.parametrize(
    "query",
    [
        Query(limit=0),
        Query(limit=1001),
        Query(order="text"),
        Query(order="a b"),
        Query(eq={"a' OR 1=1 --": "x"}),
        Query(contains={"a.b": "x"}),
        Query(above=True),
    ],
)
async def test_a_query_that_cannot_be_is_refused(store: DocumentStore, query: Query) -> None:
    with pytest.raises(ValueError):
        await store.query("things", "p", query)
    with pytest.raises(ValueError):
        await store.query_everywhere("things", query)


# -- life


async def test_a_cancelled_caller_leaves_the_store_working_and_its_item_whole_or_absent(store: DocumentStore) -> None:
    for delay in (0, 0.0005, 0.002):
        tasks = [
            asyncio.create_task(store.batch("things", "c", [Create(a_thing(f"{n}{half}", pk="c")) for half in "ab"]))
            for n in range(10)
        ]
        await asyncio.sleep(delay)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.upsert("things", a_thing("after", pk="c"))
        present = set(ids(await store.query("things", "c", Query(limit=1000))))
        for n in range(10):
            assert (f"{n}a" in present) == (f"{n}b" in present)
            if f"{n}a" in present:
                await store.batch("things", "c", [Delete(f"{n}a"), Delete(f"{n}b")])


async def test_after_close_the_store_is_unavailable(store: DocumentStore) -> None:
    await store.ping()
    await store.create("things", a_thing())
    await store.close()
    await store.close()
    for refused in (
        store.ping(),
        store.find("things", "p", "1"),
        store.find_many("things", [("p", "1")]),
        store.create("things", a_thing("2")),
        store.batch("things", "p", [Delete("1")]),
        store.query("things", "p", Query()),
    ):
        with pytest.raises(Unavailable):
            await refused
