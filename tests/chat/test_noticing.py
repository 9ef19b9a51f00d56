"""Behind a burst of messages: one task, flat reads, and only for those who missed it."""

from datetime import timedelta

import pytest

from domain.chat.model import partition_of
from domain.chat.muting import Muting
from domain.kernel.accounts import Status
from domain.kernel.containers import CHAT
from domain.kernel.documents import Patch, Query
from tests.chat.absent import Street
from tests.chat.lounge import Instance


@pytest.fixture
def street(chat: Instance) -> Street:
    return Street(chat)


async def mention(street: Street, room: str, seq: int, *user_ids: str) -> None:
    """As if the message of *seq* had named them."""
    pk = partition_of(room)
    [stored] = await street.chat.documents.query(CHAT, pk, Query(order="seq", above=seq - 1, limit=1))
    await street.chat.documents.patch(CHAT, pk, Patch(stored.item["id"], set={"mentions": list(user_ids)}))


async def test_a_burst_is_one_task_and_the_next_one_another(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob")
    room = await street.chat.direct(ada, bob)
    for _ in range(4):
        await street.say(ada, room)
        street.chat.clock.advance(seconds=0.7)
    assert [task["seq"] for task in await street.tasks()] == [1]
    street.chat.clock.advance(seconds=0.3)  # 3.1 s: so close to the end that a slow clock might miss it
    await street.say(bob, room)
    assert [task["seq"] for task in await street.tasks()] == [1, 5]


async def test_a_send_costs_no_call_more(street: Street) -> None:
    ada = await street.move_in("Ada")
    others = [await street.move_in(f"P{n}") for n in range(60)]
    room = await street.chat.group(ada, *others)
    await street.chat.behind.settle()
    with street.chat.documents.measure() as calls:
        await street.chat.say(ada, room, "hello")
        assert calls.by_kind == {"find_many": 1, "batch": 1}


async def test_reads_are_as_many_for_five_hundred_people_as_for_two(street: Street) -> None:
    ada = await street.move_in("Ada")
    others = [await street.move_in(f"P{n}") for n in range(499)]
    room = await street.chat.group(ada, *others)
    street.chat.clock.advance(minutes=1)
    await street.chat.outbox.sweep(CHAT)
    await street.chat.run_tasks()  # a large group is let in by and by
    await street.say(ada, room)
    with street.chat.documents.measure() as calls:
        await street.wait(timedelta(seconds=61))
    assert (calls.by_kind["query"], calls.by_kind["find_many"]) == (2, 5)
    assert calls.by_kind["batch"] == 499, "one for each who has no digest pending"
    await street.say(ada, room)
    with street.chat.documents.measure() as calls:
        await street.wait(timedelta(seconds=61))
    assert calls.by_kind == {"query": 2, "find_many": 3, "query_everywhere": 1}, "and none while there is one"


async def test_who_has_read_it_or_is_there_or_said_it_is_left_alone(street: Street) -> None:
    ada, bob, cyd, dan = [await street.move_in(name) for name in ("Ada", "Bob", "Cyd", "Dan")]
    room = await street.chat.group(ada, bob, cyd, dan)
    await street.chat.presence.connected(bob, "b1")
    seq = await street.say(ada, room)
    await street.chat.receipts.read(cyd, room, seq)
    await street.wait()
    expected = [await street.is_expected(who) for who in (ada, bob, cyd, dan)]
    assert expected == [False, False, False, True]


async def test_a_page_left_open_does_not_count_as_being_there(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob")
    room = await street.chat.direct(ada, bob)
    await street.chat.presence.connected(bob, "b1")
    street.chat.clock.advance(minutes=36)
    await street.say(ada, room)
    await street.wait()
    assert await street.is_expected(bob)


async def test_mute_is_kept_unless_they_are_mentioned(street: Street) -> None:
    ada, bob, cyd = [await street.move_in(name) for name in ("Ada", "Bob", "Cyd")]
    room = await street.chat.group(ada, bob, cyd)
    await street.chat.run_tasks()
    muting = Muting(street.chat.documents, street.chat.realtime, street.chat.behind, street.chat.clock)
    for who in (bob, cyd):
        await muting.set(who, room, muted=True)
    seq = await street.say(ada, room)
    await mention(street, room, seq, cyd)
    await street.wait()
    assert [await street.is_expected(who) for who in (bob, cyd)] == [False, True]


async def test_what_was_taken_back_in_time_is_not_noticed(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob")
    room = await street.chat.direct(ada, bob)
    message = await street.chat.sending.send(room, street.chat.draft(ada, "oh"))
    await street.chat.changes.delete(ada, message.id, moderates=False)
    await street.wait()
    assert not await street.is_expected(bob)


async def test_who_may_not_sign_in_is_not_written_to(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob", status=Status.SUSPENDED)
    cyd = await street.chat.person("Cyd")  # whose account is gone
    room = await street.chat.group(ada, bob, cyd)
    await street.say(ada, room)
    await street.wait()
    assert [await street.is_expected(who) for who in (bob, cyd)] == [False, False]


async def test_a_task_that_is_shown_too_early_waits_for_the_end_of_its_burst(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob")
    room = await street.chat.direct(ada, bob)
    await street.say(ada, room)
    await street.chat.queue.release()  # as a host does that starts again
    await street.work()
    assert not await street.is_expected(bob)
    await street.wait()
    assert await street.is_expected(bob)


async def test_a_task_that_could_not_be_queued_is_queued_by_the_sweep(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob")
    room = await street.chat.direct(ada, bob)
    async with street.queue_down():
        await street.say(ada, room)
    assert await street.tasks() == []
    await street.wait(timedelta(seconds=21))
    assert await street.is_expected(bob)


async def test_a_former_member_and_a_conversation_that_is_gone_are_no_trouble(street: Street) -> None:
    ada, bob, cyd = [await street.move_in(name) for name in ("Ada", "Bob", "Cyd")]
    room = await street.chat.group(ada, bob, cyd)
    await street.say(ada, room)
    await street.chat.groups.remove(bob, room, bob)
    await street.wait()
    assert [await street.is_expected(who) for who in (bob, cyd)] == [False, True]
    gone = {"task": "notice", "conversationId": ada, "seq": 1, "at": "2026-01-20T12:00:00.000Z"}
    await street.noticing.run(gone)
    with pytest.raises(KeyError):
        await street.noticing.run({"task": "unheard of"})
