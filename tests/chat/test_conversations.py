"""Opening, listing, reading."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.chat.errors import ConversationNotFound
from domain.chat.model import direct_conversation_id
from domain.kernel.containers import CHAT
from domain.kernel.errors import Invalid
from domain.kernel.ids import is_uuid7
from tests.chat.lounge import Instance


async def test_the_same_two_have_one_conversation_whoever_opens_it(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    opened = await asyncio.gather(
        one.conversations.open_direct(ada, bob),
        two.conversations.open_direct(bob, ada),
        one.conversations.open_direct(ada, bob),
    )
    assert len({each.view["id"] for each in opened}) == 1
    assert sorted(each.created for each in opened) == [False, False, True]
    assert is_uuid7(opened[0].view["id"])


async def test_each_sees_the_other_as_its_name(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    opened = await chat.conversations.open_direct(ada, bob)
    assert opened.view["name"] == "Bob"
    assert opened.view["lastMessage"] is None
    mine = (await chat.conversations.page(bob, limit=20)).items
    assert [(row["id"], row["name"]) for row in mine] == [(opened.view["id"], "Ada")]
    assert {person["name"] for person in mine[0]["participants"]} == {"Ada", "Bob"}


async def test_nobody_opens_one_with_themselves_or_with_nobody(chat: Instance) -> None:
    ada, gone = await chat.person("Ada"), await chat.person("Gone", status="suspended")
    for other in (ada, gone, chat.ids.new()):
        with pytest.raises(Invalid) as refused:
            await chat.conversations.open_direct(ada, other)
        assert refused.value.faults[0].path == "participantIds[0]"


async def test_a_stranger_and_an_unknown_id_look_the_same(chat: Instance) -> None:
    ada, bob, eve = await chat.person("Ada"), await chat.person("Bob"), await chat.person("Eve")
    room = await chat.direct(ada, bob)
    for where in (room, direct_conversation_id(eve, ada), chat.ids.new()):
        with pytest.raises(ConversationNotFound):
            await chat.conversations.get(eve, where)
        with pytest.raises(ConversationNotFound):
            await chat.history.page(eve, where)


async def test_the_list_is_newest_first_and_costs_two_calls(chat: Instance) -> None:
    me = await chat.person("Me")
    rooms = {}
    for name in ("Ada", "Bob", "Cyd", "Dee"):
        rooms[name] = await chat.direct(me, await chat.person(name))
        chat.clock.advance(timedelta(minutes=2))
    await chat.say(me, rooms["Bob"], "hello Bob")
    await chat.sending.settle()
    await chat.run_tasks()
    with chat.documents.measure() as calls:
        page = await chat.conversations.page(me, limit=20)
    assert [row["name"] for row in page.items] == ["Bob", "Dee", "Cyd", "Ada"]
    assert page.items[0]["lastMessage"]["text"] == "hello Bob"
    assert calls.by_kind == {"query": 1, "find_many": 1}


async def test_the_list_pages_without_loss_or_repeat(chat: Instance) -> None:
    me = await chat.person("Me")
    rooms = []
    for n in range(7):
        rooms.append(await chat.direct(me, await chat.person(f"P{n}")))
        chat.clock.advance(timedelta(minutes=2))
    seen: list[str] = []
    below = None
    for _ in range(4):
        page = await chat.conversations.page(me, limit=2, below=below)
        seen += [row["id"] for row in page.items]
        below = page.next_after
    assert seen == rooms[::-1]
    assert below is None


async def test_both_are_told_and_joined_when_one_opens_it(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.run_tasks()
    assert {call for call in chat.realtime.calls if call[0] == "add_user_to_group"} == {
        ("add_user_to_group", f"c.{room}", ada),
        ("add_user_to_group", f"c.{room}", bob),
    }
    told = {where: event["data"]["name"] for where, event in chat.realtime.sent}
    assert told == {f"user:{ada}": "Bob", f"user:{bob}": "Ada"}


async def test_a_crash_right_after_opening_is_made_good_by_the_outbox(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    for who in (ada, bob):  # as if the process had died before it wrote these
        await chat.documents.delete(CHAT, who, f"in:{room}")
    task = {"task": "place", "conversationId": room, "userIds": [ada, bob], "at": "2026-01-20T12:00:00.000Z"}
    await chat.tasks.run(task)
    await chat.tasks.run(task)
    assert [row["id"] for row in (await chat.conversations.page(ada, limit=5)).items] == [room]
    assert [row["id"] for row in (await chat.conversations.page(bob, limit=5)).items] == [room]


async def test_history_pages_both_ways(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    for n in range(1, 26):
        await chat.say(ada, room, f"m{n}")
        chat.clock.advance(timedelta(seconds=1))

    async def seqs(**where: int) -> tuple[list[int], bool]:
        page = await chat.history.page(bob, room, limit=10, **where)
        return [message["seq"] for message in page.items], page.has_more

    assert await seqs() == (list(range(16, 26)), True)
    assert await seqs(before=16) == (list(range(6, 16)), True)
    assert await seqs(before=6) == (list(range(1, 6)), False)
    assert await seqs(before=1) == ([], False)
    assert await seqs(after=0) == (list(range(1, 11)), True)
    assert await seqs(after=20) == (list(range(21, 26)), False)
    assert await seqs(after=25) == ([], False)
    early = chat.clock.now() - timedelta(seconds=20)
    page = await chat.history.page(bob, room, limit=10, before=early)
    assert [message["seq"] for message in page.items] == [1, 2, 3, 4, 5]
    assert (await chat.history.page(bob, room, before=early - timedelta(days=1))).items == []


async def test_who_has_read_is_derived_from_the_cursors(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.say(ada, room, "one")
    assert (await chat.history.page(ada, room)).items[0]["readBy"] == {}
    await chat.say(bob, room, "two")
    await chat.say(ada, room, "three")
    read = [set(message["readBy"]) for message in (await chat.history.page(ada, room)).items]
    assert read == [{bob}, {ada}, set()]
