"""Rules of learning and of the catalogue, for whatever happens in whatever order."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.courses.entries import entry_item, read_summary
from domain.courses.model import Category, Course, Level, Stats, Summary
from domain.courses.progress import (
    Enrolment,
    Standing,
    achievements,
    complete,
    leave,
    percentage,
    rate,
    revive,
    standing_of,
    totals,
)
from domain.courses.records import enrolment_item, read_enrolment, stats_change
from domain.courses.search import SORTS, Snapshot, Wanted, fold
from tests.courses import ADA, a_course, course_id, lesson_id
from tests.factories import NOON

SIZES = st.integers(min_value=1, max_value=8)


def a_whole_course(lessons: int) -> Course:
    return a_course(1, lessons=lessons).course


def an_enrolment() -> Enrolment:
    return Enrolment(ADA, course_id(1), active=True, enrolled_at=NOON, last_accessed_at=NOON)


@given(lessons=SIZES, done=st.lists(st.integers(min_value=1, max_value=8)))
def test_percent_grows_with_each_new_lesson_and_is_100_only_at_the_end(lessons: int, done: list[int]) -> None:
    course, enrolment = a_whole_course(lessons), an_enrolment()
    last = 0
    for step, lesson in enumerate((one for one in done if one <= lessons), start=1):
        enrolment = complete(enrolment, course, lesson_id(1, lesson), minutes=3, now=NOON + timedelta(minutes=step))
        now = percentage(enrolment.completed_lessons, course.lesson_ids)
        assert last <= now <= 100
        assert (now == 100) == (len(enrolment.completed_lessons) == lessons) == (enrolment.completed_at is not None)
        last = now
    different = {one for one in done if one <= lessons}
    assert enrolment.minutes_spent == 3 * len(different)
    assert totals([enrolment]).lessons_completed == len(different)


@given(
    before=st.integers(min_value=1, max_value=6),
    after=st.integers(min_value=1, max_value=6),
    done=st.sets(st.integers(min_value=1, max_value=6)),
)
def test_what_was_finished_stays_finished_when_the_outline_changes(before: int, after: int, done: set[int]) -> None:
    old, new = a_whole_course(before), a_whole_course(after)
    enrolment = an_enrolment()
    for lesson in sorted(one for one in done if one <= before):
        enrolment = complete(enrolment, old, lesson_id(1, lesson), minutes=0, now=NOON)
    finished = enrolment.completed_at
    assert 0 <= percentage(enrolment.completed_lessons, new.lesson_ids) <= 100
    if finished is not None:
        assert complete(enrolment, new, lesson_id(1, 1), minutes=0, now=NOON).completed_at == finished


STEPS = st.lists(st.one_of(st.sampled_from(["leave", "return", "finish"]), st.integers(min_value=1, max_value=5)))


def walk(steps: list[str | int]) -> list[Enrolment]:
    course, states = a_whole_course(1), [an_enrolment()]
    for step in steps:
        now = states[-1]
        match step:
            case "leave":
                states.append(leave(now))
            case "return":
                states.append(now if now.active else revive(now, NOON))
            case int(rating):
                states.append(rate(now, rating))
            case _:
                states.append(complete(now, course, lesson_id(1, 1), minutes=1, now=NOON))
    return states


@given(steps=STEPS, data=st.data())
def test_counting_some_of_the_standings_ends_at_the_last(steps: list[str | int], data: st.DataObject) -> None:
    standings = list({one.version: standing_of(one) for one in walk(steps)}.values())
    kept = [one for one in standings if data.draw(st.booleans())]
    counted: Counter[str] = Counter()
    before: Standing | None = None
    for one in [*kept, standings[-1]]:
        counted.update(stats_change(before, one))
        before = one
    last = standings[-1]
    assert counted["enrolled"] == last.enrolled
    assert counted["started"] == 1
    assert counted["completed"] == last.completed
    assert counted["ratingSum"] == last.rating
    assert counted["ratingCount"] == (last.rating > 0)


@given(steps=STEPS)
def test_a_version_moves_exactly_when_what_is_counted_moves(steps: list[str | int]) -> None:
    states = walk(steps)
    for one, following in pairwise(states):
        same = replace(standing_of(one), version=0) == replace(standing_of(following), version=0)
        assert same == (one.version == following.version)


@given(steps=STEPS)
def test_an_enrolment_survives_the_store(steps: list[str | int]) -> None:
    for one in walk(steps):
        assert read_enrolment(enrolment_item(one)) == one


@given(minutes=st.lists(st.lists(st.integers(min_value=0, max_value=500), max_size=8), max_size=4))
def test_an_achievement_is_unlocked_once_and_never_taken_back(minutes: list[list[int]]) -> None:
    enrolments: list[Enrolment] = []
    seen: dict[str, object] = {}
    events = sorted((at, number) for number, each in enumerate(minutes) for at in each)
    state = {number: replace(an_enrolment(), course_id=course_id(number)) for number in range(len(minutes))}
    for place, (at, number) in enumerate(events):
        course = a_course(number, lessons=8).course
        lesson = lesson_id(number, 1 + place % 8)
        state[number] = complete(state[number], course, lesson, minutes=1, now=NOON + timedelta(minutes=at))
        enrolments = list(state.values())
        now = {one.id: one.unlocked_at for one in achievements(enrolments, None)}
        assert seen.items() <= now.items()
        seen.update(now)
    assert len(achievements(enrolments, None)) == len(seen)


WORDS = st.sampled_from(["Résumé", "money", "GED", "straße", "web", "Über"])


@st.composite
def summaries(draw: st.DrawFn, number: int | None = None) -> Summary:
    which = draw(st.integers(min_value=1, max_value=40)) if number is None else number
    course = a_course(
        which,
        title=" ".join(draw(st.lists(WORDS, min_size=1, max_size=3))),
        category=draw(st.sampled_from(list(Category))),
        level=draw(st.sampled_from(list(Level))),
        minutes=draw(st.integers(min_value=1, max_value=3)),
    ).course
    rated = draw(st.integers(min_value=0, max_value=3))
    stats = Stats(enrolled=draw(st.integers(min_value=0, max_value=3)), rating_sum=rated * 4, rating_count=rated)
    return read_summary(entry_item(course, stats, changed_at=NOON))


CATALOGUES = st.lists(summaries(), max_size=25).map(lambda found: {one.id: one for one in found})
WANTED = st.builds(
    Wanted,
    category=st.none() | st.sampled_from(list(Category)),
    level=st.none() | st.sampled_from(list(Level)),
    query=st.lists(WORDS.map(str.upper), max_size=2).map(" ".join),
    sort=st.sampled_from([sign + name for name in SORTS for sign in ("", "-")]),
)


@given(by_id=CATALOGUES, wanted=WANTED, limit=st.integers(min_value=1, max_value=7))
def test_the_pages_together_are_exactly_what_matches(by_id: dict[str, Summary], wanted: Wanted, limit: int) -> None:
    snapshot = Snapshot(by_id)
    first = snapshot.page(wanted, page=1, limit=limit)
    pages = [snapshot.page(wanted, page=number, limit=limit) for number in range(1, first.total_pages + 1)]
    together = [one for page in pages for one in page.items]
    expected = {
        one.id
        for one in by_id.values()
        if wanted.category in {None, one.category}
        and wanted.level in {None, one.level}
        and all(word in one.text for word in fold(wanted.query).split())
    }
    assert len(together) == first.total == len(expected)
    assert {one.id for one in together} == expected
    assert all(len(page.items) == limit for page in pages[:-1])
    assert snapshot.page(wanted, page=first.total_pages + 1, limit=limit).items == []


@given(by_id=CATALOGUES, data=st.data())
def test_a_changed_snapshot_says_what_a_new_one_would(by_id: dict[str, Summary], data: st.DataObject) -> None:
    padding = {one.id: one for one in (data.draw(summaries(number)) for number in range(41, 44))}
    snapshot = Snapshot({**by_id, **padding, **_many()})
    for sort in SORTS:
        snapshot.page(Wanted(sort=sort), page=1, limit=1)
    changed = data.draw(CATALOGUES)
    removed = data.draw(st.sets(st.sampled_from(sorted(padding))))
    following = snapshot.changed({**changed, **dict.fromkeys(removed)})
    afresh = Snapshot({key: one for key, one in {**snapshot.by_id, **changed}.items() if key not in removed})
    for sort in SORTS:
        for name in (sort, f"-{sort}"):
            wanted = Wanted(sort=name)
            one, other = (each.page(wanted, page=1, limit=1000) for each in (following, afresh))
            assert list(one.items) == list(other.items)


def _many(count: int = 600, kept: dict[str, Summary] = {}) -> dict[str, Summary]:  # noqa: B006 - made once
    """So many that a handful of changes is few, and orders are carried over."""
    if not kept:
        for number in range(100, 100 + count):
            course = a_course(number, lessons=1 + number % 5, title=f"Course {number % 7}").course
            summary = read_summary(entry_item(course, Stats(enrolled=number % 11), changed_at=NOON))
            kept[summary.id] = summary
    return kept


@given(text=st.text())
def test_folding_again_changes_nothing_and_every_word_finds_its_text(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert all(fold(word) in folded for word in text.split())
