"""Cosmos DB is throttled, slow, silent or away: what people see meanwhile, and that all is well after."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.auth import log_in
from tests.courses import a_course, course_id
from tests.faults.answers import is_unavailable
from tests.faults.proxy import Proxy
from tests.world import Person, World

pytestmark = pytest.mark.servers

ENROLL = f"/api/v1/courses/{course_id(1)}/enroll"
WITHIN_SECONDS = 3.0
"""What the product promises: an answer, if only that there is none."""


async def look(world: World, path: str) -> tuple[int, Any]:
    reply = await world.client.get(f"/api/{path}")
    return reply.status_code, reply.json()


async def profile(world: World, person: Person) -> httpx.Response:
    return await world.client.get("/api/v1/users/me", headers=person.bearer)


async def test_a_second_of_throttling_is_waited_out_or_told_and_loses_nothing(cloud: World, cosmos: Proxy) -> None:
    await cloud.parts.courses.publishing.load([a_course(1)])
    ada = await cloud.sign_up("ada")
    loop = asyncio.get_running_loop()
    cosmos.answer(429, {"x-ms-retry-after-ms": "100"})
    loop.call_later(1.0, cosmos.mend)
    read, wrote, entered = await asyncio.gather(
        profile(cloud, ada),
        cloud.client.post(ENROLL, headers=ada.bearer),
        log_in(cloud.browser(), ada.email),
    )
    assert cosmos.answered > 3
    for reply in (read, wrote, entered):
        assert reply.status_code == 200 or is_unavailable(reply)
    wrote = await cloud.client.post(ENROLL, headers=ada.bearer)
    assert wrote.status_code in {200, 409}
    enrolled = (await profile(cloud, ada)).json()["enrolledCourses"]
    assert enrolled == [course_id(1)]


async def test_throttled_for_good_it_says_when_to_come_back(cloud: World, cosmos: Proxy) -> None:
    ada = await cloud.sign_up("ada")
    cosmos.answer(429, {"x-ms-retry-after-ms": "5000"})
    reply = await profile(cloud, ada)
    assert is_unavailable(reply)
    assert reply.headers["Retry-After"] == "5"


@pytest.mark.parametrize("how", ["away", "hanging", "cut", "503"])
async def test_while_it_is_down_requests_fail_in_time_and_liveness_stays_green(
    cloud: World, cosmos: Proxy, how: str
) -> None:
    ada = await cloud.sign_up("ada")
    await take_down(cosmos, how)
    begun = time.monotonic()
    replies = await asyncio.gather(
        profile(cloud, ada),
        log_in(cloud.browser(), ada.email),
        cloud.client.post("/api/v1/conversations", json={"type": "direct", "participantIds": [ada.id]}),
        cloud.client.patch("/api/v1/users/me", json={"name": "Ada L."}, headers=ada.bearer),
    )
    assert time.monotonic() - begun < WITHIN_SECONDS
    assert [reply.status_code for reply in replies] == [503, 503, 401, 503]
    assert all(is_unavailable(reply) for reply in replies if reply.status_code == 503)
    assert await look(cloud, "healthz") == (200, {"status": "ok"})
    status, ready = await look(cloud, "readyz")
    assert (status, ready["status"], ready["dependencies"]["documents"]["status"]) == (503, "unavailable", "down")
    assert ready["error"]["code"] == "service_unavailable"
    await cosmos.close()
    await cosmos.open()
    cosmos.mend()
    assert (await profile(cloud, ada)).json()["name"] == "Ada"
    assert (await log_in(cloud.browser(), ada.email)).status_code == 200
    vars(cloud.parts).pop("readiness")  # it remembers its answer for a second
    status, ready = await look(cloud, "readyz")
    assert (status, ready["dependencies"]["documents"]["status"]) == (200, "up")


async def test_a_hang_of_the_store_holds_nobody_who_does_not_need_it(cloud: World, cosmos: Proxy) -> None:
    """That it holds no more than its slots is in `test_circuits.py`."""
    ada = await cloud.sign_up("ada")
    form = {"name": "Carol", "email": "carol@county.example", "subject": "Hours", "message": "When do you open?"}
    cosmos.hang()
    waiting = [asyncio.create_task(cloud.client.get("/api/v1/users/me", headers=ada.bearer)) for _ in range(8)]
    await asyncio.sleep(0.1)  # they have asked
    others = [await cloud.client.get(f"/api/{path}") for path in ("healthz", "version", "openapi.json")]
    others.append(await cloud.client.post("/api/v1/forms/contact", json=form))
    assert not any(task.done() for task in waiting)
    assert [reply.status_code for reply in others] == [200, 200, 200, 201]
    assert all(is_unavailable(reply) for reply in await asyncio.gather(*waiting))


async def take_down(way: Proxy, how: str) -> None:
    match how:
        case "away":
            await way.close()
        case "hanging":
            way.hang()
        case "cut":
            way.cut()
        case "503":
            way.answer(503)
