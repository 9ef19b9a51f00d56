"""What a course counts of its people: once each, whatever crashes, repeats or overtakes."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from adapters.queues.sqlite import SqliteQueue
from domain.courses.entries import merge_entries
from domain.courses.model import State, Stats
from domain.courses.progress import Standing
from domain.courses.projection import QUEUE, standing_task
from domain.courses.records import read_stats, standing_payload
from domain.kernel.containers import COURSES, LEARNING
from domain.kernel.documents import Query
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import Outbox
from tests.courses import ADA, School, a_course, a_school, course_id, lesson_id, user_id

COURSE = course_id(1)
ENROLLED = Standing(COURSE, ADA, version=1, enrolled=True, completed=False, rating=0)
RATED = replace(ENROLLED, version=2, rating=4)
COMPLETED = replace(RATED, version=3, completed=True)
LEFT = replace(COMPLETED, version=4, enrolled=False)


@pytest.fixture
async def school(tmp_path: Path) -> AsyncGenerator[School]:
    school = a_school(tmp_path)
    await school.publishing.load([a_course(1, lessons=1)])
    yield school
    await school.store.close()


async def stats(school: School) -> Stats:
    stored = await school.store.find(COURSES, COURSE, "stats")
    assert stored is not None
    return replace(read_stats(stored.item), version=0)


async def shown(school: School) -> Stats:
    school.clock.advance(seconds=30)
    return replace((await school.catalogue.snapshot()).by_id[COURSE].stats, version=0)


async def mend(school: School, folder: Path, container: str) -> int:
    """What the timer and the queue do a minute later, each message twice; returns how many were left behind."""
    school.clock.advance(minutes=1)
    queue = SqliteQueue(folder / "queues.db", school.clock)
    try:
        swept = await Outbox(school.store, queue, school.clock).sweep(container)
        for message in await queue.receive(QUEUE, limit=100):
            await school.projection.run(json.loads(message.body))
            await school.projection.run(json.loads(message.body))
        return swept
    finally:
        await queue.close()


@pytest.mark.parametrize("order", list(permutations([ENROLLED, RATED, COMPLETED, LEFT])))
async def test_standings_may_come_in_any_order_and_twice(school: School, order: tuple[Standing, ...]) -> None:
    for standing in (*order, *reversed(order)):
        await school.projection.count(standing)
    assert await stats(school) == Stats(enrolled=0, started=1, completed=1, rating_sum=4, rating_count=1)
    assert await shown(school) == await stats(school)


async def test_standings_may_all_come_at_once(school: School) -> None:
    people = [replace(COMPLETED, user_id=user_id(number)) for number in range(20)]
    await asyncio.gather(*(school.projection.count(one) for one in people for _ in range(3)))
    assert await stats(school) == Stats(enrolled=20, started=20, completed=20, rating_sum=80, rating_count=20)
    assert await shown(school) == await stats(school)


@pytest.mark.parametrize(
    "refused", [("batch", COURSES), ("find_many", COURSES), ("replace", COURSES), ("delete", LEARNING)]
)
async def test_an_enrolment_stands_when_counting_it_fails_and_the_sweep_makes_it_good(
    school: School, tmp_path: Path, refused: tuple[str, str]
) -> None:
    school.outage.refused.add(refused)
    await school.learning.enrol(ADA, COURSE)
    assert (await school.learning.summary(ADA)).enrolled_courses == [COURSE]
    assert len(await school.store.query(LEARNING, ADA, Query(starts="outbox:"))) == 1
    school.outage.refused.clear()
    assert await mend(school, tmp_path, LEARNING) == 1
    assert await stats(school) == Stats(enrolled=1, started=1)
    assert await shown(school) == Stats(enrolled=1, started=1)
    assert await mend(school, tmp_path, LEARNING) == 0


async def test_an_old_task_after_newer_ones_changes_nothing(school: School) -> None:
    await school.learning.enrol(ADA, COURSE)
    await school.learning.complete(ADA, COURSE, lesson_id(1, 1), minutes=0)
    await school.learning.leave(ADA, COURSE)
    await school.projection.run(standing_task(ENROLLED).payload)
    assert await stats(school) == Stats(enrolled=0, started=1, completed=1)


async def test_counting_for_a_course_that_is_gone_is_done(school: School) -> None:
    await school.projection.run({"kind": "standing", **standing_payload(replace(ENROLLED, course_id=course_id(9)))})
    await school.projection.run({"kind": "entry", "courseId": course_id(9)})


async def test_a_course_cut_short_while_it_was_published_is_shown_by_the_sweep(school: School, tmp_path: Path) -> None:
    school.outage.refused.add(("find_many", COURSES))
    with pytest.raises(Unavailable):
        await school.publishing.load([a_course(2)])
    school.outage.refused.clear()
    assert await mend(school, tmp_path, COURSES) == 1
    assert course_id(2) in (await school.catalogue.snapshot()).by_id


async def test_a_draft_has_no_entry_until_it_is_published(school: School) -> None:
    draft = a_course(2, state=State.DRAFT)
    await school.publishing.load([draft])
    assert await school.store.find(COURSES, "catalogue", f"entry:{course_id(2)}") is None
    await school.publishing.load([replace(draft, course=replace(draft.course, state=State.PUBLISHED))])
    assert await school.store.find(COURSES, "catalogue", f"entry:{course_id(2)}") is not None


def entry(revision: int, version: int, rev: str) -> dict[str, object]:
    return {"rev": rev, "revision": revision, "title": f"Title {revision}", "stats": {"version": version}}


def test_an_entry_never_goes_back_in_time() -> None:
    assert merge_entries(entry(2, 5, "a"), entry(1, 4, "b")) is None
    assert merge_entries(entry(2, 5, "a"), entry(2, 5, "b")) is None
    assert merge_entries(entry(2, 4, "a"), entry(1, 5, "b")) == entry(2, 5, "b")
    assert merge_entries(entry(1, 5, "a"), entry(2, 4, "b")) == entry(2, 5, "b")
    assert merge_entries(entry(1, 4, "a"), entry(2, 5, "b")) == entry(2, 5, "b")
