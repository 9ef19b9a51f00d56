"""Whatever happens to people, in whatever order it is projected, a search finds those it should, each once."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.kernel.names import words
from tests.users.town import Town

WORDS = st.sampled_from(["Ann", "Anna", "ANNE", "Änne", "Bo", "O'Brien", "Łukasz", "★"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
QUERIES = st.sampled_from(["", "a", "an", "ann", "ann b", "bo", "ob", "anna ann", "luk", "z", "★"])
STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(NAMES, st.sampled_from(["active", "suspended"])), st.booleans()), max_size=12
)


def is_found(name: str, query: str) -> bool:
    wanted, have = " ".join(words(query)), words(name)
    if not query:
        return True
    return bool(wanted) and any(" ".join(have[start:]).startswith(wanted) for start in range(len(have)))


async def walk(folder: Path, names: list[str], steps: list[tuple[int, str, bool]], query: str, limit: int) -> None:
    town = Town(folder)
    people = [await town.move_in(name) for name in names]
    listed = dict.fromkeys((person.id for person in people), True)
    named = {person.id: person.name for person in people}
    for number, what, at_once in steps:
        person = people[number % len(people)]
        if what in {"active", "suspended"}:
            listed[person.id] = what == "active"
            await town.edit(person.id, status=what)
        else:
            named[person.id] = what
            await town.edit(person.id, name=what)
        if at_once:
            await town.projection.project(person.id)
    await asyncio.gather(*(town.projection.project(person.id) for person in (*people, *people)))
    seen: list[str] = []
    after = None
    for _ in range(100):
        page, after = await town.directory.find_people(query, after=after, limit=limit)
        assert len(page) <= limit
        seen += [found.id for found in page]
        assert all(found.name == named[found.id] for found in page)
        if after is None:
            break
    assert sorted(seen) == sorted(one for one, name in named.items() if listed[one] and is_found(name, query))
    await town.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4), STEPS, QUERIES, st.integers(1, 3))
def test_a_search_finds_whom_it_should_and_each_once(
    names: list[str], steps: list[tuple[int, str, bool]], query: str, limit: int
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(walk(Path(folder), names, steps, query, limit))
