"""Reports of messages, and the queue in which administrators deal with them.

A report keeps the message as it was when it was reported, with what it said before, so that neither an edit nor a
deletion takes it away. One person reports one message once. Each decision is written with its line of the trail in one
batch. While a report holds its message, retention leaves that alone (`holds.py`). Walk: docs/flows/moderation.md.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from domain.chat.changes import Changes
from domain.chat.errors import ReportNotFound
from domain.chat.holds import REPORT, REPORTS, settle_hold
from domain.chat.model import Message, partition_of
from domain.chat.records import message_of
from domain.chat.reported import (
    OPEN,
    Decision,
    Edit,
    Report,
    Wanted,
    decided,
    decision_item,
    decision_of,
    edit_of,
    report_item,
    report_of,
    report_type,
)
from domain.kernel.clock import Clock
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    ItemStale,
    Operation,
    Query,
    Replace,
)
from domain.kernel.errors import Conflict, PreconditionFailed
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.people import People, Person

EDITS_COPIED: Final = 20
"""Of what a message said before: together far below what an item may hold."""

HISTORY_SHOWN: Final = 200
RACES: Final = 5


@dataclass(frozen=True, slots=True)
class HeldReport:
    """A report as read, and the etag that a change must still find."""

    report: Report
    etag: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dossier:
    """All there is on a report. *now* is the message today, if it is still kept; *edits* include later ones."""

    held: HeldReport
    now: Message | None
    edits: tuple[Edit, ...]
    history: tuple[Decision, ...]
    people: dict[str, Person]


class Reports:
    """Every method may raise Unavailable."""

    def __init__(
        self, documents: DocumentStore, changes: Changes, people: People, outbox: Outbox, clock: Clock, ids: Ids
    ) -> None:
        self._documents = documents
        self._changes = changes
        self._people = people
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    async def report(self, me: str, message_id: str, reason: str) -> tuple[Report, bool]:
        """Report a message to the administrators; says whether this is new.

        A second report of the same person is the first one. Three reads and one batch. Raises MessageNotFound,
        NotParticipant.
        """
        found = await self._changes.find(me, message_id)
        edits = (await read_edits(self._documents, message_id))[-EDITS_COPIED:]
        now = self._clock.now()
        report = Report(self._ids.new(), me, reason, now, now, OPEN, True, found.message, tuple(edits))  # noqa: FBT003
        task = self._task(report)
        marker = {"id": _marker_id(me, message_id), "pk": REPORTS, "type": "reported", "reportId": report.id}
        try:
            await self._documents.batch(CHAT, REPORTS, [Create(marker), Create(report_item(report)), Create(task)])
        except ItemExists:
            first = await self._documents.find(CHAT, REPORTS, marker["id"])
            if first is None:
                raise
            return (await self.get(first.item["reportId"])).report, False
        await self._settle(task, report)
        return report, True

    async def page(
        self, *, status: str | None, limit: int, below: str | None = None
    ) -> tuple[list[Report], dict[str, Person], str | None]:
        """The newest reports first, the people they name, and where the next page starts. Two document calls."""
        eq = {} if status is None else {"type": report_type(status)}
        found = await self._documents.query(
            CHAT, REPORTS, Query(order="activeOn", descending=True, below=below, eq=eq, limit=limit + 1)
        )
        page = [report_of(stored.item) for stored in found[:limit]]
        named = sorted({user_id for report in page for user_id in (report.reporter_id, report.said.sender_id)})
        people = await self._people.find_many(named) if named else {}
        return page, people, found[limit - 1].item["activeOn"] if len(found) > limit else None

    async def get(self, report_id: str) -> HeldReport:
        """Raises ReportNotFound."""
        stored = await self._documents.find(CHAT, REPORTS, REPORT + report_id)
        if stored is None:
            raise ReportNotFound
        return HeldReport(report_of(stored.item), stored.etag)

    async def open_dossier(self, report_id: str) -> Dossier:
        """Five document calls. Raises ReportNotFound."""
        held = await self.get(report_id)
        report = held.report
        pk = partition_of(report.said.id)
        current = await self._documents.find(CHAT, pk, report.said.id)
        edits = {edit.replaced_at: edit for edit in (*report.edits, *await read_edits(self._documents, report.said.id))}
        trail = await self._documents.query(
            CHAT, REPORTS, Query(starts=f"audit:{report_id}:", descending=True, limit=HISTORY_SHOWN)
        )
        history = tuple(decision_of(stored.item) for stored in reversed(trail))
        named = {report.reporter_id, report.said.sender_id, *(decision.by for decision in history)}
        people = await self._people.find_many(sorted(named)[:100])
        now = message_of(current.item) if current is not None else None
        return Dossier(held, now, tuple(edits[moment] for moment in sorted(edits)), history, people)

    async def change(self, me: str, held: HeldReport, wanted: Wanted, *, only_if_unchanged: bool) -> None:
        """Decide. What changes nothing leaves no trail.

        Raises:
            PreconditionFailed: somebody else decided since *held* was read, and *only_if_unchanged*.
        """
        for _ in range(RACES):
            changed = decided(held.report, wanted, self._clock.now())
            if changed == held.report and not wanted.note:
                return
            try:
                await self._write(me, held, changed, wanted.note)
            except ItemStale:
                if only_if_unchanged:
                    raise PreconditionFailed from None
                held = await self.get(held.report.id)
            else:
                return
        raise Conflict

    async def _write(self, me: str, held: HeldReport, changed: Report, note: str | None) -> None:
        before = held.report
        decision = Decision(
            changed.updated_at,
            me,
            changed.status if changed.status != before.status else None,
            changed.legal_hold if changed.legal_hold != before.legal_hold else None,
            note,
        )
        steps: list[Operation] = [
            Replace(report_item(changed), if_match=held.etag),
            Create(decision_item(decision, report_id=before.id, new_id=self._ids.new())),
        ]
        if decision.legal_hold is None:
            await self._documents.batch(CHAT, REPORTS, steps)
            return
        task = self._task(changed)
        await self._documents.batch(CHAT, REPORTS, [*steps, Create(task)])
        await self._settle(task, changed)

    def _task(self, report: Report) -> Item:
        payload = {"task": "hold", "reportId": report.id, "messageId": report.said.id}
        return outbox_item(Task(self._ids.new(), "chat", payload), pk=REPORTS, now=self._clock.now())

    async def _settle(self, task: Item, report: Report) -> None:
        await self._outbox.do_now(CHAT, task, settle_hold(self._documents, self._clock, report.id, report.said.id))


async def read_edits(documents: DocumentStore, message_id: str) -> list[Edit]:
    """What a message said before, oldest first: one query. Their ids count as texts, so they are put in order here."""
    found = await documents.query(CHAT, partition_of(message_id), Query(starts=f"edit:{message_id}:", limit=1000))
    return sorted((edit_of(stored.item) for stored in found), key=lambda edit: edit.replaced_at)


def _marker_id(reporter_id: str, message_id: str) -> str:
    """The id that a second report of the same person and message collides with."""
    return "reported:" + hashlib.sha256(f"{reporter_id}:{message_id}".encode()).hexdigest()[:40]
