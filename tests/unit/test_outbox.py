"""Nothing that must follow a write is lost: not by a crash between the two, not by a queue that is down."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.kernel.containers import ACCOUNTS, LEARNING, OUTBOX_CONTAINERS
from domain.kernel.documents import Create, Item, Query
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import Outbox, Task, outbox_item, queued_task
from tests.factories import ManualClock


@dataclass
class Post:
    clock: ManualClock
    documents: SqliteDocuments
    queue: SqliteQueue
    outbox: Outbox
    queue_path: Path

    async def write(self, name: str, container: str = ACCOUNTS) -> Item:
        """A write and the task that must follow it, in one batch: then the process could die."""
        item = outbox_item(Task(name, "mail", {"n": name}), pk="ada", now=self.clock.now())
        await self.documents.batch(container, "ada", [Create({"pk": "ada", "id": f"fact:{name}"}), Create(item)])
        return item

    async def left(self, container: str = ACCOUNTS) -> list[str]:
        found = await self.documents.query(container, "ada", Query(starts="outbox:"))
        return [stored.item["id"] for stored in found]

    async def queued(self) -> list[str]:
        return [json.loads(message.body)["n"] for message in await self.queue.peek("mail")]

    def break_queue(self) -> None:
        self.queue_path.mkdir()

    def mend_queue(self) -> None:
        self.queue_path.rmdir()


@pytest.fixture
async def post(tmp_path: Path) -> AsyncGenerator[Post]:
    clock = ManualClock()
    documents = SqliteDocuments(tmp_path / "documents.db", clock)
    queue = SqliteQueue(tmp_path / "queues.db", clock)
    yield Post(clock, documents, queue, Outbox(documents, queue, clock), tmp_path / "queues.db")
    await queue.close()
    await documents.close()


async def test_what_is_handed_over_leaves_the_outbox(post: Post) -> None:
    item = await post.write("one")
    await post.outbox.hand_over(ACCOUNTS, item)
    assert await post.queued() == ["one"]
    assert await post.left() == []


async def test_a_crash_after_the_write_is_made_good_by_the_sweep(post: Post) -> None:
    await post.write("one")
    post.clock.advance(seconds=20)
    assert await post.outbox.sweep_all() == 1
    assert await post.queued() == ["one"]
    assert await post.left() == []


async def test_the_sweep_leaves_time_to_the_request_that_wrote(post: Post) -> None:
    await post.write("one")
    post.clock.advance(seconds=10)
    assert await post.outbox.sweep_all() == 0


async def test_a_queue_that_is_down_does_not_fail_the_request_and_loses_nothing(post: Post) -> None:
    post.break_queue()
    item = await post.write("one")
    await post.outbox.offer(ACCOUNTS, item)
    post.clock.advance(seconds=20)
    with pytest.raises(Unavailable):
        await post.outbox.sweep_all()
    assert await post.left() == ["outbox:one"]
    post.mend_queue()
    assert await post.outbox.sweep_all() == 1
    assert await post.queued() == ["one"]


async def test_a_crash_after_the_queue_took_it_runs_the_task_again(post: Post) -> None:
    item = await post.write("one")
    await post.queue.send(item["queue"], item["payload"])
    post.clock.advance(seconds=20)
    await post.outbox.sweep_all()
    assert await post.queued() == ["one", "one"]


async def test_two_sweeps_of_the_same_items_do_each_other_no_harm(post: Post) -> None:
    item = await post.write("one")
    await post.outbox.hand_over(ACCOUNTS, item)
    await post.outbox.hand_over(ACCOUNTS, item)
    assert await post.left() == []


async def test_every_container_that_can_hold_outbox_items_is_swept(post: Post) -> None:
    for container in OUTBOX_CONTAINERS:
        await post.write(container, container)
    post.clock.advance(seconds=20)
    assert await post.outbox.sweep_all() == len(OUTBOX_CONTAINERS) >= 2
    assert sorted(await post.queued()) == sorted(OUTBOX_CONTAINERS)
    assert LEARNING in OUTBOX_CONTAINERS


async def test_what_was_done_at_once_never_reaches_the_queue(post: Post) -> None:
    item = await post.write("one")

    async def work() -> None: ...

    await post.outbox.do_now(ACCOUNTS, item, work())
    assert await post.left() == []
    assert await post.queued() == []


async def test_what_failed_at_once_waits_for_the_sweep(post: Post) -> None:
    item = await post.write("one")

    async def work() -> None:
        raise Unavailable

    await post.outbox.do_now(ACCOUNTS, item, work())
    assert await post.left() == ["outbox:one"]


async def test_the_oldest_is_handed_over_first(post: Post) -> None:
    for n in range(5):
        await post.write(f"n{n}")
        post.clock.advance(timedelta(seconds=1))
    post.clock.advance(seconds=20)
    assert await post.outbox.sweep(ACCOUNTS, limit=3) == 3
    assert await post.queued() == ["n0", "n1", "n2"]


async def test_a_task_waits_for_a_service_that_is_away_however_long(post: Post) -> None:
    """A queue gives a message up after five tries, which an outage outlasts."""
    payload = {"n": "one"}

    async def away() -> None:
        raise Unavailable

    for _ in range(20):
        await post.outbox.keep_trying(ACCOUNTS, queued_task("mail", payload), away())
        assert await post.outbox.sweep(ACCOUNTS) == 0, "not at once"
        post.clock.advance(timedelta(seconds=5, milliseconds=1))
        assert await post.outbox.sweep(ACCOUNTS) == 1, "once, however often it was put back"
    for message in await post.queue.receive("mail", limit=32):
        assert (json.loads(message.body), message.dequeue_count) == (payload, 1)


async def test_a_task_that_was_done_waits_for_nothing(post: Post) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("one")

    await post.outbox.keep_trying(ACCOUNTS, queued_task("mail", {"n": "one"}), work())
    post.clock.advance(timedelta(hours=1))
    assert (done, await post.outbox.sweep(ACCOUNTS)) == (["one"], 0)


async def test_a_task_that_makes_no_sense_is_the_queues_to_give_up(post: Post) -> None:
    async def nonsense() -> None:
        raise KeyError("task")

    with pytest.raises(KeyError):
        await post.outbox.keep_trying(ACCOUNTS, queued_task("mail", {}), nonsense())
