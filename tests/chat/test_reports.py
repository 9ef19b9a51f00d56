"""Reports: who may, what they keep, and how they are decided."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.chat.errors import MessageNotFound, NotParticipant, ReportNotFound
from domain.chat.holds import HOLD, held_messages
from domain.chat.model import partition_of
from domain.chat.people import StoredPeople
from domain.chat.reported import Wanted
from domain.chat.reports import Reports
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from domain.kernel.errors import PreconditionFailed
from tests.chat.lounge import Instance


class Desk:
    """Ada said something to Bob. Grace moderates."""

    def __init__(self, chat: Instance) -> None:
        self.chat = chat
        self.reports = Reports(
            chat.documents, chat.changes, StoredPeople(chat.documents), chat.outbox, chat.clock, chat.ids
        )

    async def begin(self) -> "Desk":
        chat = self.chat
        self.ada, self.bob, self.grace = [await chat.person(name) for name in ("Ada", "Bob", "Grace")]
        self.room = await chat.direct(self.ada, self.bob)
        self.message = (await chat.sending.send(self.room, chat.draft(self.ada, "rude"))).id
        await chat.sending.settle()
        return self

    async def decide(self, report_id: str, **wanted: Any) -> None:
        held = await self.reports.get(report_id)
        await self.reports.change(self.grace, held, Wanted(**wanted), only_if_unchanged=False)


@pytest.fixture
async def desk(chat: Instance) -> Desk:
    return await Desk(chat).begin()


async def test_one_person_reports_a_message_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.reports.report(desk.bob, desk.message, f"r{n}") for n in range(4)))
    assert len({report.id for report, _ in answers}) == 1
    assert sorted(is_new for _, is_new in answers) == [False, False, False, True]
    await desk.reports.report(desk.ada, desk.message, "of another person, so another report")
    assert len((await desk.reports.page(status="open", limit=10))[0]) == 2


async def test_only_participants_report(desk: Desk) -> None:
    with pytest.raises(MessageNotFound):
        await desk.reports.report(desk.grace, desk.message, "x")
    with pytest.raises(MessageNotFound):
        await desk.reports.report(desk.bob, desk.chat.ids.new(), "x")
    group = await desk.chat.group(desk.ada, desk.bob)
    said = await desk.chat.sending.send(group, desk.chat.draft(desk.ada, "hi"))
    with pytest.raises(NotParticipant):
        await desk.reports.report(desk.grace, said.id, "x")
    assert (await desk.reports.page(status=None, limit=10))[0] == []


async def test_what_was_said_stays_in_the_report(desk: Desk) -> None:
    chat = desk.chat
    await chat.changes.edit(desk.ada, desk.message, "ruder")
    chat.clock.advance(timedelta(minutes=1))
    report, _ = await desk.reports.report(desk.bob, desk.message, "look")
    chat.clock.advance(timedelta(minutes=1))
    await chat.changes.edit(desk.ada, desk.message, "sweet")
    chat.clock.advance(timedelta(minutes=1))
    await chat.changes.delete(desk.ada, desk.message, moderates=False)
    dossier = await desk.reports.open_dossier(report.id)
    assert dossier.held.report.said.text == "ruder"
    assert [edit.text for edit in dossier.edits] == ["rude", "ruder", "sweet"]
    assert dossier.now is not None
    assert (dossier.now.text, bool(dossier.now.deleted_at)) == ("", True)
    for stored in await chat.documents.query(CHAT, partition_of(desk.room), Query(starts="edit:")):
        await chat.documents.delete(CHAT, stored.item["pk"], stored.item["id"])  # as they expire
    later = await desk.reports.open_dossier(report.id)
    assert [edit.text for edit in later.edits] == ["rude"], "edits expire, those before the report are copied"


async def test_each_decision_leaves_its_trail(desk: Desk) -> None:
    report, _ = await desk.reports.report(desk.bob, desk.message, "look")
    await desk.decide(report.id, status="acted", note="Spoke to Ada.")
    await desk.decide(report.id, status="acted")
    desk.chat.clock.advance(timedelta(minutes=1))
    await desk.decide(report.id, note="All well.")
    dossier = await desk.reports.open_dossier(report.id)
    trail = [(line.by, line.status, line.legal_hold, line.note) for line in dossier.history]
    assert trail == [(desk.grace, "acted", None, "Spoke to Ada."), (desk.grace, None, None, "All well.")]
    assert set(dossier.people) == {desk.ada, desk.bob, desk.grace}


async def test_the_queue_is_paged_by_status_newest_first(desk: Desk) -> None:
    made = []
    for n in range(4):
        said = await desk.chat.sending.send(desk.room, desk.chat.draft(desk.ada, f"m{n}"))
        made.append((await desk.reports.report(desk.bob, said.id, "x"))[0].id)
        desk.chat.clock.advance(timedelta(seconds=1))
    await desk.decide(made[1], status="dismissed")
    await desk.chat.sending.settle()
    with desk.chat.documents.measure() as calls:
        first, people, after = await desk.reports.page(status="open", limit=2)
    assert calls.by_kind == {"query": 1, "find_many": 1}
    rest, _, end = await desk.reports.page(status="open", limit=2, below=after)
    assert [report.id for report in (*first, *rest)] == [made[3], made[2], made[0]]
    assert end is None
    assert set(people) == {desk.ada, desk.bob}
    assert [report.id for report in (await desk.reports.page(status="dismissed", limit=2))[0]] == [made[1]]
    assert len((await desk.reports.page(status=None, limit=10))[0]) == 4


async def test_a_hold_stands_until_every_report_lets_go(desk: Desk) -> None:
    chat = desk.chat
    one, _ = await desk.reports.report(desk.bob, desk.message, "x")
    other, _ = await desk.reports.report(desk.ada, desk.message, "x")
    assert await held_messages(chat.documents, desk.room) == {desk.message}
    await desk.decide(one.id, status="dismissed")
    assert await held_messages(chat.documents, desk.room) == {desk.message}
    await desk.decide(other.id, status="dismissed")
    assert await held_messages(chat.documents, desk.room) == set()
    await desk.decide(other.id, legal_hold=True)
    assert await held_messages(chat.documents, desk.room) == {desk.message}
    await desk.decide(other.id, status="acted")
    assert (await desk.reports.get(other.id)).report.legal_hold is True


async def test_a_crash_before_the_hold_is_made_good(desk: Desk) -> None:
    chat = desk.chat
    report, _ = await desk.reports.report(desk.bob, desk.message, "x")
    task = desk.reports._task(report)
    await chat.documents.delete(CHAT, partition_of(desk.room), f"{HOLD}{desk.message}:{report.id}")
    for _ in range(2):
        await chat.tasks.run(task["payload"])
    assert await held_messages(chat.documents, desk.room) == {desk.message}


async def test_two_who_decide_at_once_both_count_or_one_is_told(more: Callable[[], Instance]) -> None:
    desk = await Desk(more()).begin()
    report, _ = await desk.reports.report(desk.bob, desk.message, "x")
    held = await desk.reports.get(report.id)
    await asyncio.gather(
        *(
            desk.reports.change(desk.grace, held, Wanted(note=note), only_if_unchanged=False)
            for note in ("one", "two", "three")
        )
    )
    notes = [line.note for line in (await desk.reports.open_dossier(report.id)).history]
    assert sorted(note or "" for note in notes) == ["one", "three", "two"]
    with pytest.raises(PreconditionFailed):
        await desk.reports.change(desk.grace, held, Wanted(status="acted"), only_if_unchanged=True)


async def test_reporting_has_a_budget(desk: Desk) -> None:
    with desk.chat.documents.measure() as calls:
        await desk.reports.report(desk.bob, desk.message, "x")
    assert calls.by_kind == {"find": 1, "query": 2, "batch": 1, "find_many": 2, "create": 1, "delete": 1}


async def test_a_report_nobody_made(desk: Desk) -> None:
    with pytest.raises(ReportNotFound):
        await desk.reports.open_dossier(desk.chat.ids.new())
