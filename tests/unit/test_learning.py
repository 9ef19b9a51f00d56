"""Enrolling, completing, leaving and rating: what races decide, what is counted, what it costs."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from domain.courses.model import (
    AlreadyEnrolled,
    CourseNotFound,
    LessonNotFound,
    NotEnrolled,
    State,
    Stats,
)
from domain.courses.records import read_stats
from domain.kernel.containers import COURSES, LEARNING
from domain.kernel.documents import Query
from domain.kernel.errors import DomainError, Invalid
from tests.courses import ADA, BOB, School, a_course, a_school, course_id, lesson_id, user_id

COURSE = course_id(1)


@pytest.fixture
async def school(tmp_path: Path) -> AsyncGenerator[School]:
    school = a_school(tmp_path)
    await school.publishing.load([a_course(1), a_course(2, lessons=1), a_course(3, state=State.DRAFT)])
    yield school
    await school.store.close()


async def stats(school: School, number: int = 1) -> Stats:
    stored = await school.store.find(COURSES, course_id(number), "stats")
    assert stored is not None
    return read_stats(stored.item)


async def waiting(school: School, *people: str) -> int:
    """Outbox items left in these people's partitions."""
    return sum([len(await school.store.query(LEARNING, one, Query(starts="outbox:"))) for one in people])


async def test_an_enrolment_is_counted_and_leaves_nothing_to_do(school: School) -> None:
    progress = await school.learning.enrol(ADA, COURSE)
    assert progress.percentage == 0
    assert progress.enrolment.enrolled_at == school.clock.now()
    assert (await stats(school)).enrolled == 1
    assert await waiting(school, ADA) == 0


async def test_of_fifty_parallel_enrolments_one_succeeds_and_one_is_counted(school: School) -> None:
    results = await asyncio.gather(*(school.learning.enrol(ADA, COURSE) for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(one, AlreadyEnrolled) for one in results) == 49
    assert sum(not isinstance(one, Exception) for one in results) == 1
    assert await stats(school) == Stats(enrolled=1, started=1, version=1)


async def test_fifty_people_enrolling_at_once_are_fifty(school: School) -> None:
    people = [user_id(number) for number in range(50)]
    await asyncio.gather(*(school.learning.enrol(one, COURSE) for one in people))
    assert await stats(school) == Stats(enrolled=50, started=50, version=50)
    page = (await school.catalogue.snapshot()).by_id[COURSE]
    assert page.stats == await stats(school)
    assert await waiting(school, *people) == 0


async def test_drafts_and_unknown_courses_take_nobody(school: School) -> None:
    for unknown in (course_id(3), course_id(99)):
        with pytest.raises(CourseNotFound):
            await school.learning.enrol(ADA, unknown)


async def test_leaving_keeps_progress_for_a_return(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    await school.learning.complete(ADA, COURSE, lesson_id(1, 1), minutes=7)
    first = school.clock.now()
    school.clock.advance(days=3)
    await school.learning.leave(ADA, COURSE)
    assert (await stats(school)).enrolled == 0
    assert (await school.learning.summary(ADA)).enrolled_courses == []
    with pytest.raises(NotEnrolled):
        await school.learning.complete(ADA, COURSE, lesson_id(1, 2), minutes=0)
    back = await school.learning.enrol(ADA, COURSE)
    assert back.percentage == 33
    assert back.enrolment.enrolled_at == first
    assert await stats(school) == Stats(enrolled=1, started=1, version=3)


async def test_of_many_returns_at_once_one_succeeds(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    await school.learning.leave(ADA, COURSE)
    results = await asyncio.gather(*(school.learning.enrol(ADA, COURSE) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(one, AlreadyEnrolled) for one in results) == 19
    assert (await stats(school)).enrolled == 1


async def test_leaving_twice_is_fine_and_counted_once(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    await asyncio.gather(*(school.learning.leave(ADA, COURSE) for _ in range(10)))
    assert await stats(school) == Stats(enrolled=0, started=1, version=2)


async def test_nobody_leaves_what_they_never_joined(school: School) -> None:
    with pytest.raises(NotEnrolled):
        await school.learning.leave(BOB, COURSE)


async def test_completing_again_changes_nothing(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    first = await school.learning.complete(ADA, COURSE, lesson_id(1, 1), minutes=7)
    school.clock.advance(minutes=5)
    again = await school.learning.complete(ADA, COURSE, lesson_id(1, 1), minutes=7)
    assert again == first
    assert again.enrolment.minutes_spent == 7


async def test_parallel_completions_lose_none(school: School) -> None:
    await school.publishing.load([a_course(4, lessons=30)])
    await school.learning.enrol(ADA, course_id(4))
    await asyncio.gather(
        *(school.learning.complete(ADA, course_id(4), lesson_id(4, n), minutes=2) for n in range(1, 31) for _ in "ab")
    )
    progress = (await school.learning.progress(ADA)).courses[course_id(4)]
    assert progress.percentage == 100
    assert len(progress.completed) == 30
    assert progress.enrolment.minutes_spent == 60
    assert (await stats(school, 4)).completed == 1


async def test_a_course_is_completed_once_even_by_someone_who_leaves_and_returns(school: School) -> None:
    await school.learning.enrol(ADA, course_id(2))
    await school.learning.complete(ADA, course_id(2), lesson_id(2, 1), minutes=0)
    await school.learning.leave(ADA, course_id(2))
    await school.learning.enrol(ADA, course_id(2))
    await school.learning.complete(ADA, course_id(2), lesson_id(2, 1), minutes=0)
    counted = await stats(school, 2)
    assert (counted.completed, counted.started) == (1, 1)
    assert counted.completion_rate == 100


@pytest.mark.parametrize(
    ("course", "lesson", "minutes", "refusal"),
    [
        (course_id(99), lesson_id(1, 1), 0, CourseNotFound),
        (course_id(3), lesson_id(3, 1), 0, CourseNotFound),
        (COURSE, lesson_id(2, 1), 0, LessonNotFound),
        (COURSE, lesson_id(1, 1), -1, Invalid),
        (COURSE, lesson_id(1, 1), 1441, Invalid),
        (course_id(2), lesson_id(2, 1), 0, NotEnrolled),
    ],
)
async def test_what_cannot_be_completed(
    school: School, course: str, lesson: str, minutes: int, refusal: type[DomainError]
) -> None:
    await school.learning.enrol(ADA, COURSE)
    with pytest.raises(refusal):
        await school.learning.complete(ADA, course, lesson, minutes=minutes)


async def test_ratings_count_each_person_once_and_a_new_one_replaces_the_old(school: School) -> None:
    for person in (ADA, BOB):
        await school.learning.enrol(person, COURSE)
    await asyncio.gather(*(school.learning.rate(ADA, COURSE, rating) for rating in (1, 2, 3, 4, 5)))
    await school.learning.rate(ADA, COURSE, 2)
    await school.learning.rate(BOB, COURSE, 5)
    await school.learning.rate(BOB, COURSE, 5)
    counted = await stats(school)
    assert (counted.rating_sum, counted.rating_count, counted.rating) == (7, 2, 3.5)
    assert await school.learning.find_rating(ADA, COURSE) == 2


async def test_only_the_enrolled_rate_and_only_from_one_to_five(school: School) -> None:
    with pytest.raises(NotEnrolled):
        await school.learning.rate(ADA, COURSE, 5)
    await school.learning.enrol(ADA, COURSE)
    for rating in (0, 6):
        with pytest.raises(Invalid):
            await school.learning.rate(ADA, COURSE, rating)
    await school.learning.leave(ADA, COURSE)
    with pytest.raises(NotEnrolled):
        await school.learning.rate(ADA, COURSE, 5)


async def test_lessons_are_for_the_enrolled(school: School) -> None:
    with pytest.raises(NotEnrolled):
        await school.courses.lesson(COURSE, lesson_id(1, 2), reader=ADA)
    await school.learning.enrol(ADA, COURSE)
    found = await school.courses.lesson(COURSE, lesson_id(1, 2), reader=ADA)
    assert (found.order, found.lesson.head.title, found.lesson.content) == (2, "Lesson 2", "# Lesson 2\n\nText.")
    with pytest.raises(LessonNotFound):
        await school.courses.lesson(COURSE, lesson_id(2, 1), reader=ADA)
    with pytest.raises(CourseNotFound):
        await school.courses.lesson(course_id(3), lesson_id(3, 1), reader=ADA)


async def test_the_outline_marks_what_the_reader_completed(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    await school.learning.complete(ADA, COURSE, lesson_id(1, 2), minutes=0)
    assert (await school.courses.outline(COURSE, reader=None)).completed is None
    assert (await school.courses.outline(COURSE, reader=BOB)).completed is None
    assert (await school.courses.outline(COURSE, reader=ADA)).completed == {lesson_id(1, 2): school.clock.now()}


async def test_reading_is_noted_at_most_every_ten_minutes(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    school.clock.advance(minutes=9)
    with school.store.measure() as calls:
        await school.courses.lesson(COURSE, lesson_id(1, 1), reader=ADA)
    assert calls.by_kind == {"find_many": 1, "find": 1}
    school.clock.advance(minutes=1)
    with school.store.measure() as calls:
        await school.courses.lesson(COURSE, lesson_id(1, 1), reader=ADA)
    assert calls.by_kind == {"find_many": 1, "find": 1, "patch": 1}
    progress = (await school.learning.progress(ADA)).courses[COURSE]
    assert progress.enrolment.last_accessed_at == school.clock.now()


async def test_what_learning_costs(school: School) -> None:
    """The budgets of `docs/flows/lesson.md`."""
    with school.store.measure() as enrol:
        await school.learning.enrol(ADA, course_id(2))
    assert enrol.by_kind == {"find": 1, "batch": 2, "find_many": 1, "replace": 1, "delete": 1}
    with school.store.measure() as again, pytest.raises(AlreadyEnrolled):
        await school.learning.enrol(ADA, course_id(2))
    assert again.total <= 3
    await school.learning.enrol(ADA, COURSE)
    with school.store.measure() as complete:
        await school.learning.complete(ADA, COURSE, lesson_id(1, 1), minutes=0)
    assert complete.by_kind == {"find": 2, "batch": 1}
    with school.store.measure() as complete_course:
        await school.learning.complete(ADA, course_id(2), lesson_id(2, 1), minutes=0)
    assert complete_course.total <= 8
    with school.store.measure() as repeat:
        await school.learning.complete(ADA, COURSE, lesson_id(1, 1), minutes=0)
    assert repeat.total == 2
    with school.store.measure() as rating:
        await school.learning.rate(ADA, COURSE, 4)
    assert rating.total <= 7
    with school.store.measure() as detail:
        await school.courses.get(COURSE, reader=ADA)
    assert detail.total == 1
    with school.store.measure() as outline:
        await school.courses.outline(COURSE, reader=ADA)
    assert outline.total == 2
    with school.store.measure() as progress:
        await school.learning.progress(ADA)
    assert progress.total == 3
    with school.store.measure() as summary:
        await school.learning.summary(ADA)
    assert summary.total == 1
    with school.store.measure() as leaving:
        await school.learning.leave(ADA, COURSE)
    assert leaving.total <= 7
