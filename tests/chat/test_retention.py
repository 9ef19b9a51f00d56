"""What is too old goes, bit by bit and for good; what is under hold stays."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.search.fts import FtsIndex
from domain.chat.errors import ConversationNotFound, MessageDeleted, MessageNotFound, NotGroupAdmin, NotParticipant
from domain.chat.expiry import EDITS_A_BATCH, Expiry
from domain.chat.legal_holds import CONVERSATION, PERSON, renew_holds
from domain.chat.model import partition_of
from domain.chat.records import HEAD
from domain.chat.reported import Wanted
from domain.chat.search import Search
from domain.kernel.clock import to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Item, Patch, Query
from domain.kernel.errors import Forbidden
from tests.chat.lounge import Instance
from tests.chat.test_attachments import has_bytes, may_read

DAY = timedelta(days=1)


class Archive:
    """Ada leads a group with Bob in it, and Grace moderates. What is older than ten days is to go."""

    def __init__(self, chat: Instance) -> None:
        self.chat = chat

    async def begin(self, *, days: int | None = 10) -> "Archive":
        self.ada, self.bob, self.grace = [await self.chat.person(name) for name in ("Ada", "Bob", "Grace")]
        self.room = await self.chat.group(self.ada, self.bob)
        if days is not None:
            await self.chat.retention.set(self.ada, self.room, days, moderates=False)
        return self

    async def say(self, *texts: str, who: str | None = None) -> list[str]:
        """The ids; told to everyone."""
        drafts = [self.chat.draft(who or self.ada, text) for text in texts]
        ids = [(await self.chat.sending.send(self.room, draft)).id for draft in drafts]
        await self.chat.sending.settle()
        return ids

    async def left(self) -> list[int]:
        return [item["seq"] for item in (await self.chat.history.page(self.bob, self.room)).items]

    async def items(self, starts: str) -> list[Item]:
        found = await self.chat.documents.query(CHAT, partition_of(self.room), Query(starts=starts, limit=1000))
        return [stored.item for stored in found]

    async def head(self) -> Item:
        head = await self.chat.documents.find(CHAT, partition_of(self.room), HEAD)
        assert head is not None
        return head.item


@pytest.fixture
async def archive(chat: Instance) -> Archive:
    return await Archive(chat).begin()


async def test_what_is_too_old_goes_and_history_begins_with_what_is_left(archive: Archive) -> None:
    chat = archive.chat
    await archive.say("one", "two")
    chat.clock.advance(5 * DAY)
    await archive.say("three")
    chat.clock.advance(4 * DAY)
    assert await chat.expiry.run() == 0
    chat.clock.advance(DAY * 1.1)
    assert await chat.expiry.run() == 2
    assert await chat.expiry.run() == 0
    for asked in ({}, {"before": 4}, {"after": 0}, {"after": 1}):
        page = await chat.history.page(archive.bob, archive.room, **asked)
        assert ([item["seq"] for item in page.items], page.has_more, page.first_seq) == ([3], False, 3), asked
    await archive.say("four")
    assert await archive.left() == [3, 4], "no seq is used again"
    chat.clock.advance(30 * DAY)
    assert await chat.expiry.run() == 2
    row = (await chat.conversations.page(archive.bob, limit=5)).items[0]
    assert (row["lastMessage"], row["unreadCount"], row["firstSeq"], row["retentionDays"]) == (None, 0, 5, 10)
    await archive.say("five")
    assert await archive.left() == [5]
    assert "dueAt" in await archive.head(), "and will be looked at again"


async def test_the_unread_are_those_that_are_left(archive: Archive) -> None:
    chat = archive.chat
    await archive.say("one", "two")
    chat.clock.advance(11 * DAY)
    await archive.say("three")
    await chat.expiry.run()
    assert (await chat.conversations.get(archive.bob, archive.room))["unreadCount"] == 1


async def test_what_it_said_before_and_what_names_it_goes_with_it(archive: Archive) -> None:
    chat = archive.chat
    first, second = await archive.say("one", "two")
    for n in range(35):
        await chat.changes.edit(archive.ada, first, f"one {n}")
    await chat.changes.delete(archive.ada, second, moderates=False)
    await chat.behind.settle()
    assert len(await archive.items("edit:")) == 36
    chat.clock.advance(11 * DAY)
    assert await chat.expiry.run() == 2
    assert await archive.items("edit:") == []
    with pytest.raises(MessageNotFound):
        await chat.changes.react(archive.bob, first, "👍", add=True)


async def test_clocks_that_differ_leave_no_gap(archive: Archive) -> None:
    chat = archive.chat
    ids = await archive.say("one", "two", "three")
    ahead = to_iso(chat.clock.now() + timedelta(hours=1))
    await chat.documents.patch(CHAT, partition_of(archive.room), Patch(ids[1], set={"sentAt": ahead}))
    chat.clock.advance(10 * DAY + timedelta(minutes=30))
    await chat.expiry.run()
    assert (await archive.left(), (await archive.head())["firstSeq"]) == ([2, 3], 2)
    chat.clock.advance(timedelta(hours=1))
    await chat.expiry.run()
    assert (await archive.left(), (await archive.head())["firstSeq"]) == ([], 4)


async def test_not_even_many_edits_go_under_a_hold_that_is_set_meanwhile(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = archive.chat
    (message,) = await archive.say("one")
    for n in range(EDITS_A_BATCH + 5):
        await chat.changes.edit(archive.ada, message, f"{n}")
    chat.clock.advance(11 * DAY)
    batch = chat.documents.batch

    async def hold_first(*given: Any) -> Any:
        monkeypatch.undo()
        await chat.legal_holds.set(archive.grace, CONVERSATION, archive.room, "Just in time.")
        return await batch(*given)

    monkeypatch.setattr(chat.documents, "batch", hold_first)
    assert await chat.expiry.run() == 0
    assert len(await archive.items("edit:")) == EDITS_A_BATCH + 5


async def test_a_run_is_bounded_and_the_next_goes_on(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.chat.expiry.MOST_EACH", 40)
    chat = archive.chat
    other = await Archive(chat).begin()
    for each in (archive, other):
        await chat.say_all(each.ada, each.room, 50)
    await chat.sending.settle()
    chat.clock.advance(11 * DAY)
    assert await chat.expiry.run() == 80, "each has its turn"
    chat.clock.advance(timedelta(seconds=1))
    assert await chat.expiry.run() == 20
    assert (await archive.left(), await other.left()) == ([], [])


async def test_many_at_once_with_people_writing_lose_nothing_else(more: Callable[[], Instance]) -> None:
    instances = [more() for _ in range(3)]
    archive = await Archive(instances[0]).begin()
    chat = archive.chat
    await chat.say_all(archive.ada, archive.room, 50)
    await chat.sending.settle()
    chat.clock.advance(11 * DAY)
    runs = asyncio.gather(*(each.expiry.run() for each in instances))
    fresh = await asyncio.gather(*(each.say_all(archive.bob, archive.room, 10) for each in instances))
    await runs
    await asyncio.gather(*(each.sending.settle() for each in instances))
    await chat.expiry.run()
    assert await archive.left() == sorted(seq for seqs in fresh for seq in seqs) == list(range(51, 81))


async def test_what_was_cut_short_goes_on_where_it_ended(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = archive.chat
    await chat.say_all(archive.ada, archive.room, 50)
    await chat.sending.settle()
    chat.clock.advance(11 * DAY)
    batch, batches = chat.documents.batch, 0

    async def die_at_the_second(*given: Any) -> Any:
        nonlocal batches
        batches += 1
        if batches > 1:
            raise RuntimeError
        return await batch(*given)

    monkeypatch.setattr(chat.documents, "batch", die_at_the_second)
    with pytest.raises(RuntimeError):
        await chat.expiry.run()
    monkeypatch.undo()
    assert await archive.left() == list(range(21, 51)), "whole pages, never a part of one"
    await chat.expiry.run()
    assert await archive.left() == []


async def test_a_message_that_is_gone_is_not_sent_again_by_a_late_repeat(archive: Archive) -> None:
    chat = archive.chat
    await chat.retention.set(archive.ada, archive.room, 1, moderates=False)
    for client_message_id in ("c1", "c2"):
        await chat.say(archive.ada, archive.room, "one", client_message_id)
    await chat.sending.settle()
    (first, _) = (await chat.history.page(archive.bob, archive.room)).items
    await chat.reports.report(archive.bob, first["id"], "x")
    chat.clock.advance(2 * DAY)
    await chat.expiry.run()
    outcomes = await asyncio.gather(
        *(chat.say(archive.ada, archive.room, "one", each) for each in ("c1", "c2", "c3")), return_exceptions=True
    )
    assert [outcome if isinstance(outcome, int) else type(outcome) for outcome in outcomes] == [
        MessageDeleted,
        MessageDeleted,
        3,
    ]
    before = await chat.history.page(archive.bob, archive.room, before=chat.clock.now())
    assert (before.items, before.has_more) == ([], False)


async def test_what_was_not_published_yet_waits(archive: Archive) -> None:
    chat = archive.chat
    await archive.say("one")
    head = await chat.documents.find(CHAT, partition_of(archive.room), HEAD)
    assert head is not None
    await chat.documents.replace(CHAT, {**head.item, "publishedSeq": 0})
    chat.clock.advance(11 * DAY)
    assert await chat.expiry.run() == 0
    assert await archive.left() == [1]


async def test_devices_that_were_away_learn_from_where_on_there_is_anything(archive: Archive) -> None:
    chat = archive.chat
    await archive.say("one", "two")
    chat.clock.advance(10.5 * DAY)
    cursor = chat.sync.begin()
    chat.clock.advance(DAY)
    await archive.say("three")
    chat.clock.advance(timedelta(minutes=5))
    await chat.expiry.run()
    await chat.run_tasks()
    page = await chat.sync.page(archive.bob, cursor, limit=100)
    assert page is not None
    rows = [change["data"]["firstSeq"] for change in page.changes if change["type"] == "conversation"]
    told = [data["firstSeq"] for _, data in chat.told("conversation.updated") if "firstSeq" in data]
    assert (rows, told[-1]) == ([3], 3)


async def test_the_words_leave_the_index(archive: Archive, tmp_path: Path) -> None:
    chat = archive.chat
    index = FtsIndex(tmp_path / "search.db", chat.documents)
    search = Search(chat.documents, chat.attachments, index)
    expiry = Expiry(chat.documents, index, chat.realtime, chat.outbox, chat.clock, chat.ids)
    (told,) = await archive.say("a secret")
    await chat.reports.report(archive.bob, told, "x")
    await archive.say("another secret")
    chat.clock.advance(9 * DAY)
    await archive.say("no secret")
    assert len((await search.in_conversation(archive.bob, archive.room, "secret", limit=9)).items) == 3
    chat.clock.advance(2 * DAY)
    await expiry.run()
    for found in (
        await search.in_conversation(archive.bob, archive.room, "secret", limit=9),
        await search.everywhere(archive.bob, "secret", limit=9),
    ):
        assert [item["text"] for item in found.items] == ["no secret"]
    rows = index._connection.execute("SELECT count(*) FROM said").fetchone()
    assert rows == (1,)
    await index.close()


async def test_who_says_how_long(archive: Archive) -> None:
    chat, keep = archive.chat, archive.chat.retention
    with pytest.raises(NotGroupAdmin):
        await keep.set(archive.bob, archive.room, 5, moderates=False)
    with pytest.raises(NotParticipant):
        await keep.set(archive.grace, archive.room, 5, moderates=False)
    direct = await chat.direct(archive.ada, archive.bob)
    with pytest.raises(Forbidden):
        await keep.set(archive.ada, direct, 5, moderates=False)
    for call in (keep.set(archive.grace, direct, 5, moderates=False), keep.get(archive.grace, direct, moderates=False)):
        with pytest.raises(ConversationNotFound):
            await call
    for where in (direct, archive.room):
        terms = await keep.set(archive.grace, where, 5, moderates=True)
        assert (terms.days, terms.set_by, terms.set_at) == (5, archive.grace, chat.clock.now())
    assert (await keep.get(archive.bob, direct, moderates=False)).days == 5


async def test_a_change_gives_a_day_to_think_again(chat: Instance) -> None:
    archive = await Archive(chat).begin(days=None)
    await archive.say("one")
    chat.clock.advance(30 * DAY)
    assert await chat.expiry.run() == 0, "kept for ever"
    await chat.retention.set(archive.ada, archive.room, 1, moderates=False)
    chat.clock.advance(DAY - timedelta(minutes=1))
    assert await chat.expiry.run() == 0
    await chat.retention.set(archive.ada, archive.room, None, moderates=False)
    chat.clock.advance(2 * DAY)
    assert await chat.expiry.run() == 0
    assert "dueAt" not in await archive.head()
    await chat.retention.set(archive.ada, archive.room, 1, moderates=False)
    chat.clock.advance(2 * DAY)
    assert await chat.expiry.run() == 1


async def test_a_hold_keeps_everything_and_lifting_it_lets_it_go(archive: Archive) -> None:
    chat, holds = archive.chat, archive.chat.legal_holds
    first, second = await archive.say("one", "two")
    await chat.changes.edit(archive.ada, first, "uno")
    await holds.set(archive.grace, CONVERSATION, archive.room, "A complaint.")
    await chat.changes.edit(archive.ada, first, "eins")
    await chat.changes.delete(archive.ada, second, moderates=False)
    assert [("ttl" in edit, edit["text"]) for edit in await archive.items("edit:")] == [
        (False, "one"),
        (False, "uno"),
        (False, "two"),
    ]
    chat.clock.advance(200 * DAY)
    assert await chat.expiry.run() == 0
    file = await holds.read_message(archive.grace, second)
    assert (file.message.text, [edit.text for edit in file.edits], file.is_held) == ("", ["two"], True)
    await holds.lift(archive.grace, CONVERSATION, archive.room, "Settled.")
    assert all("ttl" in edit for edit in await archive.items("edit:"))
    chat.clock.advance(timedelta(minutes=1))
    assert await chat.expiry.run() == 2
    trail = (await holds.open(CONVERSATION, archive.room)).history
    assert [(line.action, line.by, line.reason) for line in trail] == [
        ("set", archive.grace, "A complaint."),
        ("lifted", archive.grace, "Settled."),
    ]


async def test_a_person_under_hold_holds_where_they_are_and_come_to(archive: Archive) -> None:
    chat, holds = archive.chat, archive.chat.legal_holds
    (message,) = await archive.say("one", who=archive.bob)
    cyd = await chat.person("Cyd")
    for person in (archive.bob, cyd):
        await holds.set(archive.grace, PERSON, person, "A complaint.")
    await chat.run_tasks()
    assert (await archive.head())["held"] is True
    chat.clock.advance(11 * DAY)
    assert await chat.expiry.run() == 0
    await chat.groups.add(archive.ada, archive.room, [cyd])
    await holds.lift(archive.grace, PERSON, archive.bob, "Settled.")
    await chat.run_tasks()
    assert (await archive.head())["held"] is True, "by the other one"
    await holds.lift(archive.grace, PERSON, cyd, "Settled.")
    await chat.run_tasks()
    assert "held" not in await archive.head()
    chat.clock.advance(timedelta(minutes=1))
    assert await chat.expiry.run() == 1
    assert await chat.documents.find(CHAT, partition_of(archive.room), message) is None


async def test_what_a_person_under_hold_came_into_is_found_before_anything_goes(archive: Archive) -> None:
    chat = archive.chat
    cyd = await chat.person("Cyd")
    await chat.legal_holds.set(archive.grace, PERSON, cyd, "A complaint.")
    await chat.run_tasks()
    (message,) = await archive.say("one")
    await chat.changes.edit(archive.ada, message, "uno")
    await chat.groups.add(archive.ada, archive.room, [cyd])
    chat.clock.advance(11 * DAY)
    assert await chat.expiry.run() == 0, "the sweep asks for itself"
    assert await renew_holds(chat.documents, chat.queue) == 1
    await chat.run_tasks()
    assert [("ttl" in edit) for edit in await archive.items("edit:")] == [False]


async def test_a_hold_that_is_set_meanwhile_is_not_passed_over(more: Callable[[], Instance]) -> None:
    sweeper, desk = more(), more()
    for turn in range(12):
        archive = await Archive(sweeper).begin()
        await sweeper.say_all(archive.ada, archive.room, 45)
        await sweeper.sending.settle()
        sweeper.clock.advance(11 * DAY)
        run = asyncio.create_task(sweeper.expiry.go_through(archive.room))
        for _ in range(turn):
            await asyncio.sleep(0.001)
        await desk.legal_holds.set(archive.grace, CONVERSATION, archive.room, "Now.")
        stand = await archive.left()
        await run
        await sweeper.expiry.go_through(archive.room)
        assert await archive.left() == stand, "nothing went once the hold was answered"


async def test_what_is_reported_outlives_its_time_unseen(archive: Archive) -> None:
    chat = archive.chat
    first, second = await archive.say("one", "two")
    await chat.changes.edit(archive.ada, first, "uno")
    report, _ = await chat.reports.report(archive.bob, first, "rude")
    chat.clock.advance(11 * DAY)
    assert await chat.expiry.run() == 2
    assert (await archive.left(), (await archive.head())["firstSeq"]) == ([], 3)
    for message in (first, second):
        with pytest.raises(MessageNotFound):
            await chat.changes.find(archive.bob, message)
    dossier = await chat.reports.open_dossier(report.id)
    assert (dossier.now.text if dossier.now else None, [edit.text for edit in dossier.edits]) == ("uno", ["one"])
    file = await chat.legal_holds.read_message(archive.grace, first)
    assert (file.message.seq, file.is_held) == (1, True)
    chat.clock.advance(2 * DAY)
    await chat.expiry.run()
    assert (await chat.reports.open_dossier(report.id)).now is not None
    await chat.reports.change(
        archive.grace, await chat.reports.get(report.id), Wanted(status="dismissed"), only_if_unchanged=False
    )
    chat.clock.advance(2 * DAY)
    await chat.expiry.run()
    assert (await chat.reports.open_dossier(report.id)).now is None
    assert (await archive.items("edit:"), await archive.items(first)) == ([], [])


async def test_reading_a_message_of_others_is_on_record(archive: Archive) -> None:
    chat = archive.chat
    (message,) = await archive.say("one")
    await chat.changes.edit(archive.ada, message, "uno")
    await chat.legal_holds.read_message(archive.grace, message)
    lines = await chat.documents.query(CHAT, "holds", Query(starts=f"audit:message:{message}:"))
    assert [(line.item["by"], line.item["action"]) for line in lines] == [(archive.grace, "read")]
    for nothing in (chat.ids.new(), archive.room):
        with pytest.raises(MessageNotFound):
            await chat.legal_holds.read_message(archive.grace, nothing)


async def test_setting_the_same_hold_twice_or_at_once_is_one(more: Callable[[], Instance]) -> None:
    one, other = more(), more()
    archive = await Archive(one).begin()
    await asyncio.gather(
        *(each.legal_holds.set(archive.grace, CONVERSATION, archive.room, "Same.") for each in (one, other) * 3)
    )
    one.clock.advance(timedelta(seconds=1))
    await one.legal_holds.set(archive.grace, CONVERSATION, archive.room, "Another.")
    file = await one.legal_holds.open(CONVERSATION, archive.room)
    assert [line.reason for line in file.history] == ["Same.", "Another."]
    assert file.hold is not None
    assert file.hold.reason == "Another."
    holds, people, _ = await one.legal_holds.page(limit=10)
    assert ([hold.subject_id for hold in holds], list(people)) == ([archive.room], [archive.grace])
    await asyncio.gather(
        *(each.legal_holds.lift(archive.grace, CONVERSATION, archive.room, "Done.") for each in (one, other))
    )
    assert (await one.legal_holds.page(limit=10))[0] == []


async def test_idle_it_costs_one_query_and_a_page_three_calls(archive: Archive) -> None:
    chat = archive.chat
    with chat.documents.measure() as calls:
        await chat.expiry.run()
    assert calls.by_kind == {"query_everywhere": 1}
    await chat.say_all(archive.ada, archive.room, 60)
    await chat.sending.settle()
    await chat.run_tasks()
    chat.clock.advance(11 * DAY)
    with chat.documents.measure() as calls:
        await chat.expiry.run()
    # Once: room, holds, reports, what reports held, the oldest left, the room to tell. Each page: it and its edits.
    queries = 6 + 2 * 3 + 1
    assert calls.by_kind == {"query_everywhere": 1, "query": queries, "batch": 3, "patch": 1, "delete": 1}


async def test_files_go_as_those_of_a_deleted_message_do_and_a_hold_keeps_them(archive: Archive) -> None:
    chat, room = archive.chat, archive.room
    old = await chat.attach(archive.ada, room, await chat.upload(archive.ada))
    await chat.sending.settle()
    chat.clock.advance(11 * DAY)
    await chat.expiry.run()
    await chat.run_tasks()
    assert not await may_read(chat, archive.bob, old.attachments[0].id)
    assert await has_bytes(chat, old) == [False]
    held = await chat.attach(archive.ada, room, await chat.upload(archive.ada))
    await chat.sending.settle()
    await chat.legal_holds.set(archive.grace, CONVERSATION, room, "A complaint.")
    await chat.changes.delete(archive.ada, held.id, moderates=False)
    await chat.behind.settle()
    for _ in range(2):
        chat.clock.advance(1.1 * DAY)
        await chat.sweep.run()
    assert await has_bytes(chat, held) == [True]
    file = await chat.legal_holds.read_message(archive.grace, held.id)
    assert (file.message.attachments, file.with_files.attachments) == ((), held.attachments)
    await chat.legal_holds.lift(archive.grace, CONVERSATION, room, "Settled.")
    chat.clock.advance(1.1 * DAY)
    await chat.sweep.run()
    assert await has_bytes(chat, held) == [False]
    assert (await chat.legal_holds.read_message(archive.grace, held.id)).with_files.attachments == ()


async def test_reported_files_stay_as_long_as_the_message(archive: Archive) -> None:
    chat, room = archive.chat, archive.room
    message = await chat.attach(archive.ada, room, await chat.upload(archive.ada))
    await chat.sending.settle()
    report, _ = await chat.reports.report(archive.bob, message.id, "look")
    for _ in range(12):
        chat.clock.advance(10 * DAY)
        await chat.expiry.run()
        await chat.run_tasks()
        await chat.sweep.run()
    assert (await archive.left(), await has_bytes(chat, message)) == ([], [True])
    assert not await may_read(chat, archive.ada, message.attachments[0].id)
    held = await chat.reports.get(report.id)
    await chat.reports.change(archive.grace, held, Wanted(status="dismissed"), only_if_unchanged=False)
    for _ in range(2):
        chat.clock.advance(2 * DAY)
        await chat.expiry.run()
        await chat.sweep.run()
    assert await has_bytes(chat, message) == [False]
