"""What the embedded store promises beyond the port: durability, one process, pages that do not hold the loop."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.documents import sqlite, sqlite_query
from adapters.documents.lock import StoreInUse, StoreUnusable
from adapters.documents.sqlite import SqliteDocuments
from domain.kernel.containers import Container
from domain.kernel.documents import ItemExists, Query
from domain.kernel.errors import Unavailable
from tests.budget import CountingDocuments

THINGS = Container(
    "things",
    "Made up.",
    indexed=("seq", "type"),
    composites=(("type", "seq"), ("pk", "seq"), ("kind", "id")),
    swept=("seq",),
)


class StillClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 20, 16, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def store(tmp_path: Path, clock: StillClock) -> AsyncGenerator[SqliteDocuments]:
    documents = SqliteDocuments(tmp_path / "documents.db", clock, [THINGS])
    yield documents
    await documents.close()


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "documents.db"
    first = SqliteDocuments(path, containers=[THINGS])
    await first.create("things", {"pk": "a", "id": "1", "text": "日本 \u0000 ü"})
    await first.close()
    second = SqliteDocuments(path, containers=[THINGS])
    found = await second.find("things", "a", "1")
    await second.close()
    assert found is not None
    assert found.item == {"pk": "a", "id": "1", "text": "日本 \u0000 ü"}
    assert path.stat().st_mode & 0o077 == 0


async def test_a_second_holder_of_the_file_is_refused_in_one_line(store: SqliteDocuments, tmp_path: Path) -> None:
    with pytest.raises(StoreInUse, match=f"in use by process {os.getpid()}") as refusal:
        SqliteDocuments(tmp_path / "documents.db", containers=[THINGS])
    assert "\n" not in str(refusal.value)


async def test_after_close_everything_is_unavailable_and_what_was_begun_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    documents = SqliteDocuments(path, containers=[THINGS])
    writes = [asyncio.create_task(documents.create("things", {"pk": "a", "id": str(n)})) for n in range(20)]
    await asyncio.sleep(0)
    await documents.close()
    await documents.close()
    assert len(await asyncio.gather(*writes)) == 20
    with pytest.raises(Unavailable):
        await documents.find("things", "a", "1")
    with pytest.raises(Unavailable):
        await documents.create("things", {"pk": "a", "id": "late"})
    with pytest.raises(Unavailable):
        await documents.ping()
    again = SqliteDocuments(path, containers=[THINGS])
    assert len(await again.query("things", "a", Query())) == 20
    await again.close()


async def test_a_refused_write_does_not_take_its_group_along(store: SqliteDocuments) -> None:
    await store.create("things", {"pk": "a", "id": "taken"})
    results = await asyncio.gather(
        *(store.create("things", {"pk": "a", "id": name}) for name in ("b", "taken", "c")), return_exceptions=True
    )
    assert [isinstance(result, ItemExists) for result in results] == [False, True, False]
    assert [found.item["id"] for found in await store.query("things", "a", Query())] == ["b", "c", "taken"]


async def test_a_full_disk_is_unavailable_and_heals(store: SqliteDocuments) -> None:
    store._writer.execute("PRAGMA max_page_count=1")
    with pytest.raises(Unavailable):
        await asyncio.gather(*(store.create("things", {"pk": "a", "id": str(n), "x": "x" * 50_000}) for n in range(5)))
    store._writer.execute("PRAGMA max_page_count=1000000")
    assert await store.query("things", "a", Query()) == []
    await store.create("things", {"pk": "a", "id": "1"})


async def test_expired_items_are_swept_with_later_writes(store: SqliteDocuments, clock: StillClock) -> None:
    await store.create("things", {"pk": "a", "id": "brief", "ttl": 10})
    clock.moment += timedelta(seconds=61)
    await store.create("things", {"pk": "a", "id": "other"})
    rows = store._reader.execute("SELECT id FROM things").fetchall()
    assert rows == [("other",)]


async def test_a_long_scan_leaves_the_loop(store: SqliteDocuments) -> None:
    store._is_overdue = lambda: True  # type: ignore[method-assign]
    store._reader.set_progress_handler(lambda: True, 100)
    for start in range(0, 300, 100):
        await asyncio.gather(
            *(
                store.create("things", {"pk": "a", "id": f"{n:04}", "text": "needle" if n == 250 else "hay"})
                for n in range(start, start + 100)
            )
        )
    found = await store.query("things", "a", Query(contains={"text": "needle"}))
    assert [stored.item["id"] for stored in found] == ["0250"]


@pytest.mark.parametrize(
    ("pk", "query", "index"),
    [
        ("a", Query(above="x"), "PRIMARY KEY"),
        ("a", Query(starts="x"), "PRIMARY KEY"),
        ("a", Query(order="seq", descending=True, below=9), "by:things:pk,seq"),
        ("a", Query(order="seq", above=3, eq={"type": "message"}), "by:things:pk,type,seq"),
        (None, Query(order="seq", below=9), "by:things:seq"),
    ],
)
def test_a_query_by_declared_members_uses_its_index_and_sorts_nothing(
    store: SqliteDocuments, pk: str | None, query: Query, index: str
) -> None:
    sql, values = sqlite_query.select("things", pk, query, 0.0)
    plan = " / ".join(row[3] for row in store._reader.execute(f"EXPLAIN QUERY PLAN {sql}", values))
    assert index in plan
    assert "TEMP B-TREE" not in plan


async def test_indexes_follow_the_declaration(store: SqliteDocuments, tmp_path: Path) -> None:
    await store.close()
    fewer = SqliteDocuments(
        tmp_path / "documents.db", containers=[Container("things", "Made up.", indexed=("seq",), swept=("seq",))]
    )
    names = {name for (name,) in fewer._reader.execute("SELECT name FROM sqlite_master WHERE name LIKE 'by:%'")}
    await fewer.close()
    assert names == {"by:things:pk,seq", "by:things:seq"}


async def test_a_file_of_a_newer_version_is_not_touched(store: SqliteDocuments, tmp_path: Path) -> None:
    await store.close()
    connection = sqlite3.connect(tmp_path / "documents.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    for _ in range(2):  # and the lock is let go of
        with pytest.raises(StoreUnusable, match="newer version"):
            SqliteDocuments(tmp_path / "documents.db", containers=[THINGS])


@pytest.mark.parametrize("content", [b"no database at all, " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_store_is_refused_in_one_line_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "documents.db"
    path.write_bytes(content)
    for _ in range(2):  # and the lock is let go of
        with pytest.raises(StoreUnusable, match="cannot be used") as refusal:
            SqliteDocuments(path, containers=[THINGS])
        assert "\n" not in str(refusal.value)
    assert path.read_bytes() == content


WRITER = """
import asyncio, sys
from pathlib import Path
from adapters.documents.sqlite import SqliteDocuments

async def write(store, worker):
    for n in range(1_000_000):
        await store.create("chat", {"pk": "a", "id": f"{worker}:{n}", "text": "x" * 200})
        print(f"{worker}:{n}", flush=True)

async def main():
    store = SqliteDocuments(Path(sys.argv[1]))
    await asyncio.gather(*(write(store, worker) for worker in range(8)))

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own interpreter
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    store = SqliteDocuments(path)  # the lock went with the process
    found = [await store.find("chat", "a", item_id) for item_id in acknowledged]
    await store.close()
    assert len(acknowledged) >= 300
    assert None not in found


async def test_calls_are_counted_by_kind(store: SqliteDocuments) -> None:
    counting = CountingDocuments(store)
    await counting.create("things", {"pk": "a", "id": "before"})
    with counting.measure() as calls:
        await counting.find_many("things", [("a", "before"), ("a", "2")])
        await counting.create("things", {"pk": "a", "id": "3"})
    assert dict(calls.by_kind) == {"find_many": 1, "create": 1}
    assert (calls.total, calls.reads, calls.writes) == (2, 1, 1)


async def test_a_read_of_one_item_is_never_given_up_however_slow_the_machine(
    store: SqliteDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_LOOP_SECONDS", -1.0)
    await store.create("things", {"pk": "a", "id": "1"})
    for _ in range(1000):
        assert await store.find("things", "a", "1") is not None
