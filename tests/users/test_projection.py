"""What others see follows the account, whoever is late and however often it is told."""

import asyncio
from collections.abc import Sequence

from domain.kernel.accounts import ACCOUNT_ID
from domain.kernel.containers import ACCOUNTS, CHAT, DIRECTORY
from domain.kernel.documents import DocumentStore, Operation, Query, Stored
from domain.kernel.people import Person
from domain.users.projection import Projection
from tests.budget import CountingDocuments
from tests.users.town import Town


async def test_a_new_person_is_found_and_can_be_met(town: Town) -> None:
    ada = await town.move_in("Ada", projected=False)
    assert await town.found("ada") == []
    await town.projection.project(ada.id)
    assert await town.found("ada") == ["Ada"]
    assert await town.person(ada.id) == Person(ada.id, "Ada", None, "active")


async def test_nobody_can_meet_whom_nobody_has_confirmed(town: Town) -> None:
    ada = await town.move_in("Ada", email_verified=False)
    assert await town.person(ada.id) is None


async def test_a_new_name_replaces_the_old_one_everywhere(town: Town) -> None:
    ada = await town.move_in("Ada King Lovelace")
    await town.edit(ada.id, name="Grace Hopper")
    await town.projection.project(ada.id)
    assert await town.found() == ["Grace Hopper"]
    for old in ("ada", "king", "lovelace"):
        assert await town.found(old) == []
    person = await town.person(ada.id)
    assert person is not None
    assert person.name == "Grace Hopper"


async def test_a_suspended_person_is_not_found_but_stays_known_to_those_they_met(town: Town) -> None:
    ada = await town.move_in("Ada Lovelace")
    await town.edit(ada.id, status="suspended")
    await town.projection.project(ada.id)
    assert await town.found() == []
    assert await town.person(ada.id) == Person(ada.id, "Ada Lovelace", None, "suspended")
    await town.edit(ada.id, status="active")
    await town.projection.project(ada.id)
    assert await town.found("love") == ["Ada Lovelace"]


async def test_doing_it_again_writes_nothing(town: Town) -> None:
    ada = await town.move_in("Ada Lovelace")
    with town.documents.measure() as calls:
        await town.projection.project(ada.id)
    assert calls.writes == 0


async def test_an_account_that_is_gone_leaves_no_name_behind(town: Town) -> None:
    ada = await town.move_in("Ada Lovelace")
    await town.documents.delete(ACCOUNTS, ada.id, ACCOUNT_ID)
    await town.projection.project(ada.id)
    assert await town.found() == []
    assert await town.person(ada.id) == Person(ada.id, "", None, "erased")
    await town.projection.project(ada.id)
    items = await town.documents.query(DIRECTORY, "people", Query())
    assert "ada" not in str([stored.item for stored in items]).lower()
    town.clock.advance(days=2)
    assert await town.documents.query(DIRECTORY, "people", Query()) == []


async def test_somebody_who_never_was_leaves_no_trace(town: Town) -> None:
    with town.documents.measure() as calls:
        await town.projection.project(town.ids.new())
    assert calls.writes == 0


async def test_many_at_once_end_with_the_newest_state(town: Town) -> None:
    ada = await town.move_in("Name 0")

    async def rename(n: int) -> None:
        await town.edit(ada.id, name=f"Name {n}")
        await town.projection.project(ada.id)

    await asyncio.gather(*(rename(n) for n in range(1, 4)))
    await town.projection.project(ada.id)
    account = await town.account(ada.id)
    assert await town.found() == [account.name]
    person = await town.person(ada.id)
    assert person is not None
    assert person.name == account.name


async def test_one_who_read_the_account_earlier_does_not_bring_the_old_state_back(town: Town) -> None:
    """Two projections, the first held between its reads and its writes while the second passes it."""
    ada = await town.move_in("Old")
    await town.edit(ada.id, name="Newer")
    slow = SlowDocuments(town.documents.inner)
    late = asyncio.create_task(Projection(slow, town.clock).project(ada.id))
    await slow.waiting.wait()
    await town.edit(ada.id, name="Newest")
    await town.projection.project(ada.id)
    slow.go_on.set()
    await late
    assert await town.found() == ["Newest"]
    person = await town.person(ada.id)
    assert person is not None
    assert person.name == "Newest"


class SlowDocuments(CountingDocuments):
    """Stops before its first batch until it may go on."""

    def __init__(self, inner: DocumentStore) -> None:
        super().__init__(inner)
        self.waiting, self.go_on = asyncio.Event(), asyncio.Event()

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        self.waiting.set()
        await self.go_on.wait()
        return await super().batch(container, pk, operations)


async def test_a_new_name_is_followed_in_chat_and_nothing_else_is(town: Town) -> None:
    ada = await town.move_in("Ada")

    async def tasks() -> list[dict[str, object]]:
        found = await town.documents.query(CHAT, ada.id, Query(starts="outbox:"))
        return [stored.item["payload"] for stored in found]

    await town.edit(ada.id, avatar="01890a5d-ac96-774b-bcce-b302099a8057")
    await town.projection.project(ada.id)
    assert await tasks() == []
    await town.edit(ada.id, name="Augusta")
    for _ in range(2):
        await town.projection.project(ada.id)
    assert await tasks() == [{"task": "rename", "userId": ada.id}]
