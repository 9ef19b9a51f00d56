"""E-mail about missed messages: when, how often, never twice."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from domain.chat.digests import DIGEST, LOST_AFTER, Later, Moot, Record, Send, judge
from domain.chat.muting import Muting
from domain.chat.unread import Absence
from domain.kernel.accounts import Digest, Preferences
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from domain.kernel.missed import Missed
from domain.kernel.quiet import QuietHours
from tests.chat.absent import AWAY_FOR, HOURLY, Street
from tests.chat.lounge import Instance
from tests.factories import NOON

HOUR = timedelta(hours=1)
DUE = timedelta(hours=1, minutes=11)
"""After the patience, and the spread."""
NIGHT = QuietHours(time(22), time(7), "UTC")


@pytest.fixture
def street(chat: Instance) -> Street:
    return Street(chat)


async def a_missed_message(street: Street, preferences: Preferences = HOURLY) -> tuple[str, str, str]:
    """Ada wrote, Bob is away; and where."""
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob", preferences)
    room = await street.chat.direct(ada, bob)
    await street.say(ada, room)
    await street.wait()
    return ada, bob, room


async def test_who_is_away_gets_one_mail_and_the_next_in_the_next_period(street: Street) -> None:
    ada, bob, room = await a_missed_message(street, replace(HOURLY, email_digest=Digest.DAILY))
    assert await street.mails() == []
    await street.wait(DUE)
    assert await street.mails() == [bob]
    for _ in range(4):
        await street.say(ada, room)
        await street.wait(5 * HOUR)
    assert await street.mails() == [bob]
    await street.wait(5 * HOUR)
    assert await street.mails() == [bob, bob]
    await street.wait(timedelta(days=3))
    assert await street.mails() == [bob, bob], "nothing new was missed"


async def test_what_is_read_in_time_is_not_mailed(street: Street) -> None:
    _, bob, room = await a_missed_message(street)
    await street.chat.receipts.read(bob, room, 1)
    await street.wait(DUE)
    assert await street.mails() == []
    assert not await street.is_expected(bob)


async def test_who_was_seen_since_has_seen_it(street: Street) -> None:
    ada, bob, room = await a_missed_message(street)
    street.chat.clock.advance(minutes=30)
    await street.chat.presence.connected(bob, "b1")
    await street.chat.presence.disconnected(bob, "b1")
    await street.wait(DUE)
    assert await street.mails() == []
    await street.say(ada, room)
    await street.wait()
    await street.wait(DUE)
    assert await street.mails() == [bob]


async def test_who_is_there_when_it_is_due_is_left_alone_and_expected_anew_by_the_next_message(street: Street) -> None:
    ada, bob, room = await a_missed_message(street)
    street.chat.clock.advance(DUE - timedelta(minutes=2))
    await street.chat.presence.connected(bob, "b1")
    await street.wait(timedelta(minutes=2))
    assert await street.mails() == []
    assert not await street.is_expected(bob)
    await street.chat.presence.disconnected(bob, "b1")
    street.chat.clock.advance(minutes=1)
    await street.say(ada, room)
    await street.wait()
    assert await street.is_expected(bob)


async def test_quiet_hours_postpone_and_do_not_drop(street: Street) -> None:
    street.chat.clock.advance(9 * HOUR)  # 21:00
    _, bob, _ = await a_missed_message(street, replace(HOURLY, quiet_hours=NIGHT))
    for _ in range(9):
        await street.wait(HOUR)  # 06:00
    assert await street.mails() == []
    await street.wait(DUE)
    assert await street.mails() == [bob]


async def test_quiet_hours_that_were_set_meanwhile_hold(street: Street) -> None:
    street.chat.clock.advance(9 * HOUR)
    _, bob, _ = await a_missed_message(street)
    await street.prefer(bob, quiet_hours=NIGHT)
    await street.wait(DUE)
    assert await street.mails() == []
    await street.wait(10 * HOUR)
    assert await street.mails() == [bob]


@pytest.mark.parametrize("change", [{"email_digest": Digest.OFF}, {"email_updates": False}])
async def test_who_wants_none_gets_none_also_when_they_say_so_late(street: Street, change: dict[str, Digest]) -> None:
    _, bob, _ = await a_missed_message(street)
    await street.prefer(bob, **change)
    await street.wait(DUE)
    assert await street.mails() == []
    other = Street(street.chat)
    eve = await other.move_in("Eve", replace(HOURLY, **change))  # type: ignore[arg-type]
    await other.say(bob, await street.chat.direct(bob, eve))
    await other.wait()
    assert not await other.is_expected(eve)


async def test_muted_conversations_do_not_count(street: Street) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob", HOURLY)
    loud, quiet = await street.chat.group(ada, bob), await street.chat.direct(ada, bob)
    await street.chat.run_tasks()
    muting = Muting(street.chat.documents, street.chat.realtime, street.chat.behind, street.chat.clock)
    await muting.set(bob, quiet, muted=True)
    for room, count in ((loud, 2), (quiet, 3)):
        for _ in range(count):
            await street.say(ada, room)
    await street.wait()
    assert await street.unread.missed(bob) == Missed(2, 1)


async def test_a_task_done_twice_or_by_two_instances_at_once_is_one_mail(
    street: Street, more: Callable[[], Instance]
) -> None:
    _, bob, _ = await a_missed_message(street)
    street.chat.clock.advance(DUE)
    await street.chat.outbox.sweep(CHAT)
    [task] = await street.tasks()
    twins = [Street(more()) for _ in range(4)]
    await asyncio.gather(*(twin.noticing.run(task) for twin in (street, *twins)))
    await street.noticing.run(task)
    await street.chat.outbox.sweep(CHAT)
    assert await street.mails() == [bob]


async def test_a_task_that_comes_again_after_the_mail_reminds_nobody_of_the_same(street: Street) -> None:
    _, bob, _ = await a_missed_message(street)
    await street.wait(DUE)
    await street.noticing.run({"task": "missed", "userIds": [bob]})
    assert await street.is_expected(bob)
    await street.wait(timedelta(hours=3))
    assert await street.mails() == [bob]


async def test_many_bursts_at_once_expect_one_digest(street: Street, more: Callable[[], Instance]) -> None:
    ada, bob = await street.move_in("Ada"), await street.move_in("Bob", HOURLY)
    rooms = [await street.chat.direct(ada, bob), *[await street.chat.group(ada, bob) for _ in range(4)]]
    for room in rooms:
        await street.say(ada, room)
    street.chat.clock.advance(seconds=6)
    for _ in range(2):  # the bursts, and the tasks that follow them
        await asyncio.gather(*(Street(more()).noticing.run(task) for task in await street.tasks()))
    assert [task["task"] for task in await street.tasks()].count("missed") >= 5
    await street.wait(DUE)
    assert await street.mails() == [bob]


async def test_a_crash_between_taking_the_task_off_and_the_mail_loses_nothing(street: Street) -> None:
    _, bob, _ = await a_missed_message(street)
    street.chat.clock.advance(DUE)
    await street.chat.outbox.sweep(CHAT)
    [task] = await street.tasks()
    await street.digests._take_off(bob, task["id"])  # and there the process ends
    assert not await street.is_expected(bob)
    await street.work()  # the queue shows the task again
    assert await street.mails() == [bob]


async def test_a_mail_that_could_not_be_queued_is_queued_by_the_sweep(street: Street) -> None:
    _, bob, _ = await a_missed_message(street)
    street.chat.clock.advance(DUE)
    await street.chat.outbox.sweep(CHAT)
    [task] = await street.tasks()
    async with street.queue_down():
        await street.digests.run(task)
    assert await street.mails() == []
    await street.wait(timedelta(seconds=30))
    assert await street.mails() == [bob]


async def test_a_message_while_the_task_is_at_work_expects_another(street: Street) -> None:
    ada, bob, room = await a_missed_message(street)
    street.chat.clock.advance(DUE)
    await street.chat.outbox.sweep(CHAT)
    [task] = await street.tasks()
    await street.digests._take_off(bob, task["id"])
    await street.say(ada, room)
    street.chat.clock.advance(seconds=6)
    [_, burst] = await street.tasks()
    await street.noticing.run(burst)
    *_, missed = await street.tasks()
    await street.noticing.run(missed)
    assert await street.is_expected(bob)
    await street.noticing.run(task)
    assert await street.mails() == [bob]
    assert await street.is_expected(bob), "and the mail did not take it off"


async def test_a_task_that_its_queue_gave_up_is_replaced(street: Street) -> None:
    ada, bob, room = await a_missed_message(street)
    for outbox in await street.chat.documents.query_everywhere(CHAT, Query(order="dueAt", eq={"type": "outbox"})):
        await street.chat.documents.delete(CHAT, outbox.item["pk"], outbox.item["id"])
    street.chat.clock.advance(LOST_AFTER + DUE)
    await street.say(ada, room)
    await street.wait()
    await street.wait(DUE)
    assert await street.mails() == [bob]


async def test_the_mails_task_holds_ids_and_no_more(street: Street) -> None:
    _, bob, _ = await a_missed_message(street)
    await street.wait(DUE)
    [message] = await street.chat.queue.peek("mail")
    task = json.loads(message.body)
    assert set(task) == {"template", "userId", "digestId"}
    stored = await street.chat.documents.find(CHAT, bob, DIGEST)
    assert stored is not None
    assert task["digestId"] == stored.item["sentFor"]


MISSED = Missed(3, 2)


@pytest.mark.parametrize(
    ("preferences", "record", "absence", "verdict"),
    [
        (HOURLY, Record(), Absence(MISSED, NOON, None, is_active=False), Send),
        (HOURLY, Record(), Absence(MISSED, NOON, NOON - HOUR, is_active=False), Send),
        (HOURLY, Record(), Absence(MISSED, NOON, NOON - HOUR / 2, is_active=False), NOON + HOUR / 2),
        (HOURLY, Record(sent_at=NOON - HOUR / 4), Absence(MISSED, NOON, None, is_active=False), NOON + HOUR * 3 / 4),
        (HOURLY, Record(), Absence(MISSED, NOON, None, is_active=True), Moot),
        (HOURLY, Record(sent_at=NOON - 2 * HOUR), Absence(MISSED, NOON - 3 * HOUR, None, is_active=False), Moot),
        (HOURLY, Record(), Absence(Missed(0, 0), None, None, is_active=False), Moot),
        (replace(HOURLY, email_digest=Digest.OFF), Record(), Absence(MISSED, NOON, None, is_active=False), Moot),
        (
            Preferences(email_digest=Digest.WEEKLY),
            Record(sent_at=NOON - timedelta(days=2)),
            Absence(MISSED, NOON, None, is_active=False),
            NOON + timedelta(days=5),
        ),
        (
            replace(HOURLY, quiet_hours=QuietHours(time(11), time(14), "UTC")),
            Record(),
            Absence(MISSED, NOON, None, is_active=False),
            datetime(2026, 1, 20, 14, tzinfo=UTC),
        ),
    ],
)
def test_the_judgement(preferences: Preferences, record: Record, absence: Absence, verdict: object) -> None:
    found = judge(preferences, record, absence, NOON, AWAY_FOR)
    assert found == Later(verdict) if isinstance(verdict, datetime) else isinstance(found, verdict)  # type: ignore[arg-type]
