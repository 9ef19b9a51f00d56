"""What only the embedded queue does: poison, restarts, the dev page's view."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.queues.sqlite import MAX_TRIES, SqliteQueue
from domain.kernel.errors import Unavailable
from tests.factories import ManualClock

SHORT = timedelta(seconds=2)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def queue(tmp_path: Path, clock: ManualClock) -> AsyncGenerator[SqliteQueue]:
    made = SqliteQueue(tmp_path / "queues.db", clock)
    yield made
    await made.close()


def test_the_embedded_queue_gives_up_when_the_host_does() -> None:
    settings = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert settings["maxDequeueCount"] == MAX_TRIES
    assert settings["messageEncoding"] == "none"


async def test_what_fails_five_times_goes_to_poison(queue: SqliteQueue, clock: ManualClock) -> None:
    await queue.send("mail", {"n": 1})
    for tries in range(1, MAX_TRIES + 1):
        [message] = await queue.receive("mail")
        assert message.dequeue_count == tries
        await queue.give_back(message, after=SHORT)
        clock.advance(SHORT)
    assert await queue.receive("mail") == []
    [poisoned] = await queue.peek("mail-poison")
    assert json.loads(poisoned.body) == {"n": 1}


async def test_a_message_that_kills_its_consumer_five_times_goes_to_poison(
    queue: SqliteQueue, clock: ManualClock
) -> None:
    await queue.send("mail", {"n": 1})
    for _ in range(MAX_TRIES):
        assert len(await queue.receive("mail", visibility=SHORT)) == 1
        clock.advance(SHORT)
    assert await queue.receive("mail") == []
    assert [message.queue for message in await queue.peek()] == ["mail-poison"]


async def test_a_late_consumer_cannot_delete_what_another_has_received_since(
    queue: SqliteQueue, clock: ManualClock
) -> None:
    await queue.send("mail", {"n": 1})
    [late] = await queue.receive("mail", visibility=SHORT)
    clock.advance(SHORT)
    [present] = await queue.receive("mail", visibility=SHORT)
    assert not await queue.delete(late)
    await queue.give_back(late, after=timedelta(0))
    assert await queue.receive("mail") == []
    assert await queue.delete(present)


async def test_messages_survive_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "below" / "queues.db"
    before = SqliteQueue(path, clock)
    await asyncio.gather(*(before.send("mail", {"n": n}) for n in range(20)))
    await before.close()
    after = SqliteQueue(path, clock)
    messages = await after.receive("mail", limit=100)
    assert sorted(json.loads(message.body)["n"] for message in messages) == list(range(20))
    await after.close()


async def test_two_consumers_never_hold_the_same_message(queue: SqliteQueue) -> None:
    for n in range(30):
        await queue.send("mail", {"n": n})
    batches = await asyncio.gather(*(queue.receive("mail", limit=4) for _ in range(10)))
    ids = [message.id for batch in batches for message in batch]
    assert len(ids) == len(set(ids)) == 30


async def test_the_oldest_comes_first_and_next_visible_tells_when(queue: SqliteQueue, clock: ManualClock) -> None:
    assert await queue.next_visible() is None
    first_sent = clock.now()
    for n in range(3):
        await queue.send("mail", {"n": n})
        clock.advance(SHORT)
    assert await queue.next_visible() == first_sent
    [message] = await queue.receive("mail", limit=1)
    assert json.loads(message.body) == {"n": 0}


async def test_a_send_wakes_whoever_waits(queue: SqliteQueue) -> None:
    waiting = asyncio.create_task(queue.arrived.wait())
    await queue.send("mail", {"n": 1})
    assert await asyncio.wait_for(waiting, 5)


async def test_a_file_that_cannot_be_opened_is_unavailable_and_heals(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "queues.db"
    path.mkdir()
    queue = SqliteQueue(path, clock)
    with pytest.raises(Unavailable):
        await queue.send("mail", {"n": 1})
    path.rmdir()
    await queue.send("mail", {"n": 1})
    assert len(await queue.receive("mail")) == 1
    await queue.close()


async def test_every_commit_waits_for_the_disk(queue: SqliteQueue, tmp_path: Path) -> None:
    await queue.ping()
    assert isinstance(queue._connection, sqlite3.Connection)
    assert queue._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert queue._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
