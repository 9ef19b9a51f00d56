"""Courses over HTTP."""

import pytest

from tests.courses import a_course, course_id
from tests.world import World


@pytest.fixture
async def stocked(world: World) -> World:
    """Twenty-five courses, a second apart: the highest number is the newest."""
    for number in range(1, 26):
        await world.parts.publishing.load([a_course(number)])
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


@pytest.mark.parametrize("unknown", ["catalogue", course_id(99), "00000000-0000-4000-8000-000000000000", "a%2Fb"])
async def test_an_unknown_course_is_not_found(world: World, unknown: str) -> None:
    for path in (f"/api/v1/courses/{unknown}", f"/api/v1/courses/{unknown}/lessons"):
        reply = await world.client.get(path)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")
