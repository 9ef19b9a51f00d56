"""Courses as values, and the rules that need nothing but them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.kernel.errors import Conflict, Forbidden, NotFound

MAX_LESSONS: Final = 90
"""A course's outline, and what one atomic batch of the store takes besides the course itself."""
MAX_CONTENT_CHARS: Final = 60_000
"""Markdown of one lesson: about forty printed pages, and far below the store's 2 MB."""


class Category(StrEnum):
    JOB_READINESS = "job-readiness"
    EDUCATION = "education"
    LIFE_SKILLS = "life-skills"
    TECH = "tech"


class Level(StrEnum):
    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class State(StrEnum):
    """A draft is seen by its authors; an archived course by those who are enrolled in it; a published one by all."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class ResourceType(StrEnum):
    PDF = "pdf"
    LINK = "link"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Instructor:
    """*avatar* is a URL, or a path of the static site."""

    name: str
    avatar: str | None
    bio: str


@dataclass(frozen=True, slots=True)
class LessonHead:
    """A lesson as the outline shows it. Its order is its place in the outline, from 1. *minutes* is a whole number."""

    id: str
    title: str
    description: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Resource:
    """*url* is an address for everybody, or the path of a file of ours (`media.py`), which is for the enrolled."""

    title: str
    url: str
    type: ResourceType


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson whole. *content* is Markdown; *video_url* as a resource's."""

    head: LessonHead
    course_id: str
    content: str
    video_url: str | None = None
    resources: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class Stats:
    """Counted from the members' markers, each person once. *version* grows with every change."""

    enrolled: int = 0
    """People enrolled now."""
    started: int = 0
    """People who ever enrolled."""
    completed: int = 0
    """People who ever finished every lesson there was."""
    rating_sum: int = 0
    rating_count: int = 0
    version: int = 0

    @property
    def completion_rate(self) -> float:
        """Percent of those who ever enrolled, with one decimal; leaving afterwards does not change it."""
        return round(100 * self.completed / self.started, 1) if self.started else 0.0

    @property
    def rating(self) -> float:
        """The mean, 1 to 5, with two decimals; 0 while nobody has rated."""
        return round(self.rating_sum / self.rating_count, 2) if self.rating_count else 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """A course without its lessons' content. *revision* grows with every edit.

    *owner_id* is the mentor who may edit it; None leaves that to admins.
    """

    id: str
    title: str
    description: str
    category: Category
    level: Level
    thumbnail: str | None
    instructor: Instructor
    lessons: tuple[LessonHead, ...]
    state: State
    owner_id: str | None
    created_at: datetime
    updated_at: datetime
    revision: int = 1

    @property
    def minutes(self) -> int:
        return sum(lesson.minutes for lesson in self.lessons)

    @property
    def lesson_ids(self) -> tuple[str, ...]:
        return tuple(lesson.id for lesson in self.lessons)

    def shown_to_learners(self, *, enrolled: bool) -> bool:
        """A draft to none of them, whatever it was before; an archived course to those enrolled in it."""
        return self.state is State.PUBLISHED or (self.state is State.ARCHIVED and enrolled)

    def place_of(self, lesson_id: str) -> int | None:
        """The lesson's order in the outline, from 1; None when it is not there."""
        for order, lesson in enumerate(self.lessons, start=1):
            if lesson.id == lesson_id:
                return order
        return None


@dataclass(frozen=True, slots=True)
class Summary:
    """A course as the catalogue lists it."""

    id: str
    title: str
    description: str
    category: Category
    level: Level
    thumbnail: str | None
    minutes: int
    instructor_name: str
    instructor_avatar: str | None
    created_at: datetime
    stats: Stats
    text: str = field(repr=False)
    """Title, description and instructor, folded for searching."""


@dataclass(frozen=True, slots=True)
class CourseWithStats:
    course: Course
    stats: Stats


@dataclass(frozen=True, slots=True)
class Outline:
    """The lessons of a course. *completed* is None where nobody is signed in, or the caller never enrolled."""

    course: Course
    completed: Mapping[str, datetime] | None


@dataclass(frozen=True, slots=True)
class LessonInPlace:
    lesson: Lesson
    order: int


class CourseNotFound(NotFound):
    """Also for drafts, and for archived courses whose reader is not enrolled."""

    message = "There is no such course."


class LessonNotFound(NotFound):
    message = "There is no such lesson in this course."


class AlreadyEnrolled(Conflict):
    code = "already_enrolled"
    message = "You are enrolled in this course already."


class NotEnrolled(Forbidden):
    code = "not_enrolled"
    message = "Enrol in this course first."
