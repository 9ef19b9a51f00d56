"""Courses over HTTP."""

import asyncio
from typing import Any, get_args

import httpx
import pytest

from blueprints.courses_shapes import Sort
from domain.courses.model import State
from domain.courses.progress import WEEK_STREAK
from domain.courses.search import SORTS
from domain.kernel.containers import COURSES
from domain.kernel.documents import Patch
from tests.courses import a_course, a_school_over, course_id, lesson_id
from tests.world import API, Person, World


@pytest.fixture
async def stocked(world: World) -> World:
    """Twenty-five courses, a second apart: the highest number is the newest."""
    for number in range(1, 26):
        await world.parts.courses.publishing.load([a_course(number)])
        world.clock.advance(seconds=1)
    return world


async def test_the_catalogue_is_public_paged_and_cacheable(stocked: World) -> None:
    reply = await stocked.client.get("/api/v1/courses", params={"page": 2, "limit": 10, "sort": "newest"})
    assert reply.status_code == 200
    body = reply.json()
    assert body["pagination"] == {"page": 2, "limit": 10, "total": 25, "totalPages": 3}
    assert [one["id"] for one in body["items"]] == [course_id(number) for number in range(15, 5, -1)]
    assert body["items"][0] == {
        "id": course_id(15),
        "title": "Course 15",
        "description": "What an employer may ask, and what to say.",
        "category": "job-readiness",
        "level": "beginner",
        "thumbnail": None,
        "duration": 30,
        "instructor": {"name": "Renée Okafor", "avatar": None},
        "metadata": {"enrolledCount": 0, "completionRate": 0.0, "rating": 0.0},
    }
    assert reply.headers["cache-control"] == "public, max-age=30"
    again = await stocked.client.get(
        "/api/v1/courses",
        params={"page": 2, "limit": 10, "sort": "newest"},
        headers={"If-None-Match": reply.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"category": "cooking"}, "category"),
        ({"level": "expert"}, "level"),
        ({"sort": "price"}, "sort"),
        ({"page": "0"}, "page"),
        ({"page": "two"}, "page"),
        ({"limit": "101"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"query": "x" * 201}, "query"),
    ],
)
async def test_a_filter_that_is_none_is_named(world: World, params: dict[str, str], path: str) -> None:
    reply = await world.client.get("/api/v1/courses", params=params)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "validation_error"
    assert [fault["path"] for fault in reply.json()["error"]["details"]] == [path]


async def test_the_detail_shows_the_outline_to_anyone(stocked: World) -> None:
    reply = await stocked.client.get(f"/api/v1/courses/{course_id(3)}")
    body = reply.json()
    assert reply.status_code == 200
    assert body["instructor"] == {"name": "Renée Okafor", "avatar": None, "bio": "Twenty years in hiring."}
    assert [one["order"] for one in body["lessons"]] == [1, 2, 3]
    assert set(body["lessons"][0]) == {"id", "title", "description", "duration", "order"}
    assert body["metadata"]["createdAt"] == body["metadata"]["updatedAt"] == "2026-01-20T12:00:02.000Z"
    assert "content" not in reply.text
    outline = (await stocked.client.get(f"/api/v1/courses/{course_id(3)}/lessons")).json()
    assert outline["items"] == body["lessons"]
    assert outline["pagination"] == {"hasMore": False, "nextCursor": None}


def test_every_sort_there_is_can_be_asked_for() -> None:
    assert set(get_args(Sort)) == {sign + name for name in SORTS for sign in ("", "-")}


@pytest.mark.parametrize("unknown", ["catalogue", course_id(99), "00000000-0000-4000-8000-000000000000", "a%2Fb"])
async def test_an_unknown_course_is_not_found(world: World, unknown: str) -> None:
    for path in (f"/api/v1/courses/{unknown}", f"/api/v1/courses/{unknown}/lessons"):
        reply = await world.client.get(path)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


@pytest.fixture
async def ada(world: World) -> Person:
    await world.parts.courses.publishing.load([a_course(1), a_course(2, lessons=1), a_course(3, state=State.DRAFT)])
    return await world.sign_up("ada")


COURSE = f"/api/v1/courses/{course_id(1)}"


def refusal(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


async def test_a_learner_takes_a_course_from_the_first_lesson_to_the_last(world: World, ada: Person) -> None:
    http, auth = world.client, ada.bearer
    enrolled = await http.post(f"{COURSE}/enroll", headers=auth)
    now = "2026-01-20T12:00:00.000Z"
    assert enrolled.status_code == 200
    assert enrolled.json()["enrollment"] == {
        "courseId": course_id(1),
        "userId": ada.id,
        "enrolledAt": now,
        "progress": 0,
    }
    assert refusal(await http.post(f"{COURSE}/enroll", headers=auth)) == (409, "already_enrolled")

    lesson = await http.get(f"{COURSE}/lessons/{lesson_id(1, 1)}", headers=auth)
    assert lesson.json() == {
        "id": lesson_id(1, 1),
        "courseId": course_id(1),
        "title": "Lesson 1",
        "description": "What it is about.",
        "videoUrl": None,
        "duration": 10,
        "order": 1,
        "content": "# Lesson 1\n\nText.",
        "resources": [],
    }
    assert lesson.headers["cache-control"] == "no-store"
    again = {**auth, "If-None-Match": lesson.headers["etag"]}
    assert (await http.get(f"{COURSE}/lessons/{lesson_id(1, 1)}", headers=again)).status_code == 304

    done = [
        (await http.post(f"{COURSE}/lessons/{lesson_id(1, n)}/complete", json={"timeSpent": 12.6}, headers=auth)).json()
        for n in (1, 2, 2, 3)
    ]
    assert [one["progress"]["percentage"] for one in done] == [33, 66, 66, 100]
    assert done[-1]["progress"] == {
        "courseId": course_id(1),
        "completedLessons": 3,
        "totalLessons": 3,
        "percentage": 100,
    }
    outline = (await http.get(f"{COURSE}/lessons", headers=auth)).json()
    assert [(one["completed"], one["completedAt"]) for one in outline["items"]] == [(True, now)] * 3

    page = (await http.get("/api/v1/users/me/progress", headers=auth)).json()
    assert page["courses"] == {
        course_id(1): {
            "enrolledAt": now,
            "progress": 100,
            "completedLessons": [lesson_id(1, n) for n in (1, 2, 3)],
            "lastAccessedAt": now,
            "timeSpent": 39,
        }
    }
    assert [(one["id"], one["unlockedAt"]) for one in page["achievements"]] == [
        ("first-lesson", now),
        ("first-course", now),
    ]
    assert page["stats"] == {
        "totalCoursesCompleted": 1,
        "totalLessonsCompleted": 3,
        "totalTimeSpent": 39,
        "loginStreak": 1,
        "lastLoginAt": now,
    }
    rated = await http.put(f"{COURSE}/rating", json={"rating": 4}, headers=auth)
    assert rated.json() == {"courseId": course_id(1), "rating": 4}
    metadata = (await http.get(COURSE)).json()["metadata"]
    assert {name: metadata[name] for name in ("enrolledCount", "completionRate", "rating", "ratingCount")} == {
        "enrolledCount": 1,
        "completionRate": 100.0,
        "rating": 4.0,
        "ratingCount": 1,
    }
    listed = (await http.get("/api/v1/courses", params={"sort": "popular"})).json()["items"][0]
    assert (listed["id"], listed["metadata"]) == (
        course_id(1),
        {"enrolledCount": 1, "completionRate": 100.0, "rating": 4.0},
    )


async def test_fifty_enrolments_at_once_make_one(world: World, ada: Person) -> None:
    replies = await asyncio.gather(*(world.client.post(f"{COURSE}/enroll", headers=ada.bearer) for _ in range(50)))
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 49
    assert (await world.client.get(COURSE)).json()["metadata"]["enrolledCount"] == 1


async def test_an_enrolment_repeated_with_its_key_gets_the_first_answer(world: World, ada: Person) -> None:
    headers = {**ada.bearer, "Idempotency-Key": "enrol-1"}
    first = await world.client.post(f"{COURSE}/enroll", headers=headers)
    again = await world.client.post(f"{COURSE}/enroll", headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, first.json())


async def test_leaving_and_returning_keeps_progress(world: World, ada: Person) -> None:
    http, auth = world.client, ada.bearer
    await http.post(f"{COURSE}/enroll", headers=auth)
    await http.post(f"{COURSE}/lessons/{lesson_id(1, 1)}/complete", headers=auth)
    for _ in "ab":
        left = await http.delete(f"{COURSE}/enroll", headers=auth)
        assert (left.status_code, left.content) == (204, b"")
    assert refusal(await http.get(f"{COURSE}/lessons/{lesson_id(1, 1)}", headers=auth)) == (403, "not_enrolled")
    assert (await http.get("/api/v1/users/me/progress", headers=auth)).json()["courses"] == {}
    assert (await http.post(f"{COURSE}/enroll", headers=auth)).json()["enrollment"]["progress"] == 33


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{COURSE}/lessons/{lesson_id(1, 1)}", (403, "not_enrolled")),
        ("POST", f"{COURSE}/lessons/{lesson_id(1, 1)}/complete", (403, "not_enrolled")),
        ("DELETE", f"{COURSE}/enroll", (403, "not_enrolled")),
        ("GET", f"{COURSE}/rating", (403, "not_enrolled")),
        ("GET", f"/api/v1/courses/{course_id(9)}/rating", (404, "not_found")),
        ("DELETE", f"/api/v1/courses/{course_id(9)}/enroll", (404, "not_found")),
        ("DELETE", f"/api/v1/courses/{course_id(3)}/enroll", (404, "not_found")),
        ("GET", f"{COURSE}/lessons/{lesson_id(2, 1)}", (404, "not_found")),
        ("POST", f"{COURSE}/lessons/{lesson_id(9, 1)}/complete", (404, "not_found")),
        ("GET", f"{COURSE}/lessons/first", (404, "not_found")),
        ("POST", f"/api/v1/courses/{course_id(9)}/enroll", (404, "not_found")),
        ("POST", f"/api/v1/courses/{course_id(3)}/enroll", (404, "not_found")),
        ("GET", f"/api/v1/courses/{course_id(3)}", (404, "not_found")),
        ("GET", f"/api/v1/courses/{course_id(3)}/lessons", (404, "not_found")),
        ("POST", "/api/v1/courses/catalogue/enroll", (404, "not_found")),
    ],
)
async def test_who_is_not_enrolled_and_what_is_not_there(
    world: World, ada: Person, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert refusal(await world.client.request(method, path, headers=ada.bearer)) == expected


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        (f"lessons/{lesson_id(1, 1)}/complete", {"timeSpent": -1}, "timeSpent"),
        (f"lessons/{lesson_id(1, 1)}/complete", {"timeSpent": 1441}, "timeSpent"),
        (f"lessons/{lesson_id(1, 1)}/complete", {"timeSpent": "ten"}, "timeSpent"),
        (f"lessons/{lesson_id(1, 1)}/complete", {"minutes": 5}, "minutes"),
        ("rating", {"rating": 0}, "rating"),
        ("rating", {"rating": 6}, "rating"),
        ("rating", {"rating": 4.5}, "rating"),
        ("rating", {}, "rating"),
        ("rating", {"rating": 5, "userId": "someone"}, "userId"),
    ],
)
async def test_a_bad_field_is_named_and_changes_nothing(
    world: World, ada: Person, path: str, body: dict[str, Any], fault: str
) -> None:
    await world.client.post(f"{COURSE}/enroll", headers=ada.bearer)
    method = "PUT" if path == "rating" else "POST"
    reply = await world.client.request(method, f"{COURSE}/{path}", json=body, headers=ada.bearer)
    assert refusal(reply) == (400, "validation_error")
    assert [each["path"] for each in reply.json()["error"]["details"]] == [fault]
    page = (await world.client.get("/api/v1/users/me/progress", headers=ada.bearer)).json()
    assert page["courses"][course_id(1)]["completedLessons"] == []


async def test_a_rating_honours_if_match(world: World, ada: Person) -> None:
    http, auth = world.client, ada.bearer
    await http.post(f"{COURSE}/enroll", headers=auth)
    unrated = await http.get(f"{COURSE}/rating", headers=auth)
    assert unrated.json()["rating"] is None
    condition = {**auth, "If-Match": unrated.headers["etag"]}
    assert (await http.put(f"{COURSE}/rating", json={"rating": 5}, headers=condition)).status_code == 200
    stale = await http.put(f"{COURSE}/rating", json={"rating": 1}, headers=condition)
    assert refusal(stale) == (412, "precondition_failed")
    assert (await http.get(f"{COURSE}/rating", headers=auth)).json()["rating"] == 5


async def test_learning_takes_a_verified_sign_in(world: World, ada: Person) -> None:
    bob = await world.sign_up("bob", verified=False)
    for method, path in (
        ("POST", f"{COURSE}/enroll"),
        ("GET", f"{COURSE}/lessons/{lesson_id(1, 1)}"),
        ("PUT", f"{COURSE}/rating"),
        ("GET", "/api/v1/users/me/progress"),
    ):
        async with world.browser() as stranger:
            assert refusal(await stranger.request(method, path)) == (401, "missing_token")
            assert refusal(await stranger.request(method, path, headers=bob.bearer)) == (403, "email_not_verified")


async def test_an_archived_course_stays_open_to_those_in_it(world: World, ada: Person) -> None:
    http = world.client
    bob = await world.sign_up("bob")
    await http.post(f"{COURSE}/enroll", headers=ada.bearer)
    change = Patch("course", set={"state": "archived"}, incr={"revision": 1})
    await world.parts.documents.patch(COURSES, course_id(1), change)
    await world.parts.courses.projection.show(course_id(1))
    world.clock.advance(seconds=30)
    assert (await http.get("/api/v1/courses")).json()["pagination"]["total"] == 1
    for path in (COURSE, f"{COURSE}/lessons"):
        async with world.browser() as stranger:
            assert refusal(await stranger.get(path)) == (404, "not_found")
            assert refusal(await stranger.get(path, headers=bob.bearer)) == (404, "not_found")
            shown = await stranger.get(path, headers=ada.bearer)
            assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    assert refusal(await http.post(f"{COURSE}/enroll", headers=bob.bearer)) == (404, "not_found")
    assert refusal(await http.get(f"{COURSE}/lessons/{lesson_id(1, 1)}", headers=bob.bearer)) == (404, "not_found")
    done = await http.post(f"{COURSE}/lessons/{lesson_id(1, 1)}/complete", headers=ada.bearer)
    assert done.status_code == 200


async def test_seven_days_running_are_remembered_after_the_streak_ends(world: World, ada: Person) -> None:
    async def sign_in() -> dict[str, Any]:
        body = {"email": ada.email, "password": ada.password}
        async with httpx.AsyncClient(transport=world.client._transport, base_url=API) as browser:
            token = (await browser.post("/api/v1/auth/login", json=body)).json()["accessToken"]
            bearer = {"Authorization": f"Bearer {token}"}
            page: dict[str, Any] = (await browser.get("/api/v1/users/me/progress", headers=bearer)).json()
            return page

    pages = []
    for _ in range(6):
        world.clock.advance(days=1)
        pages.append(await sign_in())
    assert [page["stats"]["loginStreak"] for page in pages] == [2, 3, 4, 5, 6, 7]
    assert [len(page["achievements"]) for page in pages] == [0, 0, 0, 0, 0, 1]
    world.clock.advance(days=3)
    later = await sign_in()
    assert later["stats"]["loginStreak"] == 1
    assert later["achievements"] == pages[-1]["achievements"]
    assert [(one["id"], one["unlockedAt"]) for one in later["achievements"]] == [
        (WEEK_STREAK, "2026-01-26T12:00:00.000Z")
    ]


async def test_a_streak_is_over_once_a_day_went_by_without_a_visit(world: World, ada: Person) -> None:
    world.clock.advance(days=1)
    logins = (await world.parts.courses.learning.progress(ada.id)).logins
    assert logins is not None
    assert logins.streak_days == 1
    world.clock.advance(days=1)
    logins = (await world.parts.courses.learning.progress(ada.id)).logins
    assert logins is not None
    assert logins.streak_days == 0


async def test_what_the_request_could_not_count_the_jobs_do(world: World, ada: Person) -> None:
    school = a_school_over(world.parts.documents, world.clock, world.data)
    school.outage.refused.add(("batch", COURSES))
    await school.learning.enrol(ada.id, course_id(1))
    assert (await world.client.get(COURSE)).json()["metadata"]["enrolledCount"] == 0
    world.clock.advance(minutes=1)
    await world.run_jobs()
    assert (await world.client.get(COURSE)).json()["metadata"]["enrolledCount"] == 1
