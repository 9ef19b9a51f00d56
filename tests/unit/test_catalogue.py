"""The catalogue: filters, order and pages, and how old a page may be."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.courses.catalogue import Catalogue
from domain.courses.model import Category, Level, State
from domain.courses.search import SORTS, Page, Wanted, fold
from domain.kernel.containers import COURSES
from domain.kernel.errors import Unavailable
from tests.courses import ADA, BOB, School, a_course, a_school, course_id

FIVE = [
    a_course(1, title="Résumé that works", category=Category.JOB_READINESS, minutes=30),
    a_course(2, title="Money", category=Category.LIFE_SKILLS, level=Level.INTERMEDIATE, minutes=10),
    a_course(3, title="apples and fractions", category=Category.EDUCATION, instructor="Linh Tran", minutes=20),
    a_course(4, title="Spreadsheets", category=Category.TECH, description="Straße, formulas and lists.", minutes=5),
    a_course(5, title="Hidden", state=State.DRAFT),
]


@pytest.fixture
async def school(tmp_path: Path) -> AsyncGenerator[School]:
    school = a_school(tmp_path)
    for one in FIVE:
        await school.publishing.load([one])
        school.clock.advance(seconds=1)
    yield school
    await school.store.close()


async def find(school: School, wanted: Wanted, *, page: int = 1, limit: int = 20) -> Page:
    return (await school.catalogue.page(wanted, page=page, limit=limit))[0]


async def numbers(school: School, wanted: Wanted) -> list[int]:
    ids = {course_id(number): number for number in range(1, 10)}
    return [ids[one.id] for one in (await find(school, wanted)).items]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [4, 3, 2, 1]),
        (Wanted(sort="-newest"), [1, 2, 3, 4]),
        (Wanted(sort="title"), [3, 2, 1, 4]),
        (Wanted(sort="-title"), [4, 1, 2, 3]),
        (Wanted(sort="duration"), [4, 2, 3, 1]),
        (Wanted(category=Category.TECH), [4]),
        (Wanted(level=Level.BEGINNER), [4, 3, 1]),
        (Wanted(category=Category.TECH, level=Level.ADVANCED), []),
        (Wanted(query="resume"), [1]),
        (Wanted(query="  RÉSUMÉ   works "), [1]),
        (Wanted(query="works that"), [1]),
        (Wanted(query="strasse"), [4]),
        (Wanted(query="tran"), [3]),
        (Wanted(query="renee"), [4, 2, 1]),
        (Wanted(query="resume money"), []),
        (Wanted(query="%"), []),
    ],
)
async def test_filters_words_and_order(school: School, wanted: Wanted, expected: list[int]) -> None:
    assert await numbers(school, wanted) == expected


async def test_popularity_and_rating_order_by_what_people_did(school: School) -> None:
    for person in (ADA, BOB):
        await school.learning.enrol(person, course_id(2))
    await school.learning.enrol(ADA, course_id(3))
    await school.learning.rate(ADA, course_id(3), 5)
    await school.learning.rate(ADA, course_id(2), 4)
    assert (await numbers(school, Wanted(sort="popular")))[:2] == [2, 3]
    assert (await numbers(school, Wanted(sort="rating")))[:2] == [3, 2]


async def test_pages_count_exactly_and_end(school: School) -> None:
    second = await find(school, Wanted(), page=2, limit=3)
    assert (len(second.items), second.total, second.total_pages) == (1, 4, 2)
    beyond = await find(school, Wanted(), page=9, limit=3)
    assert (len(beyond.items), beyond.total, beyond.total_pages) == (0, 4, 2)
    none = await find(school, Wanted(query="nothing"))
    assert (none.total, none.total_pages) == (0, 0)


async def test_a_fresh_snapshot_asks_nothing_and_an_old_one_one_small_question(school: School) -> None:
    await find(school, Wanted())
    school.clock.advance(minutes=5)
    await find(school, Wanted())
    school.clock.advance(seconds=29)
    with school.store.measure() as fresh:
        for sort in SORTS:
            await find(school, Wanted(sort=sort))
    assert fresh.total == 0
    school.clock.advance(seconds=1)
    with school.store.measure() as refresh:
        await find(school, Wanted())
    assert refresh.by_kind == {"query": 1}


async def test_an_edit_shows_within_thirty_seconds_and_a_withdrawal_too(school: School) -> None:
    await find(school, Wanted())
    edited = replace(FIVE[1].course, title="Cash")
    withdrawn = replace(FIVE[2].course, state=State.ARCHIVED)
    await school.publishing.load([replace(FIVE[1], course=edited), replace(FIVE[2], course=withdrawn)])
    assert await numbers(school, Wanted(query="cash")) == []
    school.clock.advance(seconds=30)
    assert await numbers(school, Wanted(query="cash")) == [2]
    assert await numbers(school, Wanted()) == [4, 2, 1]


async def test_another_instances_slow_clock_does_not_hide_its_edit(school: School, tmp_path: Path) -> None:
    await find(school, Wanted())
    school.clock.advance(seconds=31)
    await find(school, Wanted())
    school.clock.advance(seconds=-90)
    await school.publishing.load([replace(FIVE[1], course=replace(FIVE[1].course, title="Cash"))])
    school.clock.advance(seconds=90 + 30)
    assert await numbers(school, Wanted(query="cash")) == [2]


async def test_requests_that_meet_share_one_refresh(school: School) -> None:
    school.outage.held = asyncio.Event()
    with school.store.measure() as calls:
        readers = [asyncio.create_task(find(school, Wanted())) for _ in range(50)]
        await asyncio.sleep(0)
        readers[0].cancel()
        school.outage.held.set()
        pages = await asyncio.gather(*readers, return_exceptions=True)
    assert calls.by_kind == {"query": 1}
    assert isinstance(pages[0], asyncio.CancelledError)
    assert all(isinstance(one, Page) and one.total == 4 for one in pages[1:])


async def test_an_old_snapshot_serves_through_an_outage_for_sixty_seconds_at_most(school: School) -> None:
    await find(school, Wanted())
    school.outage.refused.add(("query", COURSES))
    school.clock.advance(seconds=40)
    with school.store.measure() as calls:
        page, keep = await school.catalogue.page(Wanted(), page=1, limit=20)
        assert (await find(school, Wanted())).total == page.total == 4
    assert calls.total == 1  # not one attempt for each reader
    assert keep.total_seconds() == 20
    school.clock.advance(seconds=20)
    with pytest.raises(Unavailable):
        await find(school, Wanted())
    school.outage.refused.clear()
    assert (await find(school, Wanted())).total == 4


async def test_a_first_reader_during_an_outage_is_told(school: School) -> None:
    school.outage.refused.add(("query", COURSES))
    with pytest.raises(Unavailable):
        await find(school, Wanted())


async def test_a_catalogue_of_several_store_pages_is_read_whole(tmp_path: Path) -> None:
    school = a_school(tmp_path)
    try:
        for start in range(0, 2100, 100):
            courses = [a_course(number, lessons=1) for number in range(start, start + 100)]
            await asyncio.gather(*(school.publishing.load([one]) for one in courses))
        with school.store.measure() as first:
            assert (await find(school, Wanted())).total == 2100
        assert first.by_kind == {"query": 3}
        school.clock.advance(minutes=120)
        reread = Catalogue(school.store, school.clock)
        assert (await reread.snapshot()).by_id.keys() == (await school.catalogue.snapshot()).by_id.keys()
    finally:
        await school.store.close()


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Résumé", "resume"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("ﬁnance", "finance"), ("ＧＥＤ™", "gedtm")],  # noqa: RUF001 - on purpose
)
def test_folding_forgets_case_accents_and_forms(text: str, folded: str) -> None:
    assert fold(text) == folded
