"""The catalogue's entries: container `courses`, pk `catalogue`, id `entry:<courseId>`; what a snapshot is made of."""

from datetime import datetime
from typing import Final

from domain.courses.model import Category, Course, Level, State, Stats, Summary
from domain.courses.records import counters, read_stats
from domain.courses.search import fold
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

CATALOGUE_PK: Final = "catalogue"


def entry_item_id(course_id: str) -> str:
    return f"entry:{course_id}"


def entry_item(course: Course, stats: Stats, *, changed_at: datetime) -> Item:
    """The course as the catalogue lists it.

    *rev* orders entries by their last change, and is unique: what the snapshot asks for is what came after the last.
    """
    return {
        "pk": CATALOGUE_PK,
        "id": entry_item_id(course.id),
        "type": "entry",
        "rev": f"{to_iso(changed_at)}:{course.id}",
        "listed": course.state is State.PUBLISHED,
        "revision": course.revision,
        "title": course.title,
        "description": course.description,
        "category": course.category.value,
        "level": course.level.value,
        "thumbnail": course.thumbnail,
        "minutes": course.minutes,
        "instructor": {"name": course.instructor.name, "avatar": course.instructor.avatar},
        "createdAt": to_iso(course.created_at),
        "stats": counters(stats),
    }


def merge_entries(held: Item, made: Item) -> Item | None:
    """What the entry must become when *held* is stored and *made* was just derived; None when nothing changes.

    Each half moves forward only: what *made* was derived from may have been read from a replica that lags behind.
    """
    merged = dict(made)
    if held["revision"] > made["revision"]:
        merged = {**held, "rev": made["rev"], "stats": made["stats"]}
    if held["stats"]["version"] > made["stats"]["version"]:
        merged["stats"] = held["stats"]
    same = all(merged[name] == held.get(name) for name in merged if name != "rev")
    return None if same else merged


def read_summary(entry: Item) -> Summary:
    title, description, instructor = entry["title"], entry["description"], entry["instructor"]
    return Summary(
        id=entry["id"].removeprefix("entry:"),
        title=title,
        description=description,
        category=Category(entry["category"]),
        level=Level(entry["level"]),
        thumbnail=entry["thumbnail"],
        minutes=entry["minutes"],
        instructor_name=instructor["name"],
        instructor_avatar=instructor["avatar"],
        created_at=from_iso(entry["createdAt"]),
        stats=read_stats(entry["stats"]),
        text=fold(f"{title}\n{description}\n{instructor['name']}"),
    )
