"""Drains the embedded queues into the queue triggers, as the Functions host does with Azure's.

A message is hidden while a function works on it, deleted when the function returns, shown again after
`visibilityTimeout` when it raises, and after five tries moved to `<name>-poison`. At most `batchSize` of one queue
run at once. What was being worked on when a process died is shown at once to the next: a folder has one process.
"""

import asyncio
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from azure.functions.queue import QueueMessage

from adapters.queues.sqlite import QueuedMessage
from devhost.asgi import HOST_JSON
from devhost.functions import Function
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable

log = logging.getLogger("devhost")

HELD_FOR: Final = timedelta(minutes=10)
"""The host hides a message this long while a function has it."""
_LOOK_AGAIN: Final = 1.0
"""Seconds between looks when something is due and cannot be taken."""
_IDLE: Final = 5.0
_GRACE: Final = 2.0


@dataclass(frozen=True, slots=True)
class QueueRules:
    """`extensions.queues` of host.json."""

    at_once: int
    shown_again_after: timedelta

    @classmethod
    def read(cls, host_json: Path = HOST_JSON) -> "QueueRules":
        rules = json.loads(host_json.read_text("utf-8")).get("extensions", {}).get("queues", {})
        hours, minutes, seconds = (int(part) for part in rules.get("visibilityTimeout", "00:00:00").split(":"))
        return cls(int(rules.get("batchSize", 16)), timedelta(hours=hours, minutes=minutes, seconds=seconds))


@dataclass(slots=True)
class _Consumer:
    function: Function
    queue: str
    running: set[asyncio.Task[None]] = field(default_factory=set)


def queue_message(message: QueuedMessage) -> QueueMessage:
    """What a queue function gets."""
    return QueueMessage(
        id=message.id,
        body=message.body.encode(),
        dequeue_count=message.dequeue_count,
        insertion_time=message.inserted_at,
        expiration_time=message.inserted_at + timedelta(days=7),
        time_next_visible=message.visible_at,
        pop_receipt=message.pop_receipt,
    )


class Consumed(Protocol):
    """The consuming side of the queues, embedded or Azure's."""

    arrived: asyncio.Event

    async def receive(self, name: str, *, limit: int = 8, visibility: timedelta = ...) -> list[QueuedMessage]: ...

    async def delete(self, message: QueuedMessage) -> bool: ...

    async def give_back(self, message: QueuedMessage, *, after: timedelta) -> None: ...

    async def release(self) -> None: ...

    async def peek(self, name: str | None = None, *, limit: int = 100) -> list[QueuedMessage]: ...

    async def next_visible(self) -> datetime | None: ...


class QueueDrain:
    """Takes what is visible and calls the function of its queue."""

    def __init__(self, functions: Iterable[Function], queue: Consumed, clock: Clock, rules: QueueRules) -> None:
        self._queue = queue
        self._clock = clock
        self._rules = rules
        self._consumers = [
            _Consumer(function, function.trigger["queueName"])
            for function in functions
            if function.kind == "queueTrigger"
        ]
        self.failures: list[Exception] = []
        """What functions raised since somebody last looked and cleared it; the log has it too."""

    async def run(self) -> None:
        """Until cancelled; what runs then has `_GRACE` seconds to end, else it is shown again at the next start."""
        await self._queue.release()
        try:
            while True:
                self._queue.arrived.clear()
                try:
                    wait = 0.0 if await self._take() else await self._until_next()
                except Unavailable:
                    log.exception("the queues cannot be read")
                    wait = _LOOK_AGAIN
                if wait:
                    await self._sleep(wait)
        finally:
            await self._stop()

    async def until_quiet(self) -> None:
        """Work off everything that is visible, and what that brings about. For tests."""
        while await self._take():
            await asyncio.gather(*(task for consumer in self._consumers for task in consumer.running))

    async def _take(self) -> int:
        """Start what can be started; returns how many."""
        started = 0
        for consumer in self._consumers:
            free = self._rules.at_once - len(consumer.running)
            if free <= 0:
                continue
            for message in await self._queue.receive(consumer.queue, limit=free, visibility=HELD_FOR):
                task = asyncio.create_task(self._handle(consumer.function, message))
                consumer.running.add(task)
                task.add_done_callback(consumer.running.discard)
                task.add_done_callback(lambda _: self._queue.arrived.set())
                started += 1
        return started

    async def _handle(self, function: Function, message: QueuedMessage) -> None:
        try:
            await function.invoke(queue_message(message))
        except Exception as error:
            log.exception("%s failed with message %s, try %d", function.name, message.id, message.dequeue_count)
            self.failures.append(error)
            await self._queue.give_back(message, after=self._rules.shown_again_after)
        else:
            await self._queue.delete(message)

    async def _until_next(self) -> float:
        visible_at = await self._queue.next_visible()
        if visible_at is None:
            return _IDLE
        due = (visible_at - self._clock.now()).total_seconds()
        return _LOOK_AGAIN if due <= 0 else min(due, _IDLE)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._queue.arrived.wait()
        except TimeoutError:
            return

    async def _stop(self) -> None:
        running = [task for consumer in self._consumers for task in consumer.running]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=_GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
