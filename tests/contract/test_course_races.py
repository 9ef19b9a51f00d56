"""The races of learning, decided by each document store: what `tests/unit` proves over SQLite holds over Cosmos DB."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.courses.model import AlreadyEnrolled, Stats
from domain.courses.search import Wanted
from domain.kernel.containers import COURSES, LEARNING
from domain.kernel.documents import DocumentStore
from domain.kernel.outbox import Outbox
from tests.courses import ADA, School, a_course, a_school_over, course_id, lesson_id, user_id
from tests.factories import ManualClock


@pytest.fixture(params=["sqlite", pytest.param("cosmos", marks=pytest.mark.servers)])
async def school(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[School]:
    clock = ManualClock()
    documents: DocumentStore
    if request.param == "sqlite":
        documents = SqliteDocuments(tmp_path / "documents.db", clock)
    else:
        from adapters.documents.cosmos import CosmosDocuments

        server = request.getfixturevalue("cosmos_emulator")
        documents = cosmos = CosmosDocuments(server.url, f"db-{uuid4()}", key="a2V5")
        await cosmos.ensure_containers()
    school = a_school_over(documents, clock, tmp_path)
    await school.publishing.load([a_course(1, lessons=8), a_course(2)])
    yield school
    await documents.close()


async def counted(school: School) -> Stats:
    return (await school.courses.get(course_id(1), reader=None)).stats


async def test_one_of_many_enrolments_wins_and_every_completion_counts(school: School) -> None:
    replies = await asyncio.gather(
        *(school.learning.enrol(ADA, course_id(1)) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, AlreadyEnrolled) for one in replies) == 19
    await asyncio.gather(
        *(school.learning.complete(ADA, course_id(1), lesson_id(1, n), minutes=5) for n in range(1, 9) for _ in "ab")
    )
    progress = (await school.learning.progress(ADA)).courses[course_id(1)]
    assert (progress.percentage, progress.enrolment.minutes_spent) == (100, 40)
    assert (await counted(school)) == Stats(enrolled=1, started=1, completed=1, version=2)


async def test_many_people_are_counted_and_shown(school: School) -> None:
    people = [user_id(number) for number in range(20)]
    await asyncio.gather(*(school.learning.enrol(one, course_id(1)) for one in people))
    await asyncio.gather(*(school.learning.rate(one, course_id(1), 4) for one in people))
    await asyncio.gather(*(school.learning.leave(one, course_id(1)) for one in people[:5]))
    stats = await counted(school)
    assert (stats.enrolled, stats.started, stats.rating, stats.rating_count) == (15, 20, 4.0, 20)
    page, _ = await school.catalogue.page(Wanted(sort="popular"), page=1, limit=1)
    [first] = page.items
    assert (first.id, first.stats) == (course_id(1), stats)


async def test_what_was_left_behind_is_found_and_counted(school: School, tmp_path: Path) -> None:
    school.outage.refused.add(("batch", COURSES))
    await school.learning.enrol(ADA, course_id(1))
    school.outage.refused.clear()
    assert (await counted(school)).enrolled == 0
    school.clock.advance(minutes=1)
    queue = SqliteQueue(tmp_path / "queues.db", school.clock)
    assert await Outbox(school.store, queue, school.clock).sweep(LEARNING) == 1
    [message] = await queue.receive("courses")
    await school.projection.run(json.loads(message.body))
    await queue.close()
    assert (await counted(school)).enrolled == 1


async def test_a_refresh_finds_an_edit(school: School) -> None:
    await school.catalogue.snapshot()
    school.clock.advance(seconds=30)
    await school.publishing.load([a_course(2, title="A better title")])
    with school.store.measure() as calls:
        page, _ = await school.catalogue.page(Wanted(query="better"), page=1, limit=20)
    assert [one.id for one in page.items] == [course_id(2)]
    assert calls.by_kind == {"query": 1}
