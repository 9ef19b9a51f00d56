"""Queues and timers of an app of our own, through the dev host's drain and the real embedded queue."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import azure.functions as func
import pytest

from adapters.queues.sqlite import SqliteQueue
from devhost.functions import functions_of
from devhost.queues import QueueDrain, QueueRules
from devhost.timers import Timers
from tests.factories import NOON, ManualClock


class Shop:
    """An app with one queue function and one timer, and what they saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int | None]] = []
        self.ticks: list[bool] = []
        self.going = asyncio.Event()
        app = func.FunctionApp()

        @app.queue_trigger(arg_name="message", queue_name="work", connection="AzureWebJobsStorage")
        async def work(message: func.QueueMessage) -> None:
            text = message.get_json()["say"]
            self.seen.append((text, message.dequeue_count))
            self.going.set()
            if text == "bad":
                raise ValueError(text)
            if text == "slow":
                await asyncio.Event().wait()

        @app.timer_trigger(arg_name="timer", schedule="* * * * * *", use_monitor=False)
        async def tick(timer: func.TimerRequest) -> None:
            self.ticks.append(timer.past_due)
            if len(self.ticks) == 3:
                self.going.set()
            if len(self.ticks) == 1:
                raise ValueError("the first fails")

        self.functions = functions_of(app)


RULES = QueueRules(at_once=8, shown_again_after=timedelta(seconds=30))


@pytest.fixture
async def queue(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteQueue]:
    queue = SqliteQueue(tmp_path / "queues.db", clock)
    yield queue
    await queue.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_what_is_done_is_deleted(shop: Shop, queue: SqliteQueue, clock: ManualClock) -> None:
    await queue.send("work", {"say": "hello"})
    await QueueDrain(shop.functions, queue, clock, RULES).until_quiet()
    assert shop.seen == [("hello", 1)]
    assert await queue.peek() == []


async def test_what_fails_comes_back_later_and_ends_as_poison(
    shop: Shop, queue: SqliteQueue, clock: ManualClock
) -> None:
    await queue.send("work", {"say": "bad"})
    drain = QueueDrain(shop.functions, queue, clock, RULES)
    for _ in range(7):
        await drain.until_quiet()
        clock.advance(seconds=30)
    assert [tries for _, tries in shop.seen] == [1, 2, 3, 4, 5]
    assert [message.queue for message in await queue.peek()] == ["work-poison"]


async def test_the_drain_wakes_for_what_arrives(shop: Shop, queue: SqliteQueue, clock: ManualClock) -> None:
    running = asyncio.create_task(QueueDrain(shop.functions, queue, clock, RULES).run())
    await queue.send("work", {"say": "one"})
    await asyncio.wait_for(shop.going.wait(), 5)
    running.cancel()
    await asyncio.wait([running])
    assert shop.seen == [("one", 1)]
    assert await queue.peek() == []


async def test_what_a_dead_process_was_working_on_is_shown_at_once(
    shop: Shop, queue: SqliteQueue, clock: ManualClock
) -> None:
    await queue.send("work", {"say": "again"})
    await queue.receive("work", visibility=timedelta(minutes=10))  # ... and that process dies
    running = asyncio.create_task(QueueDrain(shop.functions, queue, clock, RULES).run())
    await asyncio.wait_for(shop.going.wait(), 5)
    running.cancel()
    await asyncio.wait([running])
    assert shop.seen == [("again", 2)]


async def test_what_cannot_end_in_time_is_kept(
    shop: Shop, queue: SqliteQueue, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devhost.queues._GRACE", 0.01)
    await queue.send("work", {"say": "slow"})
    running = asyncio.create_task(QueueDrain(shop.functions, queue, clock, RULES).run())
    await asyncio.wait_for(shop.going.wait(), 5)
    running.cancel()
    await asyncio.wait([running])
    assert [message.queue for message in await queue.peek()] == ["work"]


async def test_a_timer_fires_and_bears_its_own_failure(shop: Shop) -> None:
    always_just_before_a_second = ManualClock(NOON.replace(microsecond=999_000))
    running = asyncio.create_task(Timers(shop.functions, always_just_before_a_second).run())
    await asyncio.wait_for(shop.going.wait(), 5)
    running.cancel()
    await asyncio.wait([running])
    assert shop.ticks == [False, False, False]
