"""What a report is, how it is decided, and how that becomes items.  Pure: `reports.py` keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from domain.chat.holds import REPORT, REPORTS
from domain.chat.model import Message
from domain.chat.records import activity_key, attachments_of, message_item, message_of
from domain.kernel.attachments import Attachment
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

OPEN: Final = "open"
DISMISSED: Final = "dismissed"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a message said until *replaced_at*."""

    text: str = field(repr=False)
    replaced_at: datetime
    replaced_by: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """*said* is the message when it was reported, *edits* what it said before, oldest first."""

    id: str
    reporter_id: str
    reason: str = field(repr=False)
    reported_at: datetime
    updated_at: datetime
    status: str
    legal_hold: bool
    said: Message
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of a report's trail. None: left as it was."""

    at: datetime
    by: str
    status: str | None
    legal_hold: bool | None
    note: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an administrator decides; None leaves it. Dismissing ends the hold unless it says otherwise."""

    status: str | None = None
    legal_hold: bool | None = None
    note: str | None = field(default=None, repr=False)


def decided(report: Report, wanted: Wanted, now: datetime) -> Report:
    """The report after *wanted*; the same one when that changes nothing."""
    status = wanted.status or report.status
    hold = report.legal_hold
    if wanted.legal_hold is not None:
        hold = wanted.legal_hold
    elif status != report.status:
        hold = status != DISMISSED
    if (status, hold) == (report.status, report.legal_hold) and not wanted.note:
        return report
    return replace(report, status=status, legal_hold=hold, updated_at=now)


def report_type(status: str) -> str:
    """The status is in the type, as that is indexed together with `activeOn`."""
    return f"report.{status}"


def report_item(report: Report) -> Item:
    return {
        "id": REPORT + report.id,
        "pk": REPORTS,
        "type": report_type(report.status),
        "activeOn": activity_key(report.reported_at, report.id),
        "status": report.status,
        "legalHold": report.legal_hold,
        "reporterId": report.reporter_id,
        "reason": report.reason,
        "reportedAt": to_iso(report.reported_at),
        "updatedAt": to_iso(report.updated_at),
        "said": message_item(report.said),
        "edits": _edit_items(report.edits),
    }


def report_of(item: Item) -> Report:
    return Report(
        id=item["id"].removeprefix(REPORT),
        reporter_id=item["reporterId"],
        reason=item["reason"],
        reported_at=from_iso(item["reportedAt"]),
        updated_at=from_iso(item["updatedAt"]),
        status=item["status"],
        legal_hold=item["legalHold"],
        said=message_of(item["said"]),
        edits=tuple(edit_of(edit) for edit in item["edits"]),
    )


def _edit_items(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    return [
        {"text": edit.text, "replacedAt": to_iso(edit.replaced_at), "replacedBy": edit.replaced_by} for edit in edits
    ]


def edit_of(item: Item) -> Edit:
    return Edit(item["text"], from_iso(item["replacedAt"]), item["replacedBy"], attachments_of(item))


def decision_item(decision: Decision, *, report_id: str, new_id: str) -> Item:
    return {
        "id": f"audit:{report_id}:{new_id}",
        "pk": REPORTS,
        "type": "audit",
        "at": to_iso(decision.at),
        "by": decision.by,
        "status": decision.status,
        "legalHold": decision.legal_hold,
        "note": decision.note,
    }


def decision_of(item: Item) -> Decision:
    return Decision(from_iso(item["at"]), item["by"], item["status"], item["legalHold"], item["note"])
