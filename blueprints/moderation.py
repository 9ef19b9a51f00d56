"""Reports of messages: made by participants, dealt with by administrators.  Walk: `docs/flows/moderation.md`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import azure.functions as func
from msgspec import Meta

from blueprints.access import ADMINS, PARTICIPANTS
from blueprints.chat_shapes import AttachmentOut, attachment_views
from blueprints.courses_shapes import WholeListOut
from domain.chat.reported import Decision, Edit, Report, Wanted
from domain.chat.reports import Dossier
from domain.chat.views import face
from domain.kernel.clock import to_iso
from domain.kernel.people import Person
from runtime import parts
from web.bodies import In, Out
from web.call import Call
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, page, read_position
from web.reply import Reply

bp = func.Blueprint()

ReportStatus = Literal["open", "dismissed", "acted"]


class ReportIn(In):
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]


class ReportedOut(Out):
    id: str
    message_id: str
    status: str
    reported_at: str


class ReportsQuery(PageQuery, kw_only=True):
    status: ReportStatus | None = None


class DecisionIn(In):
    status: ReportStatus | None = None
    legal_hold: bool | None = None
    """Keeps the message out of retention."""
    note: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None


class NamedOut(Out):
    id: str
    name: str
    avatar: str | None

    @classmethod
    def of(cls, user_id: str, people: Mapping[str, Person]) -> "NamedOut":
        shown = face(people.get(user_id))
        return cls(user_id, shown["name"], shown["avatar"])


class ReportedFileOut(Out):
    id: str
    name: str
    size: int
    mime_type: str


class ReportedMessageOut(Out):
    """The message when it was reported. `GET /admin/reports/{id}/attachments` has links to its files."""

    id: str
    conversation_id: str
    seq: int
    sender: NamedOut
    text: str
    timestamp: str
    edited_at: str | None
    deleted_at: str | None
    attachments: list[ReportedFileOut]


class ReportOut(Out, kw_only=True):
    id: str
    status: str
    reason: str
    reporter: NamedOut
    reported_at: str
    updated_at: str
    legal_hold: bool
    message: ReportedMessageOut

    @classmethod
    def of(cls, report: Report, people: Mapping[str, Person]) -> "ReportOut":
        return cls(**_report(report, people))


class EditOut(Out):
    """What the message said until then."""

    text: str
    replaced_at: str
    replaced_by: str

    @classmethod
    def of(cls, edit: Edit) -> "EditOut":
        return cls(edit.text, to_iso(edit.replaced_at), edit.replaced_by)


class MessageNowOut(Out):
    text: str
    edited_at: str | None
    deleted_at: str | None


class DecisionOut(Out):
    at: str
    by: NamedOut
    status: str | None
    legal_hold: bool | None
    note: str | None

    @classmethod
    def of(cls, decision: Decision, people: Mapping[str, Person]) -> "DecisionOut":
        by = NamedOut.of(decision.by, people)
        return cls(to_iso(decision.at), by, decision.status, decision.legal_hold, decision.note)


class ReportedFilesOut(Out):
    items: list[AttachmentOut]
    pagination: WholeListOut


class DossierOut(ReportOut, kw_only=True):
    edits: list[EditOut]
    message_now: MessageNowOut | None
    """The message today; null once it is no longer kept."""
    history: list[DecisionOut]

    @classmethod
    def of_dossier(cls, dossier: Dossier) -> "DossierOut":
        now = dossier.now
        return cls(
            **_report(dossier.held.report, dossier.people),
            edits=[EditOut.of(edit) for edit in dossier.edits],
            message_now=MessageNowOut(
                now.text,
                to_iso(now.edited_at) if now.edited_at else None,
                to_iso(now.deleted_at) if now.deleted_at else None,
            )
            if now
            else None,
            history=[DecisionOut.of(decision, dossier.people) for decision in dossier.history],
        )


def _report(report: Report, people: Mapping[str, Person]) -> dict[str, Any]:
    said = report.said
    return {
        "id": report.id,
        "status": report.status,
        "reason": report.reason,
        "reporter": NamedOut.of(report.reporter_id, people),
        "reported_at": to_iso(report.reported_at),
        "updated_at": to_iso(report.updated_at),
        "legal_hold": report.legal_hold,
        "message": ReportedMessageOut(
            said.id,
            said.conversation_id,
            said.seq,
            NamedOut.of(said.sender_id, people),
            said.text,
            to_iso(said.sent_at),
            to_iso(said.edited_at) if said.edited_at else None,
            to_iso(said.deleted_at) if said.deleted_at else None,
            [ReportedFileOut(each.id, each.name, each.size, each.media_type) for each in said.attachments],
        ),
    }


@endpoint(
    bp,
    "POST",
    "v1/messages/{message_id}/report",
    access=PARTICIPANTS,
    takes=ReportIn,
    gives=ReportedOut,
    status=201,
    also=(200,),
    errors=("not_found", "not_participant"),
    idempotent=True,
)
async def report_message(call: Call) -> Reply:
    """Report a message to the administrators.

    They see it as it is now, whatever becomes of it, and who reported it; nobody else does. Reporting the same message
    again answers 200 with the first report.
    """
    report, is_new = await parts.get().social.reports.report(
        call.user_id, call.path_id("message_id"), call.body(ReportIn).reason
    )
    told = ReportedOut(report.id, report.said.id, report.status, to_iso(report.reported_at))
    return Reply(201 if is_new else 200, told)


@endpoint(bp, "GET", "v1/admin/reports", access=ADMINS, query=ReportsQuery, gives=PageOut[ReportOut])
async def list_reports(call: Call) -> Reply:
    """List reports, the newest first."""
    asked = call.query(ReportsQuery)
    below = await read_position(call, asked)
    reports, people, after = await parts.get().social.reports.page(status=asked.status, limit=asked.limit, below=below)
    return Reply(200, await page(call, asked, [ReportOut.of(report, people) for report in reports], after=after))


@endpoint(bp, "GET", "v1/admin/reports/{report_id}", access=ADMINS, gives=DossierOut, etag=True, errors=("not_found",))
async def get_report(call: Call) -> Reply:
    """Show a report: the message as it was and as it is, what it said before, and what was decided."""
    return Reply(200, DossierOut.of_dossier(await parts.get().social.reports.open_dossier(call.path_id("report_id"))))


@endpoint(
    bp,
    "GET",
    "v1/admin/reports/{report_id}/attachments",
    access=ADMINS,
    gives=ReportedFilesOut,
    errors=("not_found",),
)
async def list_reported_files(call: Call) -> Reply:
    """Get links to the files of the message that was reported.

    Also when it was deleted since: while a report holds the message, the bytes stay. Links are good for ten minutes or
    more.
    """
    held = await parts.get().social.reports.get(call.path_id("report_id"))
    return Reply(200, {"items": await attachment_views(held.report.said), "pagination": WholeListOut()})


@endpoint(
    bp,
    "PATCH",
    "v1/admin/reports/{report_id}",
    access=ADMINS,
    takes=DecisionIn,
    gives=DossierOut,
    errors=("not_found", "conflict", "precondition_failed"),
)
async def decide_report(call: Call) -> Reply:
    """Decide on a report.

    What the body does not name stays. Dismissing a report lets go of its message, any other status holds it, unless
    `legalHold` says otherwise. Each change is kept in `history`. With `If-Match`, only the report that the caller has
    seen is changed.
    """
    reports, report_id, body = parts.get().social.reports, call.path_id("report_id"), call.body(DecisionIn)
    seen = await reports.open_dossier(report_id)
    call.check_if_match(DossierOut.of_dossier(seen))
    wanted = Wanted(body.status, body.legal_hold, body.note)
    await reports.change(call.user_id, seen.held, wanted, only_if_unchanged="if-match" in call.headers)
    return Reply(200, DossierOut.of_dossier(await reports.open_dossier(report_id)))
