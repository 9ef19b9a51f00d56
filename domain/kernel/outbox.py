"""What must follow a write survives a crash between the two.

A use case adds an outbox item to the batch of the write itself, so both become durable together. Right after, the
item is handed to its queue and deleted; when that fails, a timer hands over what is due. So every task arrives at
least once, and its consumer must be safe to run twice. Items hold ids, never addresses, tokens or text.
"""

import hashlib
import json
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import OUTBOX_CONTAINERS
from domain.kernel.documents import DocumentStore, Item, ItemNotFound, Query, Stored
from domain.kernel.errors import DomainError, Unavailable

SWEEP_AFTER: Final = timedelta(seconds=15)
"""How long the request that wrote an item has for handing it over itself."""

AGAIN_AFTER: Final = timedelta(seconds=5)
"""How long a task waits that met a service which is away."""


NO_DELAY: Final = timedelta()


@dataclass(frozen=True, slots=True)
class Task:
    """Work for a queue. *id* is unique for the event, so that consumers can tell a repeat."""

    id: str
    queue: str
    payload: dict[str, Any]


class Queue(Protocol):
    """At least once, in no order; what fails five times goes to `<name>-poison`."""

    async def send(self, name: str, payload: dict[str, Any], *, delay: timedelta = NO_DELAY) -> None:
        """Return when the message is durable. *payload* becomes JSON of at most 48 KiB. Raises Unavailable.

        Nobody sees it before *delay* has passed: whole seconds, at most seven days (the service's limit).
        """
        ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


def queued_task(queue: str, payload: dict[str, Any]) -> Task:
    """A task as its queue hands it over, without its id: the same payload is the same task."""
    digest = hashlib.sha256(json.dumps([queue, payload], sort_keys=True).encode()).hexdigest()
    return Task(digest[:32], queue, payload)


def outbox_item(task: Task, *, pk: str, now: datetime) -> Item:
    """The item to add to the batch in partition *pk*."""
    return {
        "id": f"outbox:{task.id}",
        "pk": pk,
        "type": "outbox",
        "dueAt": f"{to_iso(now + SWEEP_AFTER)}:{task.id}",  # unique, so it can order the sweep
        "queue": task.queue,
        "payload": task.payload,
    }


class Outbox:
    """Hands outbox items over to their queues."""

    def __init__(self, documents: DocumentStore, queue: Queue, clock: Clock) -> None:
        self._documents = documents
        self._queue = queue
        self._clock = clock

    async def hand_over(self, container: str, item: Item, *, delay: timedelta = NO_DELAY) -> None:
        """Queue the item's task, to be seen after *delay*, then delete the item. Raises Unavailable; the item then
        waits for `sweep`."""
        await self._queue.send(item["queue"], item["payload"], delay=delay)
        try:
            await self._documents.delete(container, item["pk"], item["id"])
        except ItemNotFound:
            return  # the sweep was here first: the task may run twice, which it must bear

    async def offer(self, container: str, item: Item, *, delay: timedelta = NO_DELAY) -> None:
        """Hand over now if that works; else leave it to the sweep. For requests, whose answer stands already."""
        with suppress(Unavailable):
            await self.hand_over(container, item, delay=delay)

    async def do_now(self, container: str, item: Item, work: Awaitable[object]) -> None:
        """Do the item's *work* here and now, which saves the queue; what fails is left to the sweep."""
        with suppress(DomainError):
            await work
            await self._documents.delete(container, item["pk"], item["id"])

    async def keep_trying(self, container: str, task: Task, work: Awaitable[object]) -> None:
        """Do the *work* of a task that came by its queue. While a service it needs is away, the task waits here.

        A queue gives a message up after five tries, about two minutes: less than outages take. Raises Unavailable
        where the store is away, too.
        """
        try:
            await work
        except Unavailable:
            await self._documents.upsert(
                container, outbox_item(task, pk=f"again:{task.id}", now=self._clock.now() - SWEEP_AFTER + AGAIN_AFTER)
            )

    async def sweep_all(self, containers: Sequence[str] = OUTBOX_CONTAINERS) -> int:
        """`sweep` each, whatever befalls the others. Raises the first failure once all were tried."""
        swept, failure = 0, None
        for container in containers:
            try:
                swept += await self.sweep(container)
            except Unavailable as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return swept

    async def sweep(self, container: str, *, limit: int = 100) -> int:
        """Hand over what is due in *container*; returns how many. Stops at the first that fails."""
        due: list[Stored] = await self._documents.query_everywhere(
            container,
            Query(order="dueAt", below=to_iso(self._clock.now()), eq={"type": "outbox"}, limit=limit),
        )
        for stored in due:
            await self.hand_over(container, stored.item)
        return len(due)
