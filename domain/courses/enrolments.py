"""Enrolments in the store: one item per person and course, created once and then changed by etag.

What the course counts follows each change: a task in the outbox of the same batch, done right after, and left to
the sweep when that fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.courses.model import NotEnrolled
from domain.courses.progress import ACCESS_GRAIN, Enrolment, standing_of
from domain.courses.projection import Projection, standing_task
from domain.courses.records import ENROLMENT_PREFIX, enrolment_item, enrolment_item_id, read_enrolment
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import LEARNING
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Query,
    Replace,
)
from domain.kernel.errors import Conflict, Unavailable
from domain.kernel.outbox import outbox_item

Rule = Callable[[Enrolment], Enrolment]
"""Pure. The same object back means that nothing changes; it may raise."""

_ATTEMPTS: Final = 100
"""Rounds of a race between one person's own requests; each round one of them wins."""
_PAGE: Final = 200
"""Nearly everybody's fit into one; the embedded store reads up to so many without changing threads."""


@dataclass(frozen=True, slots=True)
class Held:
    enrolment: Enrolment
    etag: str


class Enrolments:
    def __init__(self, documents: DocumentStore, projection: Projection, clock: Clock) -> None:
        self._documents = documents
        self._projection = projection
        self._clock = clock

    async def find(self, user_id: str, course_id: str) -> Held | None:
        """One store call. Also finds an enrolment that was left."""
        stored = await self._documents.find(LEARNING, user_id, enrolment_item_id(course_id))
        return None if stored is None else Held(read_enrolment(stored.item), stored.etag)

    async def list_all(self, user_id: str) -> list[Enrolment]:
        """Every course the person ever enrolled in. One store call for each two hundred."""
        found: list[Enrolment] = []
        last: str | None = None
        while True:
            query = Query(starts=ENROLMENT_PREFIX, above=last, limit=_PAGE)
            page = await self._documents.query(LEARNING, user_id, query)
            found.extend(read_enrolment(stored.item) for stored in page)
            if len(page) < _PAGE:
                return found
            last = page[-1].item["id"]

    async def create(self, enrolment: Enrolment) -> bool:
        """False when the person has an enrolment in this course already: of any number at once, one gets True."""
        task = self._counting(enrolment)
        try:
            await self._documents.batch(LEARNING, enrolment.user_id, [Create(enrolment_item(enrolment)), Create(task)])
        except ItemExists:
            return False
        await self._count(enrolment, task)
        return True

    async def change(self, user_id: str, course_id: str, rule: Rule, *, held: Held | None = None) -> Enrolment:
        """Apply *rule* to what is stored, again and again until nobody wrote in between.

        *held* saves the first read. Raises NotEnrolled where there is no enrolment, and what *rule* raises.
        """
        for _ in range(_ATTEMPTS):
            held = held or await self.find(user_id, course_id)
            if held is None:
                raise NotEnrolled
            after = rule(held.enrolment)
            if after is held.enrolment:
                return after
            counted = after.version != held.enrolment.version
            task = self._counting(after)
            operations: list[Operation] = [Replace(enrolment_item(after), held.etag)]
            if counted:
                operations.append(Create(task))
            try:
                await self._documents.batch(LEARNING, user_id, operations)
            except (ItemStale, ItemNotFound):
                held = None
                continue
            if counted:
                await self._count(after, task)
            return after
        raise Conflict

    async def touch(self, held: Held) -> None:
        """Note that the course was read just now, at most every ten minutes. Nobody waits for a store that is away."""
        now = self._clock.now()
        if now - held.enrolment.last_accessed_at < ACCESS_GRAIN:
            return
        item_id = enrolment_item_id(held.enrolment.course_id)
        try:
            change = Patch(item_id, set={"lastAccessedAt": to_iso(now)})
            await self._documents.patch(LEARNING, held.enrolment.user_id, change)
        except (Unavailable, ItemNotFound):
            return

    def _counting(self, enrolment: Enrolment) -> Item:
        return outbox_item(standing_task(standing_of(enrolment)), pk=enrolment.user_id, now=self._clock.now())

    async def _count(self, enrolment: Enrolment, task: Item) -> None:
        """Do the task now. What was answered does not depend on it: when it cannot be done, the sweep will."""
        try:
            await self._projection.count(standing_of(enrolment))
            await self._documents.delete(LEARNING, enrolment.user_id, task["id"])
        except (Unavailable, Conflict, ItemNotFound):
            return
