"""What one person has done in a course, as a value; every number shown is derived from it, never stored twice."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.courses.model import Course
from domain.kernel.accounts import Account

MAX_MINUTES_A_LESSON: Final = 24 * 60
"""What one completion may report as time spent."""
ACCESS_GRAIN: Final = timedelta(minutes=10)
"""`lastAccessedAt` moves at most this often, so that reading lessons does not become writing."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One per person and course, for good: leaving keeps it, coming back revives it.

    *version* grows when *active*, *completed_at* or *rating* changes, which are what the course counts.
    """

    user_id: str
    course_id: str
    active: bool
    enrolled_at: datetime
    """When the person first enrolled; a return does not change it."""
    last_accessed_at: datetime
    completed_lessons: Mapping[str, datetime] = field(default_factory=dict)
    minutes_spent: int = 0
    completed_at: datetime | None = None
    """When every lesson of the course was done for the first time. Stays when lessons are added later."""
    rating: int = 0
    """1 to 5; 0 for none."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """What a course must know of one person: the whole state at *version*, so that the highest one seen is right."""

    course_id: str
    user_id: str
    version: int
    enrolled: bool
    completed: bool
    rating: int


def standing_of(enrolment: Enrolment) -> Standing:
    return Standing(
        course_id=enrolment.course_id,
        user_id=enrolment.user_id,
        version=enrolment.version,
        enrolled=enrolment.active,
        completed=enrolment.completed_at is not None,
        rating=enrolment.rating,
    )


def percentage(done: Collection[str], lesson_ids: Collection[str]) -> int:
    """Whole percent of the outline that is done, rounded down: 100 means all of it. An empty outline is 0."""
    if not lesson_ids:
        return 0
    return 100 * sum(lesson_id in done for lesson_id in lesson_ids) // len(lesson_ids)


def revive(enrolment: Enrolment, now: datetime) -> Enrolment:
    """The person is back; what was done stays done."""
    return replace(enrolment, active=True, last_accessed_at=now, version=enrolment.version + 1)


def leave(enrolment: Enrolment) -> Enrolment:
    """The same object for somebody who left already."""
    if not enrolment.active:
        return enrolment
    return replace(enrolment, active=False, version=enrolment.version + 1)


def rate(enrolment: Enrolment, rating: int) -> Enrolment:
    """The same object when the rating is what it was."""
    if rating == enrolment.rating:
        return enrolment
    return replace(enrolment, rating=rating, version=enrolment.version + 1)


def complete(enrolment: Enrolment, course: Course, lesson_id: str, *, minutes: int, now: datetime) -> Enrolment:
    """One lesson done. Doing it again changes nothing: the same object comes back, its *minutes* not counted twice.

    Only completing the course, the first time, moves the version.
    """
    done = enrolment.completed_lessons
    if lesson_id not in done:
        enrolment = replace(
            enrolment,
            completed_lessons={**done, lesson_id: now},
            minutes_spent=enrolment.minutes_spent + minutes,
            last_accessed_at=now,
        )
    if enrolment.completed_at is None and percentage(enrolment.completed_lessons, course.lesson_ids) == 100:  # noqa: PLR2004 - percent
        enrolment = replace(enrolment, completed_at=now, version=enrolment.version + 1)
    return enrolment


@dataclass(frozen=True, slots=True)
class Logins:
    """What the account says of sign-ins. *streak_days* counts days in a row (UTC), the last one today or yesterday."""

    streak_days: int
    last_login_at: datetime | None
    week_streak_at: datetime | None
    """When seven in a row were first reached."""


def logins_of(account: Account, now: datetime) -> Logins:
    """A streak that was not carried on by yesterday is over."""
    streak, last_on = account.login_streak, account.streak_on
    over = last_on is None or last_on < (now - timedelta(days=1)).date()
    return Logins(0 if over else streak, account.last_login_at, account.week_streak_at)


@dataclass(frozen=True, slots=True)
class Achievement:
    id: str
    title: str
    description: str
    unlocked_at: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    courses_completed: int
    lessons_completed: int
    minutes_spent: int


def totals(enrolments: Iterable[Enrolment]) -> Totals:
    """Over everything ever done, courses left behind included."""
    kept = list(enrolments)
    return Totals(
        courses_completed=sum(one.completed_at is not None for one in kept),
        lessons_completed=sum(len(one.completed_lessons) for one in kept),
        minutes_spent=sum(one.minutes_spent for one in kept),
    )


_LESSONS: Final = (
    (1, "first-lesson", "First step", "You finished your first lesson."),
    (5, "five-lessons", "Finding your stride", "You finished five lessons."),
    (25, "twenty-five-lessons", "In it for the long run", "You finished twenty-five lessons."),
)
_COURSES: Final = (
    (1, "first-course", "Seen it through", "You finished every lesson of a course."),
    (3, "three-courses", "Building a record of your own", "You finished three courses."),
)
WEEK_STREAK: Final = "week-streak"
_STREAK: Final = (WEEK_STREAK, "Seven days running", "You were here seven days in a row.")


def achievements(enrolments: Iterable[Enrolment], logins: Logins | None) -> list[Achievement]:
    """What has been unlocked, oldest first.

    Derived from what happened and when, so each is unlocked exactly once, at the moment of the lesson that did it,
    however many requests raced there; and a new kind of achievement counts what was done before it existed.
    """
    kept = list(enrolments)
    lessons = sorted(at for one in kept for at in one.completed_lessons.values())
    courses = sorted(one.completed_at for one in kept if one.completed_at is not None)
    unlocked = [
        Achievement(slug, title, description, moments[count - 1])
        for moments, steps in ((lessons, _LESSONS), (courses, _COURSES))
        for count, slug, title, description in steps
        if len(moments) >= count
    ]
    if logins is not None and logins.week_streak_at is not None:
        unlocked.append(Achievement(*_STREAK, logins.week_streak_at))
    return sorted(unlocked, key=lambda one: one.unlocked_at)
