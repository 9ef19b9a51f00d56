"""Presence: counted per connection, healed by time, told to those whom it concerns."""

import asyncio
import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.blocking import Blocks
from domain.chat.people import StoredPeople
from domain.chat.presence import GONE_REMEMBERED, LEASE, MAX_CONNECTIONS, NOBODY, _arrived, _left
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from tests.chat.lounge import Instance
from tests.factories import NOON


class Hall:
    """Ada and Bob talk; Eve knows neither."""

    def __init__(self, chat: Instance) -> None:
        self.chat = chat
        self.presence = chat.presence

    async def begin(self) -> "Hall":
        self.ada, self.bob, self.eve = [await self.chat.person(name) for name in ("Ada", "Bob", "Eve")]
        self.room = await self.chat.direct(self.ada, self.bob)
        return self

    async def is_online(self, who: str, to: str) -> bool:
        return bool((await self.presence.find(to, [who]))[0]["online"])

    async def wait(self, seconds: float) -> None:
        """Time passes, and what is due by then is done."""
        self.chat.clock.advance(timedelta(seconds=seconds))
        await self.chat.outbox.sweep(CHAT)
        await self.chat.run_tasks()

    def told(self) -> list[tuple[str, str, bool]]:
        return [(where, data["userId"], data["online"]) for where, data in self.chat.told("presence.changed")]


@pytest.fixture
async def hall(chat: Instance) -> Hall:
    return await Hall(chat).begin()


async def test_offline_waits_and_is_told_once_to_those_who_are_there(hall: Hall) -> None:
    await hall.presence.connected(hall.bob, "b1")
    await hall.chat.behind.settle()  # Ada is not there yet to be told of it
    await hall.presence.connected(hall.ada, "a1")
    await hall.chat.behind.settle()
    assert hall.told() == [(f"user:{hall.bob}", hall.ada, True)]
    await hall.presence.disconnected(hall.ada, "a1")
    assert await hall.is_online(hall.ada, hall.bob)
    await hall.wait(29)
    assert await hall.is_online(hall.ada, hall.bob)
    await hall.wait(2)
    assert not await hall.is_online(hall.ada, hall.bob)
    await hall.wait(60)
    assert hall.told() == [(f"user:{hall.bob}", hall.ada, True), (f"user:{hall.bob}", hall.ada, False)]


async def test_who_comes_back_in_time_was_never_away(hall: Hall) -> None:
    await hall.presence.connected(hall.bob, "b1")
    await hall.chat.behind.settle()  # Ada is not there yet to be told of it
    await hall.presence.connected(hall.ada, "a1")
    await hall.presence.disconnected(hall.ada, "a1")
    await hall.wait(20)
    await hall.presence.connected(hall.ada, "a2")
    await hall.wait(20)
    await hall.chat.behind.settle()
    assert await hall.is_online(hall.ada, hall.bob)
    assert hall.told() == [(f"user:{hall.bob}", hall.ada, True)]


async def test_each_device_counts(hall: Hall) -> None:
    await asyncio.gather(*(hall.presence.connected(hall.ada, f"a{n}") for n in range(4)))
    await asyncio.gather(*(hall.presence.disconnected(hall.ada, f"a{n}") for n in range(3)))
    await hall.wait(60)
    assert await hall.is_online(hall.ada, hall.bob)
    await hall.presence.disconnected(hall.ada, "a3")
    await hall.wait(60)
    assert not await hall.is_online(hall.ada, hall.bob)


async def test_a_lost_end_heals_and_signs_of_life_renew(hall: Hall) -> None:
    await hall.presence.connected(hall.ada, "a1")
    connected_at = hall.chat.clock.now()
    for _ in range(5):
        await hall.wait(40 * 60)
        hall.presence.heard(hall.ada, "a1")
        hall.presence.heard(hall.ada, "a1")
        await hall.chat.behind.settle()
    assert await hall.is_online(hall.ada, hall.bob)
    heard_at = hall.chat.clock.now()
    assert heard_at - connected_at > LEASE
    await hall.wait(LEASE.total_seconds() + 1)
    answer = (await hall.presence.find(hall.bob, [hall.ada]))[0]
    assert (answer["online"], answer["lastSeenAt"]) == (False, "2026-01-20T15:20:00.000Z")


async def test_an_end_that_was_lost_is_told_when_the_time_is_over(hall: Hall) -> None:
    await hall.presence.connected(hall.ada, "a1")
    await hall.wait(20 * 60)
    await hall.presence.connected(hall.bob, "b1")
    for _ in range(4):
        await hall.wait(35 * 60)
        hall.presence.heard(hall.bob, "b1")
        await hall.chat.behind.settle()
    assert hall.told() == [(f"user:{hall.ada}", hall.bob, True), (f"user:{hall.bob}", hall.ada, False)]
    await hall.wait(LEASE.total_seconds() * 2)
    assert len(hall.told()) == 2


async def test_a_look_comes_after_each_renewal_and_none_is_left_behind(hall: Hall) -> None:
    await hall.presence.connected(hall.bob, "b1")
    for _ in range(9):
        await hall.wait(41 * 60)
        await asyncio.gather(*(hall.presence.connected(who, "1") for who in (hall.ada, hall.bob)))
        looks = await hall.chat.documents.query(CHAT, hall.ada, Query(starts="outbox:"))
        assert len(looks) == 1
    await hall.presence.connected(hall.bob, "b2")
    await hall.wait(LEASE.total_seconds() - 60)
    await hall.presence.connected(hall.bob, "b2")
    await hall.wait(300)
    assert hall.told()[-1] == (f"user:{hall.bob}", hall.ada, False)
    assert await hall.chat.documents.query(CHAT, hall.ada, Query(starts="outbox:")) == []


async def test_a_look_by_a_clock_that_is_behind_is_not_the_last(hall: Hall) -> None:
    await hall.presence.connected(hall.ada, "a1")
    hall.chat.clock.advance(LEASE - timedelta(seconds=5))
    await hall.presence.settle(hall.ada)
    assert await hall.is_online(hall.ada, hall.bob)
    await hall.presence.connected(hall.bob, "b1")
    await hall.wait(180)
    assert hall.told()[-1] == (f"user:{hall.bob}", hall.ada, False)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_gets_lost_it_is_told_in_the_end(more: Callable[[], Instance], seed: int) -> None:
    """Connections come, go and vanish, on two instances; each change is told once, and nothing is left to look for."""
    chance = random.Random(seed)  # noqa: S311 - a plan
    hall, second = await Hall(more()).begin(), Hall(more())
    await hall.presence.connected(hall.bob, "b0")
    open_now: list[str] = []
    for step in range(25):
        at = chance.choice((hall, second)).presence
        match chance.choice(("come", "go", "vanish", "live", "wait", "wait long")):
            case "come":
                open_now.append(f"a{step}")
                await at.connected(hall.ada, f"a{step}")
            case "go" if open_now:
                await at.disconnected(hall.ada, open_now.pop(chance.randrange(len(open_now))))
            case "vanish" if open_now:
                open_now.pop(chance.randrange(len(open_now)))
            case "live" if open_now:
                at.heard(hall.ada, chance.choice(open_now))
            case "wait":
                await hall.wait(chance.randrange(90))
            case "wait long":
                await hall.wait(chance.randrange(110 * 60))  # Bob must be there to hear it
        for each in (hall, second):
            await each.chat.behind.settle()
        await hall.presence.connected(hall.bob, f"b{step}")
    for _ in range(6):
        await hall.wait(LEASE.total_seconds() / 3 + 1)
        await hall.presence.connected(hall.bob, "b")
    await hall.chat.behind.settle()
    assert not await hall.is_online(hall.ada, hall.bob)
    told = [online for where, who, online in hall.told() if (where, who) == (f"user:{hall.bob}", hall.ada)]
    assert all(one is not other for one, other in itertools.pairwise(told)), told
    assert not told or told[-1] is False
    assert await hall.chat.documents.query(CHAT, hall.ada, Query(starts="outbox:")) == []


async def test_an_end_before_its_beginning_leaves_no_ghost(hall: Hall) -> None:
    await hall.presence.disconnected(hall.ada, "a1")
    await hall.presence.connected(hall.ada, "a1")
    assert not await hall.is_online(hall.ada, hall.bob)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=80))
def test_the_item_stays_small_whatever_comes(events: list[tuple[bool, int]]) -> None:
    state, now = NOBODY, NOON
    for came, number in events:
        now += timedelta(seconds=1)
        state = (_arrived if came else _left)(state, f"c{number}", now)
        assert len(state.connections) <= MAX_CONNECTIONS
        assert len(state.gone) <= GONE_REMEMBERED
        assert not set(state.connections) & set(state.gone)


async def test_only_those_who_share_a_conversation_are_seen(hall: Hall) -> None:
    for who in (hall.ada, hall.bob, hall.eve):
        await hall.presence.connected(who, f"{who}-1")
    everyone = [hall.ada, hall.bob, hall.eve, hall.chat.ids.new()]
    seen = {row["userId"] for row in await hall.presence.find(hall.ada, everyone)}
    assert seen == {hall.ada, hall.bob}
    assert {row["userId"] for row in await hall.presence.find(hall.eve, everyone)} == {hall.eve}
    others = [await hall.chat.person(f"P{n}") for n in range(6)]
    group = await hall.chat.group(hall.ada, *others, hall.eve)
    assert {row["userId"] for row in await hall.presence.find(hall.eve, everyone)} == {hall.ada, hall.eve}
    await hall.chat.groups.remove(hall.ada, group, hall.eve)
    await hall.chat.sending.settle()
    await hall.chat.run_tasks()
    assert {row["userId"] for row in await hall.presence.find(hall.ada, everyone)} == {hall.ada, hall.bob}


async def test_a_block_hides_both_from_each_other(hall: Hall) -> None:
    chat = hall.chat
    blocks = Blocks(chat.documents, StoredPeople(chat.documents), chat.outbox, chat.known, chat.clock, chat.ids)
    await blocks.block(hall.ada, hall.bob)
    await hall.presence.connected(hall.ada, "a1")
    await hall.presence.connected(hall.bob, "b1")
    await chat.behind.settle()
    assert hall.told() == []
    for me, other in ((hall.ada, hall.bob), (hall.bob, hall.ada)):
        assert await hall.presence.find(me, [other]) == [{"userId": other, "online": False, "lastSeenAt": None}]


async def test_groups_are_not_told(hall: Hall) -> None:
    await hall.chat.group(hall.eve, hall.ada)
    await hall.presence.connected(hall.ada, "a1")
    await hall.presence.connected(hall.eve, "e1")
    await hall.chat.behind.settle()
    assert hall.told() == []


async def test_what_presence_costs(hall: Hall) -> None:
    async def cost(work: Any) -> dict[str, int]:
        with hall.chat.documents.measure() as calls:
            await work
        return dict(calls.by_kind)

    assert await cost(hall.presence.connected(hall.ada, "a1")) == {"find": 1, "batch": 1}
    await hall.chat.behind.settle()
    assert await cost(hall.presence.connected(hall.ada, "a1")) == {"find": 1}
    assert await cost(hall.presence.disconnected(hall.ada, "a1")) == {"find": 1, "batch": 1}
    assert await cost(hall.presence.find(hall.ada, [hall.bob])) == {"find_many": 1}
    assert await cost(hall.presence.find(hall.ada, [hall.bob, hall.eve])) == {"find_many": 1, "query": 1}


async def test_a_crowd_of_one_person_s_connections_loses_no_race(hall: Hall) -> None:
    """Each costs what one alone does: in a process they take turns."""
    with hall.chat.documents.measure() as calls:
        await asyncio.gather(*(hall.presence.connected(hall.ada, f"a{n}") for n in range(60)))
    assert (calls.by_kind["find"], calls.by_kind["batch"]) == (60, 60)
    await hall.chat.behind.settle()
    assert await hall.is_online(hall.ada, hall.bob)


async def test_two_processes_that_race_count_every_connection(more: Callable[[], Instance]) -> None:
    one, two = await Hall(more()).begin(), Hall(more())
    await asyncio.gather(*(hall.presence.connected(one.ada, f"{n}") for n, hall in enumerate((one, two, one, two))))
    item = (await one.chat.documents.query(CHAT, one.ada, Query(starts="presence")))[0].item
    assert len(item["connections"]) == 4
