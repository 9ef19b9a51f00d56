"""Scheduled messages: sent once, at their time, by the rules of that time; or kept, and their author told."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.chat.due import LEASE
from domain.chat.errors import (
    BeingSent,
    ConversationNotFound,
    NotParticipant,
    ScheduledNotFound,
    ScheduledTooMany,
)
from domain.chat.model import partition_of
from domain.chat.scheduled import DUE, LATER, MAX_WAITING, ScheduledMessage
from domain.chat.scheduling import Rewrite, Wish
from domain.kernel.containers import CHAT
from domain.kernel.documents import Delete, Patch, Query
from domain.kernel.errors import DomainError, Invalid, Unavailable
from tests.chat.lounge import Instance

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def ada(chat: Instance) -> str:
    return await chat.person("Ada")


@pytest.fixture
async def room(chat: Instance, ada: str) -> str:
    return await chat.group(ada, await chat.person("Bob"))


async def later(chat: Instance, who: str, where: str, text: str = "later", **more: Any) -> ScheduledMessage:
    """In a minute, unless said otherwise."""
    wish = Wish(text, more.pop("send_at", chat.clock.now() + MINUTE), **more)
    return await chat.scheduling.schedule(who, where, wish, new_id=chat.ids.new())


async def said(chat: Instance, who: str, where: str) -> list[str]:
    return [item["text"] for item in (await chat.history.page(who, where)).items]


async def pointers(chat: Instance) -> int:
    return len(await chat.documents.query(CHAT, DUE, Query()))


async def run_at_its_time(chat: Instance) -> None:
    chat.clock.advance(MINUTE + timedelta(seconds=1))
    await chat.due.send_due()
    await chat.sending.settle()


async def test_it_is_sent_at_its_time_and_not_before(chat: Instance, ada: str, room: str) -> None:
    made = await later(chat, ada, room)
    chat.clock.advance(timedelta(seconds=59))
    assert await chat.due.send_due() == 0
    assert await said(chat, ada, room) == []
    chat.clock.advance(timedelta(seconds=2))
    assert await chat.due.send_due() == 1
    assert await chat.due.send_due() == 0
    assert await said(chat, ada, room) == ["later"]
    message = (await chat.history.page(ada, room)).items[0]
    assert (message["senderId"], message["timestamp"]) == (ada, "2026-01-20T12:01:01.000Z")
    after = await chat.scheduling.get(ada, room, made.id)
    assert (after.status, after.message_id, after.text) == ("sent", message["id"], "")
    assert await chat.scheduling.of_conversation(ada, room) == []
    await chat.behind.settle()
    statuses = [data["status"] for where, data in chat.told("scheduled.updated") if where == f"user:{ada}"]
    assert statuses == ["scheduled", "sent"]


async def test_it_speaks_to_who_is_there_then(chat: Instance, ada: str, room: str) -> None:
    await later(chat, ada, room, "@Cyd look")
    cyd = await chat.person("Cyd")
    await chat.groups.add(ada, room, [cyd])
    await chat.run_tasks()
    await run_at_its_time(chat)
    assert (await chat.history.page(ada, room)).items[0]["mentions"] == [cyd]


async def test_it_leaves_the_draft_alone(chat: Instance, ada: str, room: str) -> None:
    await later(chat, ada, room)
    await chat.drafts.save(ada, room, "something else", None)
    await run_at_its_time(chat)
    assert (await chat.drafts.get(ada, room)).text == "something else"


async def test_many_instances_send_it_once(more: Callable[[], Instance]) -> None:
    instances = [more() for _ in range(4)]
    chat = instances[0]
    ada = await chat.person("Ada")
    room = await chat.direct(ada, await chat.person("Bob"))
    for n in range(12):
        await later(chat, ada, room, f"{n}")
    chat.clock.advance(MINUTE * 2)
    await asyncio.gather(*(each.due.send_due() for each in instances * 2))
    assert sorted(await said(chat, ada, room), key=int) == [str(n) for n in range(12)]
    assert await pointers(chat) == 0


async def test_an_instance_that_dies_having_sent_it_leaves_nothing_to_send_twice(
    more: Callable[[], Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, other = more(), more()
    ada = await other.person("Ada")
    room = await other.group(ada, await other.person("Bob"))
    made = await later(other, ada, room)

    async def die(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(dying.due, "_settle", die)
    other.clock.advance(MINUTE * 2)
    with pytest.raises(Unavailable):
        await dying.due.send_due()
    assert await said(other, ada, room) == ["later"]
    await other.due.send_due()
    assert (await other.scheduling.get(ada, room, made.id)).status == "sending", "its lease holds"
    with pytest.raises(BeingSent):
        await other.scheduling.cancel(ada, room, made.id)
    await other.groups.remove(ada, room, ada)  # what was sent was sent, though its author may not write any more
    other.clock.advance(LEASE + timedelta(seconds=1))
    await other.due.send_due()
    assert (await other.scheduling.get(ada, room, made.id)).status == "sent"
    assert await pointers(other) == 0
    bob = next(member for member in await members(other, room) if member != ada)
    assert await said(other, bob, room) == ["later"]


async def members(chat: Instance, room: str) -> list[str]:
    found = await chat.documents.query(CHAT, partition_of(room), Query(starts="conv:member:"))
    return [stored.item["userId"] for stored in found]


async def test_what_the_rules_refuse_is_kept_and_its_author_told(chat: Instance, ada: str) -> None:
    bob = await chat.person("Bob")
    room = await chat.group(ada, bob)
    made = await later(chat, bob, room)
    await chat.groups.remove(ada, room, bob)
    await run_at_its_time(chat)
    kept = (await chat.scheduling.of_conversation(bob, room))[0]
    assert (kept.status, kept.reason, kept.text) == ("failed", "not_participant", "later")
    assert await said(chat, ada, room) == []
    await chat.behind.settle()
    assert chat.told("scheduled.updated")[-1] == (f"user:{bob}", kept.view())
    assert await pointers(chat) == 0
    with pytest.raises(Invalid):
        await chat.scheduling.change(bob, room, made.id, Rewrite(text="again"))
    await chat.groups.add(ada, room, [bob])
    again = await chat.scheduling.change(bob, room, made.id, Rewrite(send_at=chat.clock.now() + MINUTE))
    assert (again.status, again.reason) == ("scheduled", None)
    await run_at_its_time(chat)
    assert await said(chat, ada, room) == ["later"]


async def test_who_is_suspended_or_blocked_by_then_says_nothing(chat: Instance, ada: str) -> None:
    bob = await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await later(chat, ada, room)
    await chat.documents.patch(CHAT, ada, Patch("person", set={"status": "suspended"}))
    await later(chat, bob, room)
    await chat.documents.patch(CHAT, partition_of(room), Patch("conv:head", set={"blockedBy": [ada]}))
    await run_at_its_time(chat)
    reasons = [(await chat.scheduling.of_conversation(who, room))[0].reason for who in (ada, bob)]
    assert reasons == ["account_suspended", "forbidden"]
    with pytest.raises(DomainError, match="may not"):
        await later(chat, bob, room)


async def test_cancelled_or_sent_but_never_both(more: Callable[[], Instance]) -> None:
    sender, author = more(), more()
    ada = await author.person("Ada")
    room = await author.direct(ada, await author.person("Bob"))
    for n in range(10):
        made = await later(author, ada, room, f"{n}")
        author.clock.advance(MINUTE * 2)
        before = len(await said(author, ada, room))
        job = asyncio.create_task(sender.due.send_due())
        for _ in range(n):
            await asyncio.sleep(0)
        try:
            await author.scheduling.cancel(ada, room, made.id)
        except BeingSent:
            expected = "sent"
        else:
            expected = "cancelled"
        await job
        await sender.due.send_due()
        assert (await author.scheduling.get(ada, room, made.id)).status == expected
        assert len(await said(author, ada, room)) - before == (expected == "sent")
    assert await pointers(author) == 0


async def test_asking_again_schedules_it_once(more: Callable[[], Instance]) -> None:
    one, other = more(), more()
    ada = await one.person("Ada")
    room = await one.direct(ada, await one.person("Bob"))
    made = await asyncio.gather(*(later(chat, ada, room, client_message_id="c1") for chat in (one, other, one, other)))
    assert len({message.id for message in made}) == 1
    new_id = one.ids.new()
    wish = Wish("x", one.clock.now() + MINUTE)
    keyed = await asyncio.gather(*(one.scheduling.schedule(ada, room, wish, new_id=new_id) for _ in range(3)))
    assert {message.id for message in keyed} == {new_id}
    assert len(await one.scheduling.of_conversation(ada, room)) == 2
    await run_at_its_time(one)
    assert len(await said(one, ada, room)) == 2
    late = await later(one, ada, room, client_message_id="c1")
    assert (late.id, late.status) == (made[0].id, "sent"), "asked once more after it was sent"
    assert await one.say(ada, room, "later", "c1") <= 2, "the message bears the client's own id"


async def test_it_is_rewritten_and_put_off(chat: Instance, ada: str, room: str) -> None:
    made = await later(chat, ada, room)
    await chat.scheduling.change(ada, room, made.id, Rewrite(text="rewritten"))
    at = chat.clock.now() + timedelta(hours=1)
    await chat.scheduling.change(ada, room, made.id, Rewrite(send_at=at))
    await chat.scheduling.change(ada, room, made.id, Rewrite(send_at=at))  # nothing new
    assert await pointers(chat) == 2, "the old one leads nowhere"
    await run_at_its_time(chat)
    assert (await said(chat, ada, room), await pointers(chat)) == ([], 1)
    back = chat.clock.now() + MINUTE
    await chat.scheduling.change(ada, room, made.id, Rewrite(send_at=back))
    await run_at_its_time(chat)
    assert await said(chat, ada, room) == ["rewritten"]


async def test_a_pointer_that_a_crash_left_unmade_is_made_by_the_outbox(
    chat: Instance, ada: str, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(chat.scheduling, "point", die)
    await later(chat, ada, room)
    monkeypatch.undo()
    assert await pointers(chat) == 0
    chat.clock.advance(timedelta(seconds=20))
    for _ in range(2):
        await chat.outbox.sweep_all((CHAT,))
        await chat.run_tasks()
    assert await pointers(chat) == 1
    await run_at_its_time(chat)
    assert await said(chat, ada, room) == ["later"]


async def test_there_is_room_for_a_hundred_and_two_at_once_are_not_both_the_last(more: Callable[[], Instance]) -> None:
    one, other = more(), more()
    ada = await one.person("Ada")
    room = await one.direct(ada, await one.person("Bob"))
    made = [await later(one, ada, room) for _ in range(MAX_WAITING - 1)]
    outcomes = await asyncio.gather(*(later(chat, ada, room) for chat in (one, other) * 2), return_exceptions=True)
    assert sum(isinstance(outcome, ScheduledMessage) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ScheduledTooMany) for outcome in outcomes) == 3
    await one.scheduling.cancel(ada, room, made[0].id)
    await later(one, ada, room)


@pytest.mark.parametrize("ahead", [timedelta(seconds=4), timedelta(days=-1), timedelta(days=366, seconds=1)])
async def test_the_time_must_lie_ahead_and_not_too_far(chat: Instance, ada: str, room: str, ahead: timedelta) -> None:
    with pytest.raises(Invalid):
        await later(chat, ada, room, send_at=chat.clock.now() + ahead)
    made = await later(chat, ada, room)
    with pytest.raises(Invalid):
        await chat.scheduling.change(ada, room, made.id, Rewrite(send_at=chat.clock.now() + ahead))
    assert await chat.scheduling.get(ada, room, made.id) == made


async def test_it_is_nobody_elses(chat: Instance, ada: str, room: str) -> None:
    bob, eve = await chat.person("Bob"), await chat.person("Eve")
    made = await later(chat, ada, room)
    with pytest.raises(NotParticipant):
        await later(chat, eve, room)
    with pytest.raises(ConversationNotFound):
        await later(chat, eve, await chat.direct(ada, bob))
    assert await chat.scheduling.of_conversation(bob, room) == []
    calls = [chat.scheduling.get, chat.scheduling.cancel]
    for who, where in ((bob, room), (ada, await chat.group(ada, bob))):
        for call in calls:
            with pytest.raises(ScheduledNotFound):
                await call(who, where, made.id)
        with pytest.raises(ScheduledNotFound):
            await chat.scheduling.change(who, where, made.id, Rewrite(text="mine"))


async def test_what_waits_behind_a_busy_one_is_sent_all_the_same(
    chat: Instance, ada: str, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await chat.group(ada, await chat.person("Cyd"))
    for where in (room, other):
        await later(chat, ada, where)
    send = chat.sending.send

    async def fail_there(where: str, *rest: Any) -> Any:
        if where == room:
            raise Unavailable
        return await send(where, *rest)

    monkeypatch.setattr(chat.sending, "send", fail_there)
    chat.clock.advance(MINUTE * 2)
    with pytest.raises(Unavailable):
        await chat.due.send_due()
    assert (await said(chat, ada, room), await said(chat, ada, other)) == ([], ["later"])
    monkeypatch.undo()
    chat.clock.advance(LEASE)
    await chat.due.send_due()
    assert await said(chat, ada, room) == ["later"]


async def test_devices_that_were_away_learn_what_became_of_it(chat: Instance, ada: str, room: str) -> None:
    chat.clock.advance(MINUTE * 5)
    cursor = chat.sync.begin()
    chat.clock.advance(MINUTE)
    made = await later(chat, ada, room)
    seen = []
    for _ in range(2):
        page = await chat.sync.page(ada, cursor, limit=100)
        assert page is not None
        cursor = page.cursor
        seen += [change["data"] for change in page.changes if change["type"] == "scheduled"]
        await run_at_its_time(chat)
    assert [(each["id"], each["status"]) for each in seen] == [(made.id, "scheduled"), (made.id, "sent")]


async def test_idle_it_costs_one_query_and_a_message_a_few_calls(chat: Instance, ada: str, room: str) -> None:
    with chat.documents.measure() as calls:
        await later(chat, ada, room)
    assert calls.by_kind == {"find_many": 1, "query": 1, "batch": 1, "create": 1, "delete": 1}
    with chat.documents.measure() as calls:
        await chat.due.send_due()
    assert calls.by_kind == {"query": 1}
    chat.clock.advance(MINUTE * 2)
    with chat.documents.measure() as calls:
        await chat.due.send_due()
    assert calls.by_kind == {"query": 1, "find_many": 2, "replace": 1, "batch": 2, "delete": 1}


async def test_a_pointer_without_a_message_goes(chat: Instance, ada: str, room: str) -> None:
    made = await later(chat, ada, room)
    await chat.documents.batch(CHAT, ada, [Delete(LATER + made.id)])
    await run_at_its_time(chat)
    assert (await pointers(chat), await said(chat, ada, room)) == (0, [])
