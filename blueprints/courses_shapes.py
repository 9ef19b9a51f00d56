"""Courses as JSON."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from domain.courses.model import Category, CourseWithStats, LessonInPlace, Level, Outline, ResourceType, Summary
from domain.courses.search import Page, Wanted
from domain.kernel.clock import to_iso
from web.bodies import Out, Query

Sort = Literal[
    "newest", "-newest", "title", "-title", "popular", "-popular", "rating", "-rating", "duration", "-duration"
]
"""Best first: newest, A to Z, most enrolled, best rated, shortest; with `-` the other way round."""


class CatalogueQuery(Query):
    """Every word of *query* must occur in title, description or instructor, whatever its case and accents."""

    category: Category | None = None
    level: Level | None = None
    query: Annotated[str, msgspec.Meta(max_length=200)] = ""
    sort: Sort = "newest"
    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20

    def wanted(self) -> Wanted:
        return Wanted(self.category, self.level, self.query, self.sort)


class InstructorOut(Out):
    name: str
    avatar: str | None


class InstructorWithBioOut(Out):
    name: str
    avatar: str | None
    bio: str


class CourseMetadataOut(Out):
    """*completion_rate* is percent of those who ever enrolled; *rating* 1 to 5, or 0 while nobody has rated."""

    enrolled_count: int
    completion_rate: float
    rating: float


class CourseDetailMetadataOut(Out):
    enrolled_count: int
    completion_rate: float
    rating: float
    rating_count: int
    created_at: str
    updated_at: str


class CourseSummaryOut(Out):
    """*duration* is in minutes."""

    id: str
    title: str
    description: str
    category: Category
    level: Level
    thumbnail: str | None
    duration: int
    instructor: InstructorOut
    metadata: CourseMetadataOut

    @classmethod
    def of(cls, one: Summary) -> "CourseSummaryOut":
        return cls(
            id=one.id,
            title=one.title,
            description=one.description,
            category=one.category,
            level=one.level,
            thumbnail=one.thumbnail,
            duration=one.minutes,
            instructor=InstructorOut(one.instructor_name, one.instructor_avatar),
            metadata=CourseMetadataOut(one.stats.enrolled, one.stats.completion_rate, one.stats.rating),
        )


class PagesOut(Out):
    page: int
    limit: int
    total: int
    total_pages: int


class CataloguePageOut(Out):
    items: list[CourseSummaryOut]
    pagination: PagesOut

    @classmethod
    def of(cls, page: Page) -> "CataloguePageOut":
        return cls(
            items=[CourseSummaryOut.of(one) for one in page.items],
            pagination=PagesOut(page.page, page.limit, page.total, page.total_pages),
        )


class LessonHeadOut(Out):
    """*duration* is in minutes; *order* counts from 1."""

    id: str
    title: str
    description: str
    duration: int
    order: int


class CourseOut(Out):
    id: str
    title: str
    description: str
    category: Category
    level: Level
    thumbnail: str | None
    duration: int
    instructor: InstructorWithBioOut
    lessons: list[LessonHeadOut]
    metadata: CourseDetailMetadataOut

    @classmethod
    def of(cls, found: CourseWithStats) -> "CourseOut":
        course, stats = found.course, found.stats
        return cls(
            id=course.id,
            title=course.title,
            description=course.description,
            category=course.category,
            level=course.level,
            thumbnail=course.thumbnail,
            duration=course.minutes,
            instructor=InstructorWithBioOut(course.instructor.name, course.instructor.avatar, course.instructor.bio),
            lessons=[
                LessonHeadOut(one.id, one.title, one.description, one.minutes, order)
                for order, one in enumerate(course.lessons, start=1)
            ],
            metadata=CourseDetailMetadataOut(
                enrolled_count=stats.enrolled,
                completion_rate=stats.completion_rate,
                rating=stats.rating,
                rating_count=stats.rating_count,
                created_at=to_iso(course.created_at),
                updated_at=to_iso(course.updated_at),
            ),
        )


class OutlineLessonOut(Out):
    """*completed* and *completedAt* are there for signed-in callers."""

    id: str
    title: str
    description: str
    duration: int
    order: int
    completed: bool | msgspec.UnsetType = msgspec.UNSET
    completed_at: str | msgspec.UnsetType | None = msgspec.UNSET


class WholeListOut(Out):
    """What lists say of themselves; an outline is always whole."""

    has_more: Literal[False] = False
    next_cursor: None = None


class OutlineOut(Out):
    course_id: str
    items: list[OutlineLessonOut]
    pagination: WholeListOut

    @classmethod
    def of(cls, outline: Outline, *, signed_in: bool) -> "OutlineOut":
        done = outline.completed or {}

        def marked(order: int) -> OutlineLessonOut:
            one = outline.course.lessons[order - 1]
            lesson = OutlineLessonOut(one.id, one.title, one.description, one.minutes, order)
            if signed_in:
                lesson.completed = one.id in done
                lesson.completed_at = _iso(done.get(one.id))
            return lesson

        orders = range(1, len(outline.course.lessons) + 1)
        return cls(outline.course.id, [marked(order) for order in orders], WholeListOut())


class ResourceOut(Out):
    title: str
    url: str
    type: ResourceType


class LessonOut(Out):
    """*content* is Markdown; render it without raw HTML. *videoUrl* is null where there is no video."""

    id: str
    course_id: str
    title: str
    description: str
    video_url: str | None
    duration: int
    order: int
    content: str
    resources: list[ResourceOut]

    @classmethod
    def of(cls, found: LessonInPlace) -> "LessonOut":
        lesson, head = found.lesson, found.lesson.head
        return cls(
            id=head.id,
            course_id=lesson.course_id,
            title=head.title,
            description=head.description,
            video_url=lesson.video_url,
            duration=head.minutes,
            order=found.order,
            content=lesson.content,
            resources=[ResourceOut(one.title, one.url, one.type) for one in lesson.resources],
        )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
