"""Files of courses: what is refused, what loading does, and the sample catalogue itself."""

import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.courses.learning import Learning
from domain.courses.model import Category, Level
from domain.courses.publishing import Loaded, WholeCourse
from domain.kernel.ids import is_uuid7
from runtime import admin
from runtime.commands import CommandFailed
from runtime.course_file import (
    SAMPLE,
    CourseFileFaulty,
    load_courses,
    load_sample_into_empty,
    read_course_file,
)
from runtime.parts import Parts
from runtime.settings import Settings
from tests.courses import ADA, course_id, lesson_id
from tests.factories import ManualClock, an_environment

SAMPLE_COURSES = read_course_file(SAMPLE)
SAMPLE_LESSONS = [lesson for course in SAMPLE_COURSES for lesson in course.lessons]


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncGenerator[Parts]:
    parts = Parts(Settings.read(an_environment(tmp_path)), ManualClock())
    yield parts
    await parts.close()


def a_file_course(number: int = 1, **more: Any) -> dict[str, Any]:
    lesson = {
        "id": lesson_id(number, 1),
        "title": "Know your record",
        "description": "What is in it, and what is not.",
        "duration": 20,
        "content": "# Know your record\n\nRead it first.",
    }
    return {
        "id": course_id(number),
        "title": f"Course {number}",
        "description": "What an employer may ask, and what to say.",
        "category": "tech",
        "level": "beginner",
        "instructor": {"name": "Renée Okafor", "bio": "Twenty years in hiring."},
        "lessons": [lesson],
        **more,
    }


def write(folder: Path, *courses: dict[str, Any]) -> Path:
    path = folder / "catalogue.json"
    path.write_text(json.dumps({"courses": courses}), "utf-8")
    return path


async def test_loading_twice_changes_nothing_and_keeps_what_people_did(parts: Parts, tmp_path: Path) -> None:
    path = write(tmp_path, a_file_course(1), a_file_course(2))
    assert await load_courses(parts, path) == Loaded(created=2)
    learning: Learning = parts.courses.learning
    await learning.enrol(ADA, course_id(1))
    await learning.complete(ADA, course_id(1), lesson_id(1, 1), minutes=5)
    before = await parts.courses.reading.get(course_id(1), reader=None)
    assert await load_courses(parts, path) == Loaded(unchanged=2)
    assert await parts.courses.reading.get(course_id(1), reader=None) == before
    assert before.stats.completed == 1


async def test_loading_a_changed_file_changes_what_differs_and_keeps_what_people_did(
    parts: Parts, tmp_path: Path
) -> None:
    await load_courses(parts, write(tmp_path, a_file_course(1), a_file_course(2)))
    await parts.courses.learning.enrol(ADA, course_id(1))
    changed = a_file_course(1, title="A better title")
    changed["lessons"][0]["content"] = "# New words"
    assert await load_courses(parts, write(tmp_path, changed, a_file_course(2))) == Loaded(changed=1, unchanged=1)
    found = await parts.courses.reading.get(course_id(1), reader=None)
    assert (found.course.title, found.course.revision, found.stats.enrolled) == ("A better title", 2, 1)
    lesson = await parts.courses.reading.lesson(course_id(1), lesson_id(1, 1), reader=ADA)
    assert lesson.lesson.content == "# New words"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"category": "cooking"}, "courses[0].category"),
        ({"colour": "red"}, "courses[0].colour"),
        ({"id": "one"}, "courses[0].id"),
        ({"lessons": []}, "courses[0].lessons"),
        ({"instructor": {"name": "R"}}, "courses[0].instructor.bio"),
        ({"thumbnail": "javascript:alert(1)"}, "courses[0].thumbnail"),
        ({"thumbnail": "//elsewhere.example/x.jpg"}, "courses[0].thumbnail"),
        ({"thumbnail": "http://plain.example/x.jpg"}, "courses[0].thumbnail"),
        ({"description": "Bell \u0007 in the text."}, "courses[0].description"),
    ],
)
async def test_a_faulty_file_is_refused_by_path_and_loads_nothing(
    parts: Parts, tmp_path: Path, change: dict[str, Any], path: str
) -> None:
    with pytest.raises(CourseFileFaulty, match=re.escape(f"{path}: ")):
        await load_courses(parts, write(tmp_path, a_file_course(1, **change), a_file_course(2)))
    assert await parts.courses.publishing.is_empty()


async def test_every_fault_of_a_file_is_named(tmp_path: Path) -> None:
    faulty = a_file_course(2, level="expert")
    faulty["lessons"][0]["duration"] = 0
    with pytest.raises(CourseFileFaulty) as refused:
        read_course_file(write(tmp_path, a_file_course(1, title=""), faulty))
    for path in ("courses[0].title", "courses[1].level", "courses[1].lessons[0].duration"):
        assert path in str(refused.value)


async def test_an_id_used_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseFileFaulty, match=r"courses\[1\]\.id: Is the id of courses\[0\]\.id already"):
        read_course_file(write(tmp_path, a_file_course(1), a_file_course(1)))


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"courses": [', b"\xff\xfe", b'{"courses": []}'])
async def test_what_is_no_file_of_courses(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(raw)
    with pytest.raises(CourseFileFaulty):
        read_course_file(path)


async def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CourseFileFaulty, match=r"none\.json: cannot be read: No such file or directory"):
        read_course_file(tmp_path / "none.json")


async def test_the_sample_goes_into_an_empty_store_only(parts: Parts) -> None:
    assert await load_sample_into_empty(parts) == Loaded(created=len(SAMPLE_COURSES))
    assert await load_sample_into_empty(parts) is None


async def test_the_operator_loads_a_file_by_command(parts: Parts, tmp_path: Path) -> None:
    path = write(tmp_path, a_file_course(1))
    command, options = admin.read_command(["load-courses", str(path)])
    assert await admin.run(parts, command, options, "") == (0, "1 courses created, 0 changed, 0 as they were")
    status, line = await admin.run(parts, command, {"file": str(tmp_path / "none.json")}, "")
    assert status == 1
    assert "cannot be read" in line
    with pytest.raises(CommandFailed):
        admin.read_command(["load-courses"])


def test_the_sample_covers_every_category_and_level() -> None:
    assert len(SAMPLE_COURSES) >= 8
    assert {one.course.category for one in SAMPLE_COURSES} == set(Category)
    assert {one.course.level for one in SAMPLE_COURSES} == set(Level)
    assert len({one.course.title for one in SAMPLE_COURSES}) == len(SAMPLE_COURSES)


@pytest.mark.parametrize("whole", SAMPLE_COURSES, ids=lambda whole: whole.course.title)
def test_a_sample_course_is_whole(whole: WholeCourse) -> None:
    assert 3 <= len(whole.lessons) <= 8
    assert is_uuid7(whole.course.id)
    assert len(whole.course.instructor.bio) > 60
    assert len(whole.course.description) > 80


@pytest.mark.parametrize("lesson", SAMPLE_LESSONS, ids=lambda lesson: lesson.head.title)
def test_a_sample_lesson_can_be_taught(lesson: Any) -> None:
    text = lesson.content
    words = re.findall(r"\w[\w'-]*", text)
    assert 250 <= len(words) <= 600
    assert text.startswith(f"# {lesson.head.title}\n\n")
    assert re.search(r"^## (Exercise|Problems)$", text, re.MULTILINE), "something to do"
    assert len(re.findall(r"^## ", text, re.MULTILINE)) >= 3
    assert not re.search(r"lorem|ipsum|TODO|TBD|\{\{", text, re.IGNORECASE)


@pytest.mark.parametrize("lesson", SAMPLE_LESSONS, ids=lambda lesson: lesson.head.title)
def test_a_sample_lesson_is_sound_markdown(lesson: Any) -> None:
    text = lesson.content
    assert text.count("```") % 2 == 0, "every fence is closed"
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    assert not re.search(r"<[a-zA-Z/!]", prose), "no raw HTML"
    assert prose.count("**") % 2 == 0, "every bold is closed"
    for table in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        assert len({row.count("|") for row in table.strip().splitlines()}) == 1, table


@pytest.mark.parametrize("lesson", SAMPLE_LESSONS, ids=lambda lesson: lesson.head.title)
def test_a_sample_lessons_resources_are_well_formed(lesson: Any) -> None:
    for resource in lesson.resources:
        parts = urlsplit(resource.url)
        assert parts.scheme == "https"
        assert parts.hostname is not None
        assert "." in parts.hostname
        assert (resource.type.value == "pdf") == parts.path.endswith(".pdf")
