"""Putting courses into the store: what `load-courses` does, and authoring will."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.courses.entries import CATALOGUE_PK
from domain.courses.media import claim_name, files_in, media_faults
from domain.courses.model import Course, Lesson, Stats
from domain.courses.ports import Media
from domain.courses.projection import Projection, entry_task
from domain.courses.records import COURSE_ID, course_item, lesson_item, lesson_item_id, read_course, stats_item
from domain.kernel.clock import Clock
from domain.kernel.containers import COURSES
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemNotFound,
    Operation,
    Query,
    Replace,
    Stored,
    Upsert,
)
from domain.kernel.errors import Invalid
from domain.kernel.outbox import outbox_item

_BATCH_BYTES: Final = 1024 * 1024
"""Half of what one batch may hold: JSON on the wire may be larger than here."""


@dataclass(frozen=True, slots=True)
class WholeCourse:
    """*course* and its lessons, in the order of the outline. Times and revision are the store's business."""

    course: Course
    lessons: tuple[Lesson, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    created: int = 0
    changed: int = 0
    unchanged: int = 0


class Publishing:
    def __init__(self, documents: DocumentStore, projection: Projection, media: Media, clock: Clock) -> None:
        self._documents = documents
        self._media = media
        self._projection = projection
        self._clock = clock

    async def is_empty(self) -> bool:
        """No course was ever published here. One store call."""
        return not await self._documents.query(COURSES, CATALOGUE_PK, Query(starts="entry:", limit=1))

    async def load(self, courses: Sequence[WholeCourse]) -> Loaded:
        """Make the store hold *courses* as given; other courses stay as they are.

        Loading the same again writes nothing. Counters, enrolments and progress are never touched. A load that was
        cut short is completed by the next. Raises Conflict when a course is edited at the same time, and Invalid for
        files of ours that the course cannot have; it then stays as it was.
        """
        results = [await self._put(whole) for whole in courses]
        return Loaded(*(results.count(outcome) for outcome in ("created", "changed", "unchanged")))

    async def _put(self, whole: WholeCourse) -> str:
        course_id = whole.course.id
        wanted = {lesson_item_id(lesson.head.id): lesson_item(lesson) for lesson in whole.lessons}
        held = await self._documents.find(COURSES, course_id, COURSE_ID)
        lessons = await self._documents.query(COURSES, course_id, Query(starts="lesson:", limit=1000))
        known = {stored.item["id"]: stored.item for stored in lessons}
        held_files, shown_files = _files(known.values()), _files(wanted.values())
        await self._claim(whole, sorted(shown_files))
        stale = [item for item_id, item in wanted.items() if known.get(item_id) != item]
        course = self._next(whole.course, held, lessons_changed=bool(stale))
        # Lessons first: what the outline names is there, and what it does not name yet nobody sees.
        for operations in _chunks(stale):
            await self._documents.batch(COURSES, course_id, operations)
        task = None if course is None else await self._write(course, held)
        for item_id in known.keys() - wanted.keys():
            await self._forget(course_id, item_id)
        if held_files - shown_files:
            await self._media.release(sorted(held_files - shown_files), claim=claim_name(course_id))
        await self._projection.show(course_id)  # also when nothing changed: it mends what was cut short
        if task is not None:
            await self._forget(course_id, task)
        if held is None:
            return "created"
        return "unchanged" if course is None else "changed"

    async def _claim(self, whole: WholeCourse, file_ids: Sequence[str]) -> None:
        if file_ids:
            refused = await self._media.claim(file_ids, claim=claim_name(whole.course.id))
            if refused:
                raise Invalid(faults=media_faults(whole.lessons, refused))

    def _next(self, course: Course, held: Stored | None, *, lessons_changed: bool) -> Course | None:
        """The course to write, None when the one that is held says the same."""
        now = self._clock.now()
        if held is None:
            return replace(course, created_at=now, updated_at=now, revision=1)
        old = read_course(held.item)
        same = replace(course, created_at=old.created_at, updated_at=old.updated_at, revision=old.revision) == old
        if same and not lessons_changed:
            return None
        return replace(course, created_at=old.created_at, updated_at=now, revision=old.revision + 1)

    async def _write(self, course: Course, held: Stored | None) -> str:
        """Returns the id of the outbox item that was written along."""
        task = outbox_item(entry_task(course.id, course.revision), pk=course.id, now=self._clock.now())
        operations: list[Operation] = (
            [Create(course_item(course)), Create(stats_item(course.id, Stats()))]
            if held is None
            else [Replace(course_item(course), held.etag)]
        )
        await self._documents.batch(COURSES, course.id, [*operations, Create(task)])
        task_id: str = task["id"]
        return task_id

    async def _forget(self, course_id: str, item_id: str) -> None:
        try:
            await self._documents.delete(COURSES, course_id, item_id)
        except ItemNotFound:
            return  # somebody was quicker: another load, or the sweep


def _files(lessons: Iterable[Item]) -> set[str]:
    return {file_id for lesson in lessons for file_id in files_in(lesson)}


def _chunks(items: Sequence[Item]) -> list[list[Operation]]:
    """Upserts in batches that the store takes."""
    chunks: list[list[Operation]] = []
    size = _BATCH_BYTES + 1
    for item in items:
        item_bytes = len(json.dumps(item))
        if size + item_bytes > _BATCH_BYTES or len(chunks[-1]) == 100:  # noqa: PLR2004 - the store's limit
            chunks.append([])
            size = 0
        chunks[-1].append(Upsert(item))
        size += item_bytes
    return chunks
