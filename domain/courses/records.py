"""Items of the containers `courses` and `learning`, to values and back.

| container | pk        | id                  | what                                                          |
|-----------|-----------|---------------------|---------------------------------------------------------------|
| courses   | course id | `course`            | everything but the lessons' content; the outline              |
| courses   | course id | `lesson:<lessonId>` | one lesson's content                                          |
| courses   | course id | `stats`             | counters                                                      |
| courses   | course id | `member:<userId>`   | what of this person has been counted                          |
| learning  | user id   | `enrol:<courseId>`  | one enrolment                                                 |

The catalogue's entries, derived from these, are in `entries.py`.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.courses.model import (
    Category,
    Course,
    Instructor,
    Lesson,
    LessonHead,
    Level,
    Resource,
    ResourceType,
    State,
    Stats,
)
from domain.courses.progress import Enrolment, Standing
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

COURSE_ID: Final = "course"
STATS_ID: Final = "stats"
ENROLMENT_PREFIX: Final = "enrol:"


def lesson_item_id(lesson_id: str) -> str:
    return f"lesson:{lesson_id}"


def member_item_id(user_id: str) -> str:
    return f"member:{user_id}"


def enrolment_item_id(course_id: str) -> str:
    return f"{ENROLMENT_PREFIX}{course_id}"


def course_item(course: Course) -> Item:
    return {
        "pk": course.id,
        "id": COURSE_ID,
        "type": "course",
        "title": course.title,
        "description": course.description,
        "category": course.category.value,
        "level": course.level.value,
        "thumbnail": course.thumbnail,
        "instructor": {
            "name": course.instructor.name,
            "avatar": course.instructor.avatar,
            "bio": course.instructor.bio,
        },
        "lessons": [_head(lesson) for lesson in course.lessons],
        "state": course.state.value,
        "ownerId": course.owner_id,
        "createdAt": to_iso(course.created_at),
        "updatedAt": to_iso(course.updated_at),
        "revision": course.revision,
    }


def read_course(item: Item) -> Course:
    return Course(
        id=item["pk"],
        title=item["title"],
        description=item["description"],
        category=Category(item["category"]),
        level=Level(item["level"]),
        thumbnail=item["thumbnail"],
        instructor=Instructor(**item["instructor"]),
        lessons=tuple(_read_head(head) for head in item["lessons"]),
        state=State(item["state"]),
        owner_id=item["ownerId"],
        created_at=from_iso(item["createdAt"]),
        updated_at=from_iso(item["updatedAt"]),
        revision=item["revision"],
    )


def _head(head: LessonHead) -> dict[str, Any]:
    return {"id": head.id, "title": head.title, "description": head.description, "minutes": head.minutes}


def _read_head(item: Mapping[str, Any]) -> LessonHead:
    return LessonHead(item["id"], item["title"], item["description"], item["minutes"])


def lesson_item(lesson: Lesson) -> Item:
    """Only what the outline does not hold: title, description and length are the course's, in one place."""
    return {
        "pk": lesson.course_id,
        "id": lesson_item_id(lesson.head.id),
        "type": "lesson",
        "content": lesson.content,
        "videoUrl": lesson.video_url,
        "resources": [{"title": one.title, "url": one.url, "type": one.type.value} for one in lesson.resources],
    }


def read_lesson(item: Item, head: LessonHead) -> Lesson:
    return Lesson(
        head=head,
        course_id=item["pk"],
        content=item["content"],
        video_url=item["videoUrl"],
        resources=tuple(Resource(one["title"], one["url"], ResourceType(one["type"])) for one in item["resources"]),
    )


def counters(stats: Stats) -> dict[str, int]:
    return {
        "enrolled": stats.enrolled,
        "started": stats.started,
        "completed": stats.completed,
        "ratingSum": stats.rating_sum,
        "ratingCount": stats.rating_count,
        "version": stats.version,
    }


def stats_item(course_id: str, stats: Stats) -> Item:
    return {"pk": course_id, "id": STATS_ID, "type": "stats", **counters(stats)}


def read_stats(item: Mapping[str, Any]) -> Stats:
    return Stats(
        enrolled=item["enrolled"],
        started=item["started"],
        completed=item["completed"],
        rating_sum=item["ratingSum"],
        rating_count=item["ratingCount"],
        version=item["version"],
    )


def stats_change(before: Standing | None, after: Standing) -> dict[str, int]:
    """What to add to the counters when a member moves from *before* (None: not counted yet) to *after*."""
    was_enrolled, was_completed, was_rating = (
        (before.enrolled, before.completed, before.rating) if before is not None else (False, False, 0)
    )
    change = {
        "enrolled": after.enrolled - was_enrolled,
        "started": int(before is None),
        "completed": after.completed - was_completed,
        "ratingSum": after.rating - was_rating,
        "ratingCount": bool(after.rating) - bool(was_rating),
    }
    return {name: by for name, by in change.items() if by}


def standing_payload(standing: Standing) -> dict[str, Any]:
    """A standing as a queue message and, with its keys, as the member's marker. Ids, numbers and flags only."""
    return {
        "courseId": standing.course_id,
        "userId": standing.user_id,
        "version": standing.version,
        "enrolled": standing.enrolled,
        "completed": standing.completed,
        "rating": standing.rating,
    }


def read_standing(payload: Mapping[str, Any]) -> Standing:
    return Standing(
        course_id=payload["courseId"],
        user_id=payload["userId"],
        version=payload["version"],
        enrolled=payload["enrolled"],
        completed=payload["completed"],
        rating=payload["rating"],
    )


def member_item(standing: Standing) -> Item:
    return {
        "pk": standing.course_id,
        "id": member_item_id(standing.user_id),
        "type": "member",
        **standing_payload(standing),
    }


def enrolment_item(enrolment: Enrolment) -> Item:
    return {
        "pk": enrolment.user_id,
        "id": enrolment_item_id(enrolment.course_id),
        "type": "enrolment",
        "status": "active" if enrolment.active else "left",
        "enrolledAt": to_iso(enrolment.enrolled_at),
        "lastAccessedAt": to_iso(enrolment.last_accessed_at),
        "completedLessons": {lesson_id: to_iso(at) for lesson_id, at in enrolment.completed_lessons.items()},
        "minutesSpent": enrolment.minutes_spent,
        "completedAt": None if enrolment.completed_at is None else to_iso(enrolment.completed_at),
        "rating": enrolment.rating,
        "version": enrolment.version,
    }


def read_enrolment(item: Item) -> Enrolment:
    return Enrolment(
        user_id=item["pk"],
        course_id=item["id"].removeprefix(ENROLMENT_PREFIX),
        active=item["status"] == "active",
        enrolled_at=from_iso(item["enrolledAt"]),
        last_accessed_at=from_iso(item["lastAccessedAt"]),
        completed_lessons={lesson_id: from_iso(at) for lesson_id, at in item["completedLessons"].items()},
        minutes_spent=item["minutesSpent"],
        completed_at=None if item["completedAt"] is None else from_iso(item["completedAt"]),
        rating=item["rating"],
        version=item["version"],
    )
