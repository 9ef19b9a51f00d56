"""Muting and blocking."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.chat.blocking import BLOCK, Blocks, settle_blocks
from domain.chat.errors import ConversationNotFound, PersonNotFound
from domain.chat.model import direct_conversation_id
from domain.chat.muting import Muting
from domain.chat.people import StoredPeople
from domain.kernel.containers import CHAT
from domain.kernel.errors import DomainError, Forbidden, Invalid
from tests.chat.lounge import Instance


def muting(chat: Instance) -> Muting:
    return Muting(chat.documents, chat.realtime, chat.behind, chat.clock)


def blocks(chat: Instance) -> Blocks:
    people = StoredPeople(chat.documents)
    return Blocks(chat.documents, people, chat.outbox, chat.known, chat.clock, chat.ids)


async def test_muting_is_ones_own_and_stays(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    for _ in range(2):
        await muting(chat).set(ada, room, muted=True)
    chat.clock.advance(timedelta(minutes=5))
    await chat.say(bob, room, "hello")
    await chat.sending.settle()
    await chat.run_tasks()
    assert (await chat.conversations.get(ada, room))["muted"] is True
    assert [(row["muted"], row["unreadCount"]) for row in (await chat.conversations.page(ada, limit=5)).items] == [
        (True, 1)
    ]
    assert (await chat.conversations.get(bob, room))["muted"] is False
    assert chat.told("conversation.updated") == [(f"user:{ada}", {"id": room, "muted": True})]
    await muting(chat).set(ada, room, muted=False)
    assert (await chat.conversations.get(ada, room))["muted"] is False


async def test_muting_costs_one_read_and_one_write_and_is_for_participants(chat: Instance) -> None:
    ada, eve = await chat.person("Ada"), await chat.person("Eve")
    room = await chat.direct(ada, await chat.person("Bob"))
    with chat.documents.measure() as calls:
        await muting(chat).set(ada, room, muted=True)
    assert calls.by_kind == {"find_many": 1, "patch": 1}
    with pytest.raises(ConversationNotFound):
        await muting(chat).set(eve, room, muted=True)


async def test_other_devices_learn_of_it_by_sync(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room, other = await chat.direct(ada, bob), await chat.group(ada, bob)
    chat.clock.advance(timedelta(minutes=5))
    cursors = {who: chat.sync.begin() for who in (ada, bob)}
    for wish in (True, False):
        chat.clock.advance(timedelta(seconds=3))
        await muting(chat).set(ada, room, muted=wish)
        for turn in range(3):
            chat.clock.advance(timedelta(seconds=3))
            page = await chat.sync.page(ada, cursors[ada], limit=50)
            assert page is not None
            cursors[ada] = page.cursor
            told = [(change["type"], change["data"]["id"], change["data"]["muted"]) for change in page.changes]
            assert told == ([("conversation", room, wish)] if turn == 0 else []), "once"
    page = await chat.sync.page(bob, cursors[bob], limit=50)
    assert page is not None
    assert page.changes == []
    await chat.groups.change(ada, other, name="New")
    await muting(chat).set(ada, other, muted=True)
    await chat.run_tasks()
    page = await chat.sync.page(ada, cursors[ada], limit=50)
    assert page is not None
    assert [change["data"]["id"] for change in page.changes] == [other], "one row for both changes"


async def test_a_block_keeps_each_from_bringing_the_other_into_a_group(chat: Instance) -> None:
    ada, bob, cid = [await chat.person(name) for name in ("Ada", "Bob", "Cid")]
    rooms = {
        who: await chat.group(who, friend) for who, friend in ((ada, cid), (bob, cid), (cid, await chat.person("D")))
    }
    shared = await chat.group(cid, ada, bob)
    await blocks(chat).block(ada, bob)
    for who, other in ((ada, bob), (bob, ada)):
        with pytest.raises(Forbidden) as opened:
            await chat.group(who, cid, other)
        assert [fault.path for fault in opened.value.faults] == ["participantIds[1]"]
        with pytest.raises(Forbidden) as added:
            await chat.groups.add(who, rooms[who], [cid, other])
        assert [fault.path for fault in added.value.faults] == ["userIds[1]"]
    await chat.groups.add(cid, rooms[cid], [ada, bob])
    assert await chat.say(bob, shared, "we are still both here") == 1
    await blocks(chat).unblock(ada, bob)
    await chat.groups.add(bob, rooms[bob], [ada])


async def test_the_largest_group_asks_for_blocks_in_one_call(chat: Instance) -> None:
    ada = await chat.person("Ada")
    others = [await chat.person(f"P{n}") for n in range(499)]
    await blocks(chat).block(others[-1], ada)
    with pytest.raises(Forbidden), chat.documents.measure() as calls:
        await chat.group(ada, *others)
    assert calls.by_kind == {"find_many": 2}


async def test_a_block_silences_both_and_taking_it_back_ends_that(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    message = await chat.sending.send(room, chat.draft(bob, "hello"))
    for _ in range(2):
        await blocks(chat).block(ada, bob)
    for who, other in ((ada, bob), (bob, ada)):
        for refused in (
            chat.say(who, room, "no"),
            chat.conversations.open_direct(who, other),
            chat.changes.react(who, message.id, "👍", add=True),
            chat.typing.tell(who, room, typing=True),
        ):
            with pytest.raises(Forbidden):
                await refused
        assert len((await chat.history.page(who, room)).items) == 1, "what was said stays"
    with pytest.raises(Forbidden):
        await chat.changes.edit(bob, message.id, "a way round")
    with pytest.raises(ConversationNotFound):
        await chat.say(await chat.person("Eve"), room, "no")
    for _ in range(2):
        await blocks(chat).unblock(ada, bob)
    assert await chat.say(bob, room, "again") == 2
    assert (await chat.conversations.open_direct(bob, ada)).created is False


async def test_both_may_block_and_each_takes_back_their_own(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await asyncio.gather(blocks(chat).block(ada, bob), blocks(chat).block(bob, ada))
    await blocks(chat).unblock(ada, bob)
    with pytest.raises(Forbidden):
        await chat.say(ada, room, "no")
    await blocks(chat).unblock(bob, ada)
    assert await chat.say(ada, room, "yes") == 1


async def test_a_block_before_any_conversation_keeps_it_from_being_opened(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    await blocks(chat).block(ada, bob)
    for who, other in ((ada, bob), (bob, ada)):
        with pytest.raises(Forbidden):
            await chat.conversations.open_direct(who, other)


async def test_a_warm_lane_of_another_process_learns_of_a_block(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    await one.say(bob, room, "warm")
    await one.sending.settle()
    await blocks(two).block(ada, bob)
    with pytest.raises(Forbidden):
        await one.say(bob, room, "by the head I remember")


async def test_opening_and_blocking_at_once_never_leaves_an_open_door(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    for _ in range(8):
        ada, bob = await one.person("Ada"), await one.person("Bob")
        await asyncio.gather(
            one.conversations.open_direct(bob, ada), blocks(two).block(ada, bob), return_exceptions=True
        )
        with pytest.raises(DomainError):
            await one.say(bob, direct_conversation_id(ada, bob), "through the gap")


async def test_blocking_and_unblocking_at_once_ends_as_the_store_says(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    for _ in range(6):
        await asyncio.gather(blocks(one).block(ada, bob), blocks(two).unblock(ada, bob), blocks(two).block(ada, bob))
        stands = await one.documents.find(CHAT, ada, BLOCK + bob) is not None
        if stands:
            with pytest.raises(Forbidden):
                await one.say(bob, room, "no")
        else:
            await one.say(bob, room, "yes")


async def test_a_crash_between_the_two_writes_is_made_good_by_the_outbox(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    made = blocks(chat)._task(ada, bob)
    item = {"id": BLOCK + bob, "pk": ada, "type": "block", "userId": bob, "blockedAt": "2026-01-20T12:00:00.000Z"}
    await chat.documents.create(CHAT, item)  # then the process died
    await chat.documents.create(CHAT, made)
    chat.clock.advance(timedelta(seconds=20))
    assert await chat.outbox.sweep(CHAT) == 1
    for _ in range(2):
        await chat.tasks.run(made["payload"])
    with pytest.raises(Forbidden):
        await chat.say(bob, room, "no")


async def test_blocks_are_listed_in_pages_with_names(chat: Instance) -> None:
    ada = await chat.person("Ada")
    others = [await chat.person(f"P{n}") for n in range(3)]
    for other in others:
        await blocks(chat).block(ada, other)
    with chat.documents.measure() as calls:
        first = await blocks(chat).page(ada, limit=2)
    assert calls.by_kind == {"query": 1, "find_many": 1}
    rest = await blocks(chat).page(ada, limit=2, above=first.next_after)
    assert [row["name"] for row in (*first.items, *rest.items)] == ["P0", "P1", "P2"]
    assert rest.next_after is None
    assert (await blocks(chat).page(others[0], limit=2)).items == []


async def test_nobody_blocks_themselves_or_nobody(chat: Instance) -> None:
    ada = await chat.person("Ada")
    with pytest.raises(Invalid):
        await blocks(chat).block(ada, ada)
    with pytest.raises(PersonNotFound):
        await blocks(chat).block(ada, chat.ids.new())
    await settle_blocks(chat.documents, ada, chat.ids.new())
