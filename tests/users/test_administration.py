"""What administrators see and change, and what they cannot."""

import asyncio
from typing import Any

import pytest

from domain.kernel.accounts import Account, Role, Status
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Query
from domain.kernel.errors import Conflict, Forbidden, PreconditionFailed
from domain.users.model import AccountChange, NotYourself, UserNotFound, Wanted
from tests.users.town import Town

SUSPEND = AccountChange(status=Status.SUSPENDED)
DEMOTE = AccountChange(role=Role.USER)


async def change(town: Town, actor: Account, target: Account, wanted: AccountChange, **how: bool) -> Account:
    held = await town.administration.get(target.id)
    return await town.administration.change(actor.id, held, wanted, **{"only_if_unchanged": False, **how})


async def listed(town: Town, **wanted: Any) -> list[str]:
    accounts, _ = await town.administration.list_accounts(Wanted(**wanted), before=None, limit=100)
    return [account.name for account in accounts]


async def test_accounts_are_filtered_by_status_role_and_text(town: Town) -> None:
    await town.move_in("Ada Lovelace", email="countess@people.example")
    await town.move_in("Grace", role=Role.MENTOR)
    await town.move_in("Zoë", status=Status.SUSPENDED)
    await town.move_in("Eve", status=Status.PENDING, email_verified=False)
    assert await listed(town) == ["Eve", "Zoë", "Grace", "Ada Lovelace"]
    assert await listed(town, status=Status.SUSPENDED) == ["Zoë"]
    assert await listed(town, status=Status.PENDING) == ["Eve"]
    assert await listed(town, role=Role.MENTOR) == ["Grace"]
    assert await listed(town, role=Role.MENTOR, status=Status.SUSPENDED) == []
    assert await listed(town, query="LACE") == ["Ada Lovelace"]
    assert await listed(town, query="countess@PEOPLE") == ["Ada Lovelace"]
    assert await listed(town, query="zoe") == ["Zoë"]
    assert await listed(town, query="%") == []


async def test_a_page_costs_two_calls_and_shows_how_accounts_are_now(town: Town) -> None:
    for n in range(5):
        await town.move_in(f"Person {n}")
    stale = await town.move_in("Stale")
    await town.edit(stale.id, status="suspended")
    with town.documents.measure() as calls:
        first, before = await town.administration.list_accounts(Wanted(Status.ACTIVE), before=None, limit=4)
    assert calls.by_kind == {"query": 1, "find_many": 1}
    rest, end = await town.administration.list_accounts(Wanted(Status.ACTIVE), before=before, limit=4)
    assert [account.name for account in first + rest] == [f"Person {n}" for n in (4, 3, 2, 1, 0)]
    assert end is None


async def test_a_suspension_ends_the_sessions_and_hides_the_person(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    changed = await change(town, admin, ada, SUSPEND)
    assert changed.status is Status.SUSPENDED
    assert changed.epoch == ada.epoch + 1
    assert town.sign_ins.settled == [ada.id]
    assert await town.found("ada") == []
    assert await town.documents.query(ACCOUNTS, ada.id, Query(starts="outbox:")) == []
    [entry], _ = await town.profiles.list_activity(ada.id, before=None, limit=5)
    assert (entry.code, entry.details) == ("status_changed", {"status": "suspended", "actorId": admin.id})


async def test_a_role_is_told_to_open_sessions_and_ends_none(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    changed = await change(town, admin, ada, AccountChange(role=Role.MENTOR))
    assert (changed.role, changed.epoch) == (Role.MENTOR, ada.epoch)
    assert town.sign_ins.settled == [ada.id]


async def test_what_cannot_be_told_at_once_is_left_to_the_queue(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    town.sign_ins.away = True
    await change(town, admin, ada, SUSPEND)
    assert (await town.account(ada.id)).status is Status.SUSPENDED
    assert await town.found("ada") == []
    town.clock.advance(minutes=1)
    assert await town.outbox.sweep_all() == 1
    [message] = await town.queue.receive("sessions")
    assert ada.id in message.body


async def test_nobody_changes_themselves(town: Town) -> None:
    admin = await town.an_admin()
    for wanted in (SUSPEND, DEMOTE):
        with pytest.raises(NotYourself):
            await change(town, admin, admin, wanted)
    assert await town.account(admin.id) == admin


async def test_two_administrators_who_remove_each_other_at_once_leave_one(town: Town) -> None:
    for wanted in (DEMOTE, SUSPEND, DEMOTE):
        one, other = await town.an_admin("One"), await town.an_admin("Other")
        answers = await asyncio.gather(
            change(town, one, other, wanted), change(town, other, one, wanted), return_exceptions=True
        )
        assert sum(isinstance(answer, Account) for answer in answers) == 1
        assert sum(isinstance(answer, Conflict | Forbidden) for answer in answers) == 1
        accounts = [await town.account(admin.id) for admin in (one, other)]
        assert sum(account.role is Role.ADMIN and account.verified for account in accounts) == 1


async def test_one_who_is_no_administrator_any_more_removes_nobody(town: Town) -> None:
    former, admin = await town.an_admin("Former"), await town.an_admin("Admin")
    await town.edit(former.id, role="user")
    with pytest.raises(Forbidden):
        await change(town, former, admin, DEMOTE)
    assert (await town.account(admin.id)).role is Role.ADMIN


async def test_a_lease_that_was_left_behind_expires(town: Town) -> None:
    one, other = await town.an_admin("One"), await town.an_admin("Other")
    await town.administration._take_lease()
    with pytest.raises(Conflict):
        await change(town, one, other, DEMOTE)
    town.clock.advance(seconds=31)
    assert (await change(town, one, other, DEMOTE)).role is Role.USER


async def test_who_makes_an_account_active_vouches_for_its_address(town: Town) -> None:
    admin = await town.an_admin()
    pending = await town.move_in("Eve", status=Status.PENDING, email_verified=False)
    changed = await change(town, admin, pending, AccountChange(status=Status.ACTIVE))
    assert (changed.verified, changed.epoch) == (True, pending.epoch)
    assert await town.found("eve") == ["Eve"]


async def test_a_confirmation_can_be_taken_back_which_ends_the_sessions(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    changed = await change(town, admin, ada, AccountChange(status=Status.PENDING))
    assert (changed.email_verified, changed.epoch) == (False, ada.epoch + 1)
    assert await town.found("ada") == []


async def test_a_suspended_person_can_come_back(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    await change(town, admin, ada, SUSPEND)
    await change(town, admin, ada, AccountChange(status=Status.ACTIVE))
    assert await town.found("ada") == ["Ada"]


async def test_what_is_so_already_is_not_written(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    with town.documents.measure() as calls:
        await change(town, admin, ada, AccountChange(role=Role.USER, status=Status.ACTIVE))
    assert calls.writes == 0


async def test_a_lost_race_is_judged_again_or_refused_as_the_caller_wants(town: Town) -> None:
    admin, ada = await town.an_admin(), await town.move_in("Ada")
    held = await town.administration.get(ada.id)
    await town.edit(ada.id, name="Renamed")
    with pytest.raises(PreconditionFailed):
        await town.administration.change(admin.id, held, SUSPEND, only_if_unchanged=True)
    changed = await town.administration.change(admin.id, held, SUSPEND, only_if_unchanged=False)
    assert (changed.name, changed.status) == ("Renamed", Status.SUSPENDED)


async def test_nobody_can_be_found_who_is_not_there(town: Town) -> None:
    with pytest.raises(UserNotFound):
        await town.administration.get(town.ids.new())
