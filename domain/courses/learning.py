"""What a learner does: enrol, leave, complete, rate, and see how far it went.  Walk: `docs/flows/lesson.md`.

Ids are UUIDv7, checked where they come in (`Call.path_id`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.courses.enrolments import Enrolments, Rule
from domain.courses.model import (
    AlreadyEnrolled,
    Course,
    CourseNotFound,
    LessonNotFound,
    NotEnrolled,
    State,
)
from domain.courses.progress import (
    MAX_MINUTES_A_LESSON,
    Achievement,
    Enrolment,
    Logins,
    Totals,
    achievements,
    complete,
    leave,
    logins_of,
    percentage,
    rate,
    revive,
    totals,
)
from domain.courses.records import COURSE_ID, read_course
from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.clock import Clock
from domain.kernel.containers import ACCOUNTS, COURSES
from domain.kernel.documents import DocumentStore, Stored
from domain.kernel.errors import Invalid

_AT_ONCE: Final = 100
"""Items that one call of the store reads."""


@dataclass(frozen=True, slots=True)
class CourseProgress:
    """One enrolment seen against the course's present outline. *completed* holds only lessons that are still in it."""

    enrolment: Enrolment
    completed: Mapping[str, datetime]
    total_lessons: int
    percentage: int


@dataclass(frozen=True, slots=True)
class Progress:
    courses: Mapping[str, CourseProgress]
    """The courses the person is enrolled in, by id."""
    achievements: list[Achievement]
    totals: Totals
    """Courses left behind included."""
    logins: Logins | None


@dataclass(frozen=True, slots=True)
class LearningSummary:
    """For the profile: course ids enrolled in, and every lesson ever completed."""

    enrolled_courses: list[str]
    completed_lessons: list[str]


class Learning:
    def __init__(self, documents: DocumentStore, enrolments: Enrolments, clock: Clock) -> None:
        self._documents = documents
        self._enrolments = enrolments
        self._clock = clock

    async def enrol(self, user_id: str, course_id: str) -> CourseProgress:
        """Enrol, or come back to what was left. Of any number of calls at once, one succeeds and one is counted.

        Raises CourseNotFound (also for drafts and archived courses), AlreadyEnrolled.
        """
        course = await self._course(course_id)
        if course is None or course.state is not State.PUBLISHED:
            raise CourseNotFound
        now = self._clock.now()
        enrolment = Enrolment(user_id, course.id, active=True, enrolled_at=now, last_accessed_at=now)

        def come_back(known: Enrolment) -> Enrolment:
            if known.active:
                raise AlreadyEnrolled
            return revive(known, now)

        if not await self._enrolments.create(enrolment):
            enrolment = await self._enrolments.change(user_id, course.id, come_back)
        return course_progress(enrolment, course)

    async def leave(self, user_id: str, course_id: str) -> None:
        """Leave; progress is kept for a return. Leaving again is fine.

        Raises CourseNotFound, and NotEnrolled for somebody who never was.
        """
        await self._change(user_id, course_id, leave)

    async def complete(self, user_id: str, course_id: str, lesson_id: str, *, minutes: int) -> CourseProgress:
        """Mark a lesson done; *minutes* is what it took. Idempotent, and of parallel completions none is lost.

        Raises CourseNotFound, LessonNotFound, NotEnrolled, Invalid.
        """
        if not 0 <= minutes <= MAX_MINUTES_A_LESSON:
            raise Invalid.field("timeSpent", "out_of_range", f"Must be between 0 and {MAX_MINUTES_A_LESSON} minutes.")
        course, held = await asyncio.gather(self._course(course_id), self._enrolments.find(user_id, course_id))
        enrolled = held is not None and held.enrolment.active
        if course is None or not course.shown_to_learners(enrolled=enrolled):
            raise CourseNotFound
        if course.place_of(lesson_id) is None:
            raise LessonNotFound
        now = self._clock.now()

        def done(known: Enrolment) -> Enrolment:
            return complete(_active(known), course, lesson_id, minutes=minutes, now=now)

        if held is None:
            raise NotEnrolled
        return course_progress(await self._enrolments.change(user_id, course.id, done, held=held), course)

    async def rate(self, user_id: str, course_id: str, rating: int) -> int:
        """One rating, 1 to 5, for each person enrolled; a new one replaces the old.

        Raises CourseNotFound, NotEnrolled, Invalid.
        """
        if not 1 <= rating <= 5:  # noqa: PLR2004 - the contract's scale
            raise Invalid.field("rating", "out_of_range", "Must be between 1 and 5.")

        def rated(known: Enrolment) -> Enrolment:
            return rate(_active(known), rating)

        return (await self._change(user_id, course_id, rated)).rating

    async def find_rating(self, user_id: str, course_id: str) -> int | None:
        """The caller's own, None while there is none. Raises CourseNotFound, NotEnrolled."""
        return (await self._change(user_id, course_id, _active)).rating or None

    async def progress(self, user_id: str) -> Progress:
        """Everything on one page: one call for the enrolments, one for the account, one for each hundred courses."""
        enrolments, logins = await asyncio.gather(self._enrolments.list_all(user_id), self._logins(user_id))
        active = {one.course_id: one for one in enrolments if one.active}
        courses = await self._courses(list(active))
        return Progress(
            courses={course.id: course_progress(active[course.id], course) for course in courses},
            achievements=achievements(enrolments, logins),
            totals=totals(enrolments),
            logins=logins,
        )

    async def summary(self, user_id: str) -> LearningSummary:
        """One store call (for each two hundred enrolments)."""
        enrolments = await self._enrolments.list_all(user_id)
        done = sorted((at, lesson_id) for one in enrolments for lesson_id, at in one.completed_lessons.items())
        return LearningSummary(
            enrolled_courses=[one.course_id for one in enrolments if one.active],
            completed_lessons=[lesson_id for _, lesson_id in done],
        )

    async def _change(self, user_id: str, course_id: str, rule: Rule) -> Enrolment:
        """The course itself is asked for only when there is no enrolment, to tell one refusal from the other."""
        try:
            return await self._enrolments.change(user_id, course_id, rule)
        except NotEnrolled:
            course = await self._course(course_id)
            if course is None or not course.shown_to_learners(enrolled=False):
                raise CourseNotFound from None
            raise

    async def _logins(self, user_id: str) -> Logins | None:
        stored = await self._documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        return None if stored is None else logins_of(Account.from_item(stored.item), self._clock.now())

    async def _course(self, course_id: str) -> Course | None:
        stored = await self._documents.find(COURSES, course_id, COURSE_ID)
        return None if stored is None else read_course(stored.item)

    async def _courses(self, course_ids: Sequence[str]) -> list[Course]:
        """Those that exist, in the order asked."""
        found: list[Stored | None] = []
        for start in range(0, len(course_ids), _AT_ONCE):
            keys = [(course_id, COURSE_ID) for course_id in course_ids[start : start + _AT_ONCE]]
            found.extend(await self._documents.find_many(COURSES, keys))
        return [read_course(stored.item) for stored in found if stored is not None]


def _active(enrolment: Enrolment) -> Enrolment:
    if not enrolment.active:
        raise NotEnrolled
    return enrolment


def course_progress(enrolment: Enrolment, course: Course) -> CourseProgress:
    done = {one: enrolment.completed_lessons[one] for one in course.lesson_ids if one in enrolment.completed_lessons}
    return CourseProgress(enrolment, done, len(course.lessons), percentage(done, course.lesson_ids))
