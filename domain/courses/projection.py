"""What follows a write in another partition: a course's counters, and its entry in the catalogue.

Each step may run twice, late, out of order and beside itself, and ends the same: markers and entries carry versions
and are written by etag. The tasks travel in the outbox (`domain/kernel/outbox.py`) of the write that caused them.
"""

from typing import Any, Final

from domain.courses.entries import CATALOGUE_PK, entry_item, entry_item_id, merge_entries
from domain.courses.model import Stats
from domain.courses.progress import Standing
from domain.courses.records import (
    COURSE_ID,
    STATS_ID,
    member_item,
    member_item_id,
    read_course,
    read_standing,
    read_stats,
    standing_payload,
    stats_change,
)
from domain.kernel.clock import Clock
from domain.kernel.containers import COURSES
from domain.kernel.documents import (
    Create,
    DocumentStore,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Replace,
)
from domain.kernel.errors import Conflict
from domain.kernel.outbox import Task

QUEUE: Final = "courses"
"""The queue of this feature's tasks; `blueprints/jobs.py` hands them to `Projection.run`."""
_ATTEMPTS: Final = 100
"""Rounds of a race before it is left to the sweep. Each round somebody wins, so this many must meet at once."""


def standing_task(standing: Standing) -> Task:
    """To count one member's new standing."""
    task_id = f"{standing.course_id}:{standing.version}"
    return Task(task_id, QUEUE, {"kind": "standing", **standing_payload(standing)})


def entry_task(course_id: str, revision: int) -> Task:
    """To show an edited course in the catalogue."""
    return Task(f"{course_id}:{revision}", QUEUE, {"kind": "entry", "courseId": course_id})


class Projection:
    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def run(self, payload: dict[str, Any]) -> None:
        """Do one task from the queue. Raises Unavailable, Conflict (both: try again later)."""
        if payload["kind"] == "standing":
            await self.count(read_standing(payload))
        else:
            await self.show(payload["courseId"])

    async def count(self, standing: Standing) -> None:
        """Make the course's counters hold *standing*, each person once, and the catalogue show them.

        One call when nobody else is there (a person's first enrolment) or two, and two more for the catalogue.
        """
        if await self._count(standing):
            await self.show(standing.course_id)

    async def _count(self, standing: Standing) -> bool:
        """False when the course is gone."""
        known = None if standing.version == 1 else await self._find_member(standing)
        for _ in range(_ATTEMPTS):
            before, etag = known if known is not None else (None, None)
            if before is not None and before.version >= standing.version:
                return True
            marker = member_item(standing)
            change = stats_change(before, standing)
            operations: list[Operation] = [Create(marker) if etag is None else Replace(marker, etag)]
            if change:
                operations.append(Patch(STATS_ID, incr={**change, "version": 1}))
            try:
                await self._documents.batch(COURSES, standing.course_id, operations)
            except (ItemExists, ItemStale):
                known = await self._find_member(standing)
            except ItemNotFound as gone:
                if gone.operation_index == 1:
                    return False
                known = await self._find_member(standing)
            else:
                return True
        raise Conflict

    async def _find_member(self, standing: Standing) -> tuple[Standing, str] | None:
        stored = await self._documents.find(COURSES, standing.course_id, member_item_id(standing.user_id))
        return None if stored is None else (read_standing(stored.item), stored.etag)

    async def show(self, course_id: str) -> None:
        """Make the catalogue's entry follow the course and its counters. One call to look, one to write."""
        keys = [(course_id, COURSE_ID), (course_id, STATS_ID), (CATALOGUE_PK, entry_item_id(course_id))]
        for _ in range(_ATTEMPTS):
            course, stats, entry = await self._documents.find_many(COURSES, keys)
            if course is None:
                return
            made = entry_item(
                read_course(course.item),
                Stats() if stats is None else read_stats(stats.item),
                changed_at=self._clock.now(),
            )
            try:
                if entry is not None:
                    merged = merge_entries(entry.item, made)
                    if merged is not None:
                        await self._documents.replace(COURSES, merged, if_match=entry.etag)
                elif made["listed"]:  # a draft that never was published has no entry
                    await self._documents.create(COURSES, made)
            except (ItemExists, ItemStale, ItemNotFound):
                continue
            return
        raise Conflict
