"""A person's own profile and trail."""

import asyncio
from dataclasses import replace

import pytest

from domain.kernel.accounts import ACCOUNT_ID, Preferences, Theme
from domain.kernel.activity import Activity
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Query
from domain.kernel.errors import Invalid, PreconditionFailed
from domain.users.model import Profile, ProfileChange, UserNotFound
from tests.users.town import Town


async def change(town: Town, profile: Profile, wanted: ProfileChange, *, only_if_unchanged: bool = False) -> Profile:
    return await town.profiles.change(profile, wanted, only_if_unchanged=only_if_unchanged)


async def test_reading_ones_profile_costs_two_store_calls(town: Town) -> None:
    ada = await town.move_in("Ada")
    with town.documents.measure() as calls:
        profile = await town.profiles.get(ada.id)
    assert calls.total == 2
    assert profile.account == ada
    assert list(profile.enrolled_courses) == []


async def test_what_is_not_named_stays(town: Town) -> None:
    ada = await town.move_in("Ada", avatar="a-file", preferences=Preferences(notifications=False))
    town.clock.advance(minutes=1)
    changed = (await change(town, await town.profiles.get(ada.id), ProfileChange(theme=Theme.DARK))).account
    assert changed.name == "Ada"
    assert changed.avatar == "a-file"
    assert changed.preferences == Preferences(notifications=False, email_updates=True, theme=Theme.DARK)
    assert changed.updated_at == town.clock.now()
    assert changed.email == ada.email
    assert await town.account(ada.id) == changed


async def test_changing_nothing_writes_nothing(town: Town) -> None:
    profile = await town.profiles.get((await town.move_in()).id)
    with town.documents.measure() as calls:
        assert await change(town, profile, ProfileChange()) == profile
    assert calls.total == 0


async def test_a_new_name_is_seen_by_others_when_the_answer_is_given(town: Town) -> None:
    ada = await town.move_in("Ada")
    await change(town, await town.profiles.get(ada.id), ProfileChange(name="  Grace   Hopper "))
    assert await town.found() == ["Grace Hopper"]
    assert await outbox(town, ada.id) == []


async def test_a_crash_after_the_write_leaves_the_projection_to_the_sweep(town: Town) -> None:
    ada = await town.move_in("Ada")
    town.profiles = replace(town.profiles, projector=Death())
    with pytest.raises(asyncio.CancelledError):
        await change(town, await town.profiles.get(ada.id), ProfileChange(name="Grace"))
    assert await town.found() == ["Ada"]
    town.clock.advance(minutes=1)
    assert await town.outbox.sweep_all() == 1
    [message] = await town.queue.receive("projections")
    assert message.body == f'{{"userId":"{ada.id}"}}'
    await town.projection.project(ada.id)
    assert await town.found() == ["Grace"]


class Death:
    """The process ends when it gets here."""

    async def project(self, _user_id: str) -> None:
        raise asyncio.CancelledError


async def outbox(town: Town, user_id: str) -> list[str]:
    return [stored.item["id"] for stored in await town.documents.query(ACCOUNTS, user_id, Query(starts="outbox:"))]


async def test_two_changes_of_different_members_both_hold(town: Town) -> None:
    ada = await town.move_in("Ada")
    profile = await town.profiles.get(ada.id)
    await asyncio.gather(
        change(town, profile, ProfileChange(name="Grace")),
        change(town, profile, ProfileChange(theme=Theme.DARK)),
        change(town, profile, ProfileChange(email_updates=False)),
    )
    account = await town.account(ada.id)
    assert (account.name, account.preferences.theme, account.preferences.email_updates) == ("Grace", Theme.DARK, False)


async def test_a_change_of_what_was_seen_meets_no_other_state(town: Town) -> None:
    ada = await town.move_in("Ada")
    profile = await town.profiles.get(ada.id)
    answers = await asyncio.gather(
        *(change(town, profile, ProfileChange(name=f"Name {n}"), only_if_unchanged=True) for n in "abc"),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, PreconditionFailed) for answer in answers) == 2


async def test_only_ones_own_completed_upload_can_be_an_avatar(town: Town) -> None:
    ada = await town.move_in("Ada")
    profile = await town.profiles.get(ada.id)
    with pytest.raises(Invalid) as refused:
        await change(town, profile, ProfileChange(avatar="a-file"))
    assert refused.value.faults[0].path == "avatar"
    town.uploads.owned.add((ada.id, "a-file"))
    assert (await change(town, profile, ProfileChange(avatar="a-file"))).account.avatar == "a-file"
    [found], _ = await town.directory.find_people("ada", after=None, limit=1)
    assert found.avatar == "a-file"
    assert (await change(town, profile, ProfileChange(avatar=None))).account.avatar is None


@pytest.mark.parametrize("name", ["   ", "★", "A\u202eda", "A\x00da", "\u0410da", "x" * 101, "Ada\u200b", "\ue000da"])
async def test_a_name_that_nobody_could_read_is_refused(town: Town, name: str) -> None:
    profile = await town.profiles.get((await town.move_in()).id)
    with pytest.raises(Invalid) as refused:
        await change(town, profile, ProfileChange(name=name))
    assert refused.value.faults[0].path == "name"
    assert (await town.account(profile.account.id)).name == "Ada"


async def test_an_account_that_is_gone_has_no_profile(town: Town) -> None:
    ada = await town.move_in()
    profile = await town.profiles.get(ada.id)
    await town.documents.delete(ACCOUNTS, ada.id, ACCOUNT_ID)
    with pytest.raises(UserNotFound):
        await town.profiles.get(ada.id)
    with pytest.raises(UserNotFound):
        await change(town, profile, ProfileChange(name="Grace"))


async def test_the_trail_is_listed_the_newest_first_a_page_at_a_time(town: Town) -> None:
    ada, eve = await town.move_in("Ada"), await town.move_in("Eve")
    for code in ("one", "two", "three", "four", "five"):
        entry = Activity(town.ids.new(), code, town.clock.now(), ip="192.0.2.1", device="Firefox")
        await town.documents.create(ACCOUNTS, entry.to_item(ada.id))
        town.clock.advance(seconds=1)
    seen: list[str] = []
    before = None
    for _ in range(9):
        with town.documents.measure() as calls:
            page, before = await town.profiles.list_activity(ada.id, before=before, limit=2)
        assert calls.by_kind == {"query": 1}
        seen += [entry.code for entry in page]
        if before is None:
            break
    assert seen == ["five", "four", "three", "two", "one"]
    assert await town.profiles.list_activity(eve.id, before=None, limit=9) == ([], None)


async def test_a_change_of_profile_is_in_the_trail_without_what_was_typed(town: Town) -> None:
    ada = await town.move_in("Ada")
    await change(town, await town.profiles.get(ada.id), ProfileChange(name="Secret", theme=Theme.DARK))
    [entry], _ = await town.profiles.list_activity(ada.id, before=None, limit=5)
    assert (entry.code, entry.details) == ("profile_changed", {"fields": "name,theme"})
