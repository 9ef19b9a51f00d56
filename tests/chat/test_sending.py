"""One order for everyone, nothing twice, nothing lost."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.chat.errors import ConversationNotFound
from domain.chat.model import Draft, direct_conversation_id, partition_of
from domain.chat.records import HEAD
from domain.kernel.containers import CHAT
from domain.kernel.errors import Unavailable
from domain.kernel.ids import is_uuid7
from tests.chat.lounge import Instance


async def test_messages_count_up_from_one(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    assert [await chat.say(ada, room, "one"), await chat.say(bob, room, "two"), await chat.say(ada, room, "three")] == [
        1,
        2,
        3,
    ]


async def test_parallel_senders_get_every_number_once(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    seqs = await asyncio.gather(chat.say_all(ada, room, 60), chat.say_all(bob, room, 60))
    assert sorted(seqs[0] + seqs[1]) == list(range(1, 121))


async def test_instances_that_race_get_every_number_once(more: Callable[[], Instance]) -> None:
    one, two, three = more(), more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    seqs = await asyncio.gather(one.say_all(ada, room, 30), two.say_all(bob, room, 30), three.say_all(ada, room, 30))
    assert sorted(itertools.chain(*seqs)) == list(range(1, 91))
    page = await one.history.page(ada, room, limit=100)
    assert [message["seq"] for message in page.items] == list(range(1, 91))
    ids = [message["id"] for message in page.items]
    assert len(set(ids)) == len(ids)
    assert all(is_uuid7(identifier) and partition_of(identifier) == partition_of(room) for identifier in ids)


async def test_who_is_known_by_a_head_that_moved_elsewhere_is_asked_for_again(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    assert await one.say(ada, room, "here")  # this instance knows the head, and Ada by it
    assert await two.say(bob, room, "there")  # and now it is another
    seqs = await asyncio.gather(one.say(ada, room, "I am still in"), one.say(bob, room, "and I am new here"))
    assert sorted(seqs) == [3, 4]


async def test_the_same_client_message_id_is_one_message(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    seqs = await asyncio.gather(*(chat.say(ada, room, "hello", "c1") for _ in range(10)))
    assert seqs == [1] * 10
    assert await chat.say(ada, room, "hello again", "c1") == 1
    assert await chat.say(bob, room, "mine", "c1") == 2, "another person's ids are another's"
    await chat.sending.settle()
    assert chat.published() == [1, 2]


async def test_a_repeat_on_another_instance_is_one_message(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    seqs = await asyncio.gather(
        one.say(ada, room, "x", "c1"),
        two.say(ada, room, "x", "c1"),
        one.say(bob, room, "y", "d"),
        two.say(bob, room, "z"),
    )
    assert seqs[0] == seqs[1]
    assert sorted({*seqs}) == [1, 2, 3]


async def test_strangers_learn_nothing_of_a_direct_conversation(chat: Instance) -> None:
    ada, bob, eve = await chat.person("Ada"), await chat.person("Bob"), await chat.person("Eve")
    room = await chat.direct(ada, bob)
    for where in (room, direct_conversation_id(ada, eve), chat.ids.new()):
        with pytest.raises(ConversationNotFound):
            await chat.say(eve, where, "let me in")
    assert await chat.say(ada, room, "still the first") == 1


async def test_a_stranger_does_not_spoil_the_batch_of_others(chat: Instance) -> None:
    ada, bob, eve = await chat.person("Ada"), await chat.person("Bob"), await chat.person("Eve")
    room = await chat.direct(ada, bob)
    outcomes = await asyncio.gather(
        chat.say(eve, room, "no"), chat.say(ada, room, "yes"), chat.say(bob, room, "yes"), return_exceptions=True
    )
    assert isinstance(outcomes[0], ConversationNotFound)
    assert sorted(outcome for outcome in outcomes[1:] if isinstance(outcome, int)) == [1, 2]


async def test_what_a_sender_writes_counts_as_read_by_them(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    for text in ("a", "b"):
        await chat.say(bob, room, text)
    assert (await chat.conversations.get(ada, room))["unreadCount"] == 2
    await chat.say(ada, room, "c")
    await chat.say(bob, room, "d")
    assert (await chat.conversations.get(ada, room))["unreadCount"] == 1
    assert (await chat.conversations.get(bob, room))["unreadCount"] == 0


async def test_a_send_costs_two_document_calls_and_one_publication(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.say(ada, room, "the first one also moves the conversation up")
    await chat.sending.settle()
    chat.sending._lanes.clear()
    chat.realtime.sent.clear()
    with chat.documents.measure() as calls:
        await chat.say(ada, room, "cold")
    assert calls.by_kind == {"find_many": 1, "batch": 1}
    with chat.documents.measure() as calls:
        await chat.say(ada, room, "warm")
    assert calls.by_kind == {"batch": 1}
    with chat.documents.measure() as calls:
        await chat.sending.settle()
    assert calls.by_kind == {"replace": 1}, "one acknowledgement for both, once it is quiet"
    assert [where for where, _ in chat.realtime.sent] == [f"group:c.{room}"] * 2


async def test_a_message_is_published_at_once_though_the_one_before_waits_to_be_acknowledged(chat: Instance) -> None:
    chat.publisher._quiet = 3600
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    try:
        for seq in (1, 2, 3):
            await chat.say(ada, room, f"{seq}")
            await asyncio.sleep(0.05)  # lets the wait for quiet begin
            assert chat.published() == list(range(1, seq + 1))
    finally:
        await chat.sending.close()
    head = await chat.documents.find(CHAT, partition_of(room), HEAD)
    assert head is not None
    assert head.item["publishedSeq"] == 3


async def test_publication_keeps_the_order_and_is_acknowledged(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.say_all(ada, room, 40)
    await chat.sending.settle()
    assert chat.published() == list(range(1, 41))
    head = await chat.documents.find(CHAT, partition_of(room), HEAD)
    assert head is not None
    assert head.item["publishedSeq"] == 40
    assert "publishDueAt" not in head.item


async def test_what_a_crash_left_unpublished_is_published_by_the_job(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    down = Down(one)
    await one.say_all(ada, room, 3)
    await one.sending.settle()
    assert one.published() == []
    down.over()
    assert await two.publisher.publish_pending() == 0, "not due yet: the sender may still be at it"
    two.clock.advance(timedelta(seconds=11))
    assert await two.publisher.publish_pending() == 1
    assert two.published() == [1, 2, 3]
    assert await two.publisher.publish_pending() == 0
    await one.say(ada, room, "on we go")
    await one.sending.settle()
    assert one.published() == [1, 2, 3, 4]


async def test_two_instances_acknowledge_what_each_published(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.direct(ada, bob)
    for _ in range(3):
        await one.say(ada, room, "a")
        await two.say(bob, room, "b")
    await asyncio.gather(one.sending.settle(), two.sending.settle())
    head = await one.documents.find(CHAT, partition_of(room), HEAD)
    assert head is not None
    assert head.item["publishedSeq"] == 6
    one.clock.advance(timedelta(minutes=1))
    assert await one.publisher.publish_pending() == 0
    assert sorted(one.published()) == [1, 2, 3, 4, 5, 6]


async def test_a_sender_who_hangs_up_loses_nothing(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    gone = asyncio.create_task(chat.sending.send(room, Draft(ada, "said")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await chat.say(bob, room, "heard") == 2
    page = await chat.history.page(bob, room)
    assert [message["text"] for message in page.items] == ["said", "heard"]


class Down:
    """The realtime service of an instance does not answer, until it is `over`."""

    def __init__(self, instance: Instance) -> None:
        self._realtime = instance.realtime
        self._send = instance.realtime.send_to_group
        instance.realtime.send_to_group = self._refuse  # type: ignore[method-assign]

    async def _refuse(self, group: str, event: dict[str, object]) -> None:  # noqa: ARG002 - the port's
        raise Unavailable

    def over(self) -> None:
        self._realtime.send_to_group = self._send  # type: ignore[method-assign]
