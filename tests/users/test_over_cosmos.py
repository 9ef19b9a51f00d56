"""The directory's queries and races over Cosmos DB's own protocol."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest

from domain.kernel.accounts import Role, Status
from domain.kernel.people import Person
from domain.users.model import AccountChange, Wanted
from tests.servers import Server
from tests.users import test_administration, test_directory, test_profiles, test_projection
from tests.users.town import Town

pytestmark = pytest.mark.servers


@pytest.fixture
async def town(cosmos_emulator: Server, tmp_path: Path) -> AsyncGenerator[Town]:
    from adapters.documents.cosmos import CosmosDocuments

    documents = CosmosDocuments(cosmos_emulator.url, f"db-{uuid4()}", key="a2V5")
    await documents.ensure_containers()
    town = Town(tmp_path, documents)
    yield town
    await town.close()


@pytest.mark.parametrize("query", ["", "an"])
async def test_pages_give_everybody_once_in_one_order(town: Town, query: str) -> None:
    await test_directory.test_pages_give_everybody_once_in_one_order(town, query)


async def test_names_are_found_folded(town: Town) -> None:
    for name in ("Łukasz Żółty", "Conan O'Brien", "山田 太郎"):
        await town.move_in(name)
    assert await town.found("lukasz zol") == ["Łukasz Żółty"]
    assert await town.found("obr") == ["Conan O'Brien"]
    assert await town.found("太") == ["山田 太郎"]


async def test_accounts_are_filtered(town: Town) -> None:
    await test_administration.test_accounts_are_filtered_by_status_role_and_text(town)


async def test_many_at_once_end_with_the_newest_state(town: Town) -> None:
    await test_projection.test_many_at_once_end_with_the_newest_state(town)


async def test_two_changes_of_different_members_both_hold(town: Town) -> None:
    await test_profiles.test_two_changes_of_different_members_both_hold(town)


async def test_two_administrators_who_remove_each_other_at_once_leave_one(town: Town) -> None:
    await test_administration.test_two_administrators_who_remove_each_other_at_once_leave_one(town)


async def test_a_suspension_hides_the_person_and_is_in_the_trail(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    held = await town.administration.get(ada.id)
    await town.administration.change(admin.id, held, AccountChange(status=Status.SUSPENDED), only_if_unchanged=True)
    assert await town.found("ada") == []
    assert await town.person(ada.id) == Person(ada.id, "Ada", None, "suspended")
    [entry], _ = await town.profiles.list_activity(ada.id, before=None, limit=5)
    assert entry.code == "status_changed"
    accounts, _ = await town.administration.list_accounts(Wanted(role=Role.USER), before=None, limit=5)
    assert [account.id for account in accounts] == [ada.id]


async def test_a_projection_done_twice_at_once_writes_the_same(town: Town) -> None:
    ada = await town.move_in("Ada Lovelace", projected=False)
    await asyncio.gather(*(town.projection.project(ada.id) for _ in range(3)))
    assert await town.found() == ["Ada Lovelace"]
