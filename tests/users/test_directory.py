"""Finding people by their names."""

from typing import Any

import pytest

from domain.kernel.accounts import Status
from domain.kernel.containers import DIRECTORY
from domain.kernel.documents import Query
from domain.users.records import PEOPLE, keys_of
from tests.users.town import Town


@pytest.mark.parametrize(
    "query",
    ["Ada", "ada", "ADA", "á", "king", "Lovel", "ada king", "king lov", "  ada  ", "a", "ada-king", "LOVELACE"],
)
async def test_a_name_is_found_by_the_beginning_of_any_of_its_words(town: Town, query: str) -> None:
    await town.move_in("Ada King Lovelace")
    assert await town.found(query) == ["Ada King Lovelace"]


@pytest.mark.parametrize("query", ["da", "lace", "ada lovelace", "king ada", "adam", "@", "%", "*", "_", "\"'"])
async def test_nothing_else_finds_it(town: Town, query: str) -> None:
    await town.move_in("Ada King Lovelace")
    assert await town.found(query) == []


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Łukasz Żółty", "lukasz zol"),
        ("Jürgen Groß", "jurgen gross"),
        ("Søren Ærø", "soren aero"),
        ("Çağla I\u015f\u0131k", "cagla isik"),
        ("Conan O'Brien", "obrien"),
        ("Conan O’Brien", "o'brien"),  # noqa: RUF001
        ("Анна Петрова", "ПЕТР"),
        ("山田 太郎", "太郎"),
        ("José", "jose\u0301"),
        ("Jose\u0301", "josé"),
        ("ﬁona", "fiona"),
    ],
)
async def test_case_accents_and_spelling_do_not_matter(town: Town, name: str, query: str) -> None:
    await town.move_in(name)
    assert await town.found(query) == [name]


async def test_a_look_alike_in_another_alphabet_is_not_who_was_looked_for(town: Town) -> None:
    await town.move_in("Ада")
    await town.move_in("Ada")
    assert await town.found("ada") == ["Ada"]


@pytest.mark.parametrize(
    "members",
    [
        {"status": Status.SUSPENDED},
        {"status": Status.PENDING, "email_verified": False},
        {"status": Status.ACTIVE, "email_verified": False},
    ],
)
async def test_only_active_people_with_a_confirmed_address_are_found(town: Town, members: dict[str, Any]) -> None:
    await town.move_in("Ada", **members)
    assert await town.found("ada") == []
    assert await town.found() == []


async def test_an_address_finds_nobody_and_is_not_in_what_is_found(town: Town) -> None:
    account = await town.move_in("Ada", email="secret@hidden.example")
    assert await town.found("secret") == []
    assert await town.found("hidden") == []
    [found], _ = await town.directory.find_people("ada", after=None, limit=5)
    assert (found.id, found.name, found.avatar) == (account.id, "Ada", None)
    names = await town.documents.query(DIRECTORY, PEOPLE, Query(order="key"))
    assert "secret" not in str([stored.item for stored in names])


async def test_without_a_query_everybody_is_listed_once_by_name(town: Town) -> None:
    for name in ("Zoe Adams", "ann marie", "Ann", "Bob Ann Carter"):
        await town.move_in(name)
    assert await town.found() == ["Ann", "ann marie", "Bob Ann Carter", "Zoe Adams"]


@pytest.mark.parametrize("query", ["", "an"])
async def test_pages_give_everybody_once_in_one_order(town: Town, query: str) -> None:
    names = [f"Ann{chr(97 + n)} Anna Anton" for n in range(9)] + ["Anna Ann", "Antonia"]
    for name in names:
        await town.move_in(name)
    seen: list[str] = []
    after = None
    for _ in range(40):
        people, after = await town.directory.find_people(query, after=after, limit=2)
        assert len(people) <= 2
        seen += [person.name for person in people]
        if after is None:
            break
    assert sorted(seen) == sorted(names)
    assert seen == await town.found(query)


async def test_people_of_the_same_name_are_all_found(town: Town) -> None:
    ids = {(await town.move_in("Sam Smith")).id for _ in range(5)}
    people, after = await town.directory.find_people("smith", after=None, limit=5)
    assert {person.id for person in people} == ids
    assert after is None


@pytest.mark.parametrize("query", ["", "a", "ann", "nobody"])
async def test_a_search_costs_one_query(town: Town, query: str) -> None:
    for n in range(30):
        await town.move_in(f"Ann Number{n}")
    with town.documents.measure() as calls:
        await town.directory.find_people(query, after=None, limit=10)
    assert calls.by_kind == {"query": 1}


async def test_a_search_without_letters_costs_nothing(town: Town) -> None:
    with town.documents.measure() as calls:
        assert await town.directory.find_people("%%", after=None, limit=10) == ([], None)
    assert calls.total == 0


async def test_a_name_without_a_letter_is_listed_but_not_searched(town: Town) -> None:
    await town.move_in("★★★")
    assert await town.found() == ["★★★"]
    assert keys_of("★★★", "id") == ["\tid"]


async def test_a_very_long_name_has_only_so_many_keys(town: Town) -> None:
    await town.move_in(" ".join("abcdefghijklmnop"))
    assert await town.found("h") != []
    assert await town.found("i") == []
