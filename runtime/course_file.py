"""Catalogues as files: what `python -m runtime.admin load-courses FILE` reads, and `data/courses.json` is."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, field

from domain.courses.model import (
    MAX_CONTENT_CHARS,
    MAX_LESSONS,
    Category,
    Course,
    Instructor,
    Lesson,
    LessonHead,
    Level,
    Resource,
    ResourceType,
    State,
)
from domain.courses.publishing import Loaded, WholeCourse
from domain.kernel.errors import Fault, Invalid
from domain.kernel.ids import UUID7_PATTERN
from runtime.parts import Parts
from web.bodies import In
from web.validation import body_reader

_UNSET_TIME: Final = datetime.fromtimestamp(0, UTC)  # the store knows when a course was made and changed

SAMPLE: Final = Path(__file__).parents[1] / "data" / "courses.json"

Id = Annotated[str, Meta(pattern=UUID7_PATTERN)]
Title = Annotated[str, Meta(min_length=3, max_length=120)]
Description = Annotated[str, Meta(min_length=10, max_length=600)]
Minutes = Annotated[int, Meta(ge=1, le=600)]
Address = Annotated[str, Meta(min_length=1, max_length=2000)]
"""An absolute URL, a path of the static site, or in a lesson `/api/v1/files/<id>`: a file for the enrolled only."""


class ResourceIn(In):
    title: Title
    url: Address
    type: ResourceType


class LessonIn(In):
    id: Id
    title: Title
    description: Description
    duration: Minutes
    content: Annotated[str, Meta(min_length=1, max_length=MAX_CONTENT_CHARS)]
    video_url: Address | None = None
    resources: Annotated[list[ResourceIn], Meta(max_length=20)] = field(default_factory=list)


class InstructorIn(In):
    name: Title
    bio: Description
    avatar: Address | None = None


class CourseIn(In):
    id: Id
    title: Title
    description: Description
    category: Category
    level: Level
    instructor: InstructorIn
    lessons: Annotated[list[LessonIn], Meta(min_length=1, max_length=MAX_LESSONS)]
    thumbnail: Address | None = None
    state: State = State.PUBLISHED
    owner_id: Id | None = None


class CourseFileIn(In):
    courses: Annotated[list[CourseIn], Meta(min_length=1)]


class CourseFileFaulty(Exception):
    """Everything that is wrong with a file of courses: each fault with its path in the file."""


_read = body_reader(CourseFileIn)


def read_courses(raw: bytes) -> list[WholeCourse]:
    """The courses of a file. Raises Invalid, with every fault's path (`courses[2].lessons[0].content`)."""
    file: CourseFileIn = _read(raw)
    faults = [*_address_faults(file), *_repeated_ids(file)]
    if faults:
        raise Invalid(faults=faults)
    return [_course(one) for one in file.courses]


def _address_faults(file: CourseFileIn) -> list[Fault]:
    found: list[tuple[str, str | None]] = []
    for at, course in enumerate(file.courses):
        found += [(f"courses[{at}].thumbnail", course.thumbnail)]
        found += [(f"courses[{at}].instructor.avatar", course.instructor.avatar)]
        for place, lesson in enumerate(course.lessons):
            path = f"courses[{at}].lessons[{place}]"
            found += [(f"{path}.videoUrl", lesson.video_url)]
            found += [(f"{path}.resources[{n}].url", one.url) for n, one in enumerate(lesson.resources)]
    return [
        Fault(path, "format", "Must be an https URL, or a path that starts with `/`.")
        for path, address in found
        if address is not None and not _is_address(address)
    ]


def _is_address(text: str) -> bool:
    """Never `javascript:`, and never `//host`, which is an address in disguise."""
    parts = urlsplit(text)
    if parts.scheme or parts.netloc:
        return parts.scheme == "https" and bool(parts.hostname)
    return text.startswith("/")


def _repeated_ids(file: CourseFileIn) -> list[Fault]:
    paths = [(f"courses[{at}].id", course.id) for at, course in enumerate(file.courses)]
    paths += [
        (f"courses[{at}].lessons[{place}].id", lesson.id)
        for at, course in enumerate(file.courses)
        for place, lesson in enumerate(course.lessons)
    ]
    first: dict[str, str] = {}
    return [
        Fault(path, "repeated", f"Is the id of {first[one]} already.")
        for path, one in paths
        if first.setdefault(one, path) != path
    ]


def _course(given: CourseIn) -> WholeCourse:
    heads = tuple(LessonHead(one.id, one.title, one.description, one.duration) for one in given.lessons)
    course = Course(
        id=given.id,
        title=given.title,
        description=given.description,
        category=given.category,
        level=given.level,
        thumbnail=given.thumbnail,
        instructor=Instructor(given.instructor.name, given.instructor.avatar, given.instructor.bio),
        lessons=heads,
        state=given.state,
        owner_id=given.owner_id,
        created_at=_UNSET_TIME,
        updated_at=_UNSET_TIME,
    )
    lessons = tuple(
        Lesson(
            head=head,
            course_id=given.id,
            content=one.content,
            video_url=one.video_url,
            resources=tuple(Resource(each.title, each.url, each.type) for each in one.resources),
        )
        for head, one in zip(heads, given.lessons, strict=True)
    )
    return WholeCourse(course, lessons)


def read_course_file(path: Path) -> list[WholeCourse]:
    """Raises CourseFileFaulty."""
    try:
        return read_courses(path.read_bytes())
    except OSError as error:
        raise CourseFileFaulty(f"{path}: cannot be read: {error.strerror or error}") from error
    except Invalid as error:
        raise CourseFileFaulty(_explain(path, error)) from error


def _explain(path: Path, error: Invalid) -> str:
    faults = "; ".join(f"{fault.path or 'the file'}: {fault.message}" for fault in error.faults)
    return f"{path}: {faults}"


async def load_courses(parts: Parts, path: Path) -> Loaded:
    """Make the store hold the courses of *path*; loading the same file again changes nothing, and no counter ever.

    Raises CourseFileFaulty, and what the store raises.
    """
    courses = await asyncio.to_thread(read_course_file, path)
    try:
        return await parts.courses.publishing.load(courses)
    except Invalid as error:
        raise CourseFileFaulty(_explain(path, error)) from error


async def load_sample_into_empty(parts: Parts) -> Loaded | None:
    """The sample courses, for a store that never had any; None for one that had."""
    return await load_courses(parts, SAMPLE) if await parts.courses.publishing.is_empty() else None
