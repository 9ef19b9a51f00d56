"""Courses as readers see them: detail, outline, lesson."""

import asyncio

from domain.courses.enrolments import Enrolments, Held
from domain.courses.media import claim_name, files_in, with_links
from domain.courses.model import (
    Course,
    CourseNotFound,
    CourseWithStats,
    LessonInPlace,
    LessonNotFound,
    NotEnrolled,
    Outline,
    State,
    Stats,
)
from domain.courses.ports import Media
from domain.courses.records import COURSE_ID, STATS_ID, lesson_item_id, read_course, read_lesson, read_stats
from domain.kernel.containers import COURSES
from domain.kernel.documents import DocumentStore, Stored


class Courses:
    def __init__(self, documents: DocumentStore, enrolments: Enrolments, media: Media) -> None:
        self._documents = documents
        self._enrolments = enrolments
        self._media = media

    async def get(self, course_id: str, *, reader: str | None) -> CourseWithStats:
        """One store call for a published course; one more for an archived one. Raises CourseNotFound."""
        stored, stats = await self._documents.find_many(COURSES, [(course_id, COURSE_ID), (course_id, STATS_ID)])
        course = None if stored is None else read_course(stored.item)
        if course is None or course.state is State.DRAFT:
            raise CourseNotFound
        if course.state is State.ARCHIVED:
            course = _shown(stored, await self._held(reader, course_id))
        return CourseWithStats(course, Stats() if stats is None else read_stats(stats.item))

    async def outline(self, course_id: str, *, reader: str | None) -> Outline:
        """The lessons, marked where *reader* has completed them. Raises CourseNotFound."""
        stored, held = await asyncio.gather(
            self._documents.find(COURSES, course_id, COURSE_ID), self._held(reader, course_id)
        )
        course = _shown(stored, held)
        return Outline(course, None if held is None else held.enrolment.completed_lessons)

    async def lesson(self, course_id: str, lesson_id: str, *, reader: str) -> LessonInPlace:
        """A lesson whole, for the enrolled, its private media as links that end after some minutes.

        Two store calls, one more where there are such media, and another at most every ten minutes of reading.

        Raises CourseNotFound, LessonNotFound, NotEnrolled.
        """
        keys = [(course_id, COURSE_ID), (course_id, lesson_item_id(lesson_id))]
        (stored, content), held = await asyncio.gather(
            self._documents.find_many(COURSES, keys), self._enrolments.find(reader, course_id)
        )
        course = _shown(stored, held)
        order = course.place_of(lesson_id)
        if order is None or content is None:
            raise LessonNotFound
        if held is None or not held.enrolment.active:
            raise NotEnrolled
        await self._enrolments.touch(held)
        lesson = read_lesson(content.item, course.lessons[order - 1])
        files = files_in(content.item)
        if files:
            lesson = with_links(lesson, await self._media.links(files, claim=claim_name(course_id)))
        return LessonInPlace(lesson, order)

    async def _held(self, reader: str | None, course_id: str) -> Held | None:
        return None if reader is None else await self._enrolments.find(reader, course_id)


def _shown(stored: Stored | None, held: Held | None) -> Course:
    course = None if stored is None else read_course(stored.item)
    if course is None or not course.shown_to_learners(enrolled=held is not None and held.enrolment.active):
        raise CourseNotFound
    return course
