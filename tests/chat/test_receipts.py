"""Receipts never move back, typing is told sparingly, and stopping loses neither."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.chat.errors import ConversationNotFound
from domain.chat.model import direct_conversation_id
from domain.chat.publishing import Publisher
from domain.chat.sending import Sending
from tests.chat.lounge import Instance


async def two_in_a_room(chat: Instance, messages: int = 0) -> tuple[str, str, str]:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    for n in range(messages):
        await chat.say(ada, room, f"m{n}")
    await chat.sending.settle()
    return ada, bob, room


async def test_a_receipt_moves_on_and_never_back(chat: Instance) -> None:
    ada, bob, room = await two_in_a_room(chat, 3)
    assert (await chat.receipts.read(bob, room, 2)).unread_count == 1
    back = await chat.receipts.read(bob, room, 1)
    assert (back.last_read_seq, back.unread_count) == (2, 1)
    assert (await chat.receipts.read(bob, room, 10**15)).last_read_seq == 3
    await chat.sending.settle()
    assert [(where, data["lastReadSeq"]) for where, data in chat.told("read.updated")] == [
        (f"group:c.{room}", 2),
        (f"group:c.{room}", 3),
    ]
    assert (await chat.conversations.get(bob, room))["unreadCount"] == 0
    assert set((await chat.history.page(ada, room)).items[2]["readBy"]) == {bob}


async def test_a_receipt_costs_one_read_and_one_conditional_write(chat: Instance) -> None:
    _, bob, room = await two_in_a_room(chat, 2)
    with chat.documents.measure() as calls:
        await chat.receipts.read(bob, room, 1)
    assert calls.by_kind == {"find_many": 1, "batch": 1}
    with chat.documents.measure() as calls:
        await chat.receipts.read(bob, room, 1)
    assert calls.by_kind == {"find_many": 1}


async def test_devices_and_instances_that_race_end_at_the_furthest(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob, room = await two_in_a_room(one, 20)
    await asyncio.gather(
        *(instance.receipts.read(bob, room, seq) for seq in range(1, 6) for instance in (one, two)),
        one.say(ada, room, "more"),
    )
    assert (await one.conversations.get(bob, room))["lastReadSeq"] == 5


async def test_a_receipt_after_a_quiet_minute_makes_itself_known_to_lists_once(chat: Instance) -> None:
    _, bob, room = await two_in_a_room(chat, 3)
    chat.clock.advance(timedelta(minutes=5))
    for seq in (1, 2, 3):
        await chat.receipts.read(bob, room, seq)
        await chat.sending.settle()
    touches = [each for each in await chat.queue.peek("chat") if json.loads(each.body)["task"] == "touch"]
    assert len(touches) == 2, "one for the first message, one for the first receipt"


async def test_strangers_have_nothing_to_read_or_type(chat: Instance) -> None:
    ada, _, room = await two_in_a_room(chat, 1)
    eve = await chat.person("Eve")
    for where in (room, direct_conversation_id(eve, ada), chat.ids.new()):
        with pytest.raises(ConversationNotFound):
            await chat.receipts.read(eve, where, 1)
        with pytest.raises(ConversationNotFound):
            await chat.typing.tell(eve, where, typing=True)
    await chat.sending.settle()
    assert chat.told("typing.start") == []


async def test_typing_costs_no_document_call_where_one_was_seen(chat: Instance) -> None:
    ada, bob, room = await two_in_a_room(chat, 1)
    with chat.documents.measure() as calls:
        await chat.typing.tell(ada, room, typing=True)
    assert calls.total == 0, "the sender was seen"
    with chat.documents.measure() as calls:
        await chat.typing.tell(bob, room, typing=True)
        await chat.typing.tell(bob, room, typing=False)
    assert calls.by_kind == {"query": 1}
    chat.clock.advance(timedelta(seconds=61))
    with chat.documents.measure() as calls:
        await chat.typing.tell(ada, room, typing=True)
    assert calls.by_kind == {"query": 1}


async def test_typing_is_told_once_in_three_seconds_and_ends_by_itself(chat: Instance) -> None:
    ada, _, room = await two_in_a_room(chat, 1)
    for typing in (False, True, True, False, False, True):
        await chat.typing.tell(ada, room, typing=typing)
    await chat.sending.settle()
    assert chat.told("typing.start") == [
        (f"group:c.{room}", {"conversationId": room, "userId": ada, "expiresAt": "2026-01-20T12:00:06.000Z"})
    ]
    assert len(chat.told("typing.stop")) == 1
    chat.clock.advance(timedelta(seconds=3))
    await chat.typing.tell(ada, room, typing=True)
    await chat.sending.settle()
    assert len(chat.told("typing.start")) == 2


async def test_stopping_acknowledges_at_once_and_leaves_no_task(chat: Instance) -> None:
    ada, _, room = await two_in_a_room(chat)
    slow = Publisher(chat.documents, chat.realtime, chat.attachments, chat.clock, timedelta(minutes=10))
    sending = Sending(
        chat.documents,
        slow,
        chat.attaching,
        chat.outbox,
        chat.behind,
        chat.known,
        chat.clock,
        chat.ids.new,
        lambda _lost: 0,
    )
    message = await sending.send(room, chat.draft(ada, "the last one"))
    before = asyncio.get_running_loop().time()
    await sending.close()
    await chat.behind.close()
    assert asyncio.get_running_loop().time() - before < 1
    assert chat.published() == [message.seq]
    assert await chat.unacknowledged(room) is None


async def test_stopping_does_not_wait_for_a_service_that_hangs(chat: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _, room = await two_in_a_room(chat)
    monkeypatch.setattr("domain.chat.publishing.CLOSE_WITHIN", 0.02)
    monkeypatch.setattr("domain.chat.behind.CLOSE_WITHIN", 0.02)
    monkeypatch.setattr(chat.realtime, "send_to_group", lambda *_: asyncio.sleep(3600))
    await chat.say(ada, room, "unheard")
    await chat.typing.tell(ada, room, typing=True)
    await chat.sending.close()
    await chat.behind.close()
    assert len(asyncio.all_tasks()) == 1
    assert await chat.unacknowledged(room) is not None, "the job publishes it"
