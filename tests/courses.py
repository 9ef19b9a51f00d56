"""Courses and learners for tests: valid by default, and everything wired over one real store."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.documents.sqlite import SqliteDocuments
from adapters.secrets.files import FileKeys
from domain.courses.catalogue import Catalogue
from domain.courses.enrolments import Enrolments
from domain.courses.learning import Learning
from domain.courses.model import Category, Course, Instructor, Lesson, LessonHead, Level, State
from domain.courses.projection import Projection
from domain.courses.publishing import Publishing, WholeCourse
from domain.courses.reading import Courses
from domain.files.lessons import CourseFiles
from domain.kernel.documents import DocumentStore
from domain.kernel.errors import Unavailable
from domain.kernel.ids import uuid7
from tests.budget import CountingDocuments
from tests.factories import NOON, ManualClock


def course_id(number: int) -> str:
    return uuid7(millis=1_768_900_000_000 + number, low_bits=1)


def lesson_id(course: int, lesson: int) -> str:
    return uuid7(millis=1_768_900_000_000 + course, low_bits=1000 + lesson)


def user_id(number: int) -> str:
    return uuid7(millis=1_768_900_000_000 + number, low_bits=2)


ADA, BOB = user_id(1), user_id(2)


def a_course(
    number: int = 1,
    *,
    lessons: int = 3,
    title: str = "",
    description: str = "What an employer may ask, and what to say.",
    category: Category = Category.JOB_READINESS,
    level: Level = Level.BEGINNER,
    state: State = State.PUBLISHED,
    instructor: str = "Renée Okafor",
    minutes: int = 10,
) -> WholeCourse:
    heads = tuple(
        LessonHead(lesson_id(number, place), f"Lesson {place}", "What it is about.", minutes)
        for place in range(1, lessons + 1)
    )
    course = Course(
        id=course_id(number),
        title=title or f"Course {number}",
        description=description,
        category=category,
        level=level,
        thumbnail=None,
        instructor=Instructor(instructor, None, "Twenty years in hiring."),
        lessons=heads,
        state=state,
        owner_id=None,
        created_at=NOON,
        updated_at=NOON,
    )
    return WholeCourse(course, tuple(Lesson(head, course.id, f"# {head.title}\n\nText.") for head in heads))


class Outage:
    """A document store that can be made to refuse: methods by container, as `("batch", "courses")`."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self.refused: set[tuple[str, str]] = set()
        self.held: asyncio.Event | None = None
        """When set, calls wait for it: to meet in the middle of something."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(container: str, *arguments: Any, **more: Any) -> Any:
            if self.held is not None:
                await self.held.wait()
            if (name, container) in self.refused:
                raise Unavailable
            return await method(container, *arguments, **more)

        return method if name in {"ping", "close"} else call


@dataclass
class School:
    """All of the feature over one store that counts."""

    store: CountingDocuments
    outage: Outage
    clock: ManualClock
    catalogue: Catalogue
    projection: Projection
    enrolments: Enrolments
    courses: Courses
    learning: Learning
    publishing: Publishing


def a_school(folder: Path) -> School:
    clock = ManualClock()
    return a_school_over(SqliteDocuments(folder / "documents.db", clock), clock, folder)


def a_school_over(documents: DocumentStore, clock: ManualClock, folder: Path) -> School:
    """Its files' bytes are in *folder*."""
    outage = Outage(documents)
    blobs = EmbeddedBlobs(folder / "blobs", FileKeys(folder / "keys.json"), clock, api_url="http://localhost:7071")
    store = CountingDocuments(cast("DocumentStore", outage))
    projection = Projection(store, clock)
    enrolments = Enrolments(store, projection, clock)
    media = CourseFiles(store, blobs, clock)
    return School(
        store=store,
        outage=outage,
        clock=clock,
        catalogue=Catalogue(store, clock),
        projection=projection,
        enrolments=enrolments,
        courses=Courses(store, enrolments, media),
        learning=Learning(store, enrolments, clock),
        publishing=Publishing(store, projection, media, clock),
    )
