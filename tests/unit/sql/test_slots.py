"""Blocking work waits in turn, never in the event loop, and not for ever."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.sql.slots import Slots, SlotsTaken
from domain.kernel.errors import Kind

SOON = timedelta(milliseconds=30)
LONG = timedelta(seconds=10)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What the work of a test waits for; open at the end, so that no thread is left."""
    gate = threading.Event()
    yield gate
    gate.set()


async def test_work_gives_its_result_and_its_error() -> None:
    slots = Slots(2, patience=LONG, name="t")
    assert await slots.run(lambda: 41 + 1) == 42
    with pytest.raises(ZeroDivisionError):
        await slots.run(lambda: 1 // 0)
    slots.close()


async def test_no_more_runs_at_once_than_there_are_slots(gate: threading.Event) -> None:
    slots = Slots(2, patience=LONG, name="t")
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(0.005)
        with lock:
            running -= 1

    await asyncio.gather(*(slots.run(work) for _ in range(10)))
    slots.close()
    assert most == 2


async def test_who_waits_too_long_is_told_when_to_come_back(gate: threading.Event) -> None:
    slots = Slots(1, patience=SOON, name="t")
    busy = asyncio.create_task(slots.run(gate.wait))
    await asyncio.sleep(0)
    with pytest.raises(SlotsTaken) as refused:
        await slots.run(lambda: None)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert refused.value.retry_after
    gate.set()
    await busy
    assert await slots.run(lambda: "free again") == "free again"
    slots.close()


async def test_the_loop_goes_on_while_every_slot_is_busy(gate: threading.Event) -> None:
    slots = Slots(1, patience=LONG, name="t")
    busy = [asyncio.create_task(slots.run(gate.wait)) for _ in range(3)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(20):
        await asyncio.sleep(0)
    assert loop.time() - began < 1
    assert not any(task.done() for task in busy)
    gate.set()
    await asyncio.gather(*busy)
    slots.close()


async def test_a_caller_who_leaves_frees_the_slot_only_when_the_driver_is_done(gate: threading.Event) -> None:
    slots = Slots(1, patience=SOON, name="t")
    busy = asyncio.create_task(slots.run(gate.wait))
    await asyncio.sleep(0.01)
    busy.cancel()
    with pytest.raises(asyncio.CancelledError):
        await busy
    with pytest.raises(SlotsTaken):
        await slots.run(lambda: None)
    gate.set()
    await asyncio.sleep(0.01)
    assert await slots.run(lambda: 1) == 1
    slots.close()


async def test_after_closing_there_is_no_more() -> None:
    slots = Slots(1, patience=SOON, name="t")
    slots.close()
    for _ in range(2):  # and no slot is lost by asking
        with pytest.raises(RuntimeError):
            await slots.run(lambda: 1)
