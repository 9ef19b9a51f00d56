"""Between what the domain calls a submission and rows of the tables."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from domain.forms.model import Submission
from domain.forms.ports import HistoryEntry, NewSubmission, Revision
from domain.forms.rules import search_text
from domain.kernel.outbox import SWEEP_AFTER, Task

Row = dict[str, Any]


def submission_of(new: NewSubmission, tracking: str | None) -> Submission:
    """The submission as it is when it has just come in."""
    return Submission(
        id=new.id,
        type=new.form.type,
        status="pending",
        assigned_to=None,
        tracking_number=tracking,
        urgency=new.form.urgency,
        sender_name=new.form.sender.name,
        sender_email=new.form.sender.email,
        content=new.form.content(),
        submitted_at=new.submitted_at,
        updated_at=new.submitted_at,
        resolved_at=None,
        version=1,
    )


def submission_row(new: NewSubmission, submission: Submission) -> Row:
    return {
        "id": submission.id,
        "type": submission.type,
        "status": submission.status,
        "assigned_to": submission.assigned_to,
        "tracking_number": submission.tracking_number,
        "urgency": submission.urgency,
        "sender_name": submission.sender_name,
        "sender_email": submission.sender_email,
        "search_text": search_text(new.form, submission.tracking_number),
        "content": to_json(submission.content),
        "submitted_at": submission.submitted_at,
        "updated_at": submission.updated_at,
        "resolved_at": submission.resolved_at,
        "version": submission.version,
        "idempotency_key": new.key,
        "fingerprint": new.fingerprint,
        "client_network": new.origin.network,
        "user_agent": new.origin.user_agent,
        "request_id": new.origin.request_id,
    }


def read_submission(row: RowMapping) -> Submission:
    return Submission(
        id=row["id"],
        type=row["type"],
        status=row["status"],
        assigned_to=row["assigned_to"],
        tracking_number=row["tracking_number"],
        urgency=row["urgency"],
        sender_name=row["sender_name"],
        sender_email=row["sender_email"],
        content=json.loads(row["content"]),
        submitted_at=row["submitted_at"],
        updated_at=row["updated_at"],
        resolved_at=row["resolved_at"],
        version=row["version"],
    )


def changed_row(after: Submission) -> Row:
    """The columns that staff can change."""
    return {
        "status": after.status,
        "assigned_to": after.assigned_to,
        "updated_at": after.updated_at,
        "resolved_at": after.resolved_at,
        "version": after.version,
    }


def topic_rows(new: NewSubmission) -> list[Row]:
    return [{"submission_id": new.id, "ordinal": ordinal, "name": name} for ordinal, name in enumerate(new.form.topics)]


def task_row(task: Task, now: datetime) -> Row:
    return {"id": task.id, "queue": task.queue, "payload": to_json(task.payload), "due_at": now + SWEEP_AFTER}


def read_task(row: RowMapping) -> Task:
    return Task(row["id"], row["queue"], json.loads(row["payload"]))


def history_row(revision: Revision) -> Row:
    return {
        "id": revision.entry_id,
        "submission_id": revision.after.id,
        "happened_at": revision.after.updated_at,
        "actor_id": revision.actor_id,
        "changes": to_json(revision.changes),
        "note": revision.note,
    }


def read_history(row: RowMapping) -> HistoryEntry:
    changes = {name: (old, new) for name, (old, new) in json.loads(row["changes"]).items()}
    return HistoryEntry(row["id"], row["happened_at"], row["actor_id"], changes, row["note"])


def received_row(new: NewSubmission) -> Row:
    """The audit entry of a submission: ids and slugs only."""
    return {
        "id": new.audit_id,
        "happened_at": new.submitted_at,
        "actor_id": None,
        "action": "form.received",
        "subject_type": "form",
        "subject_id": new.id,
        "request_id": new.origin.request_id,
        "details": to_json({"type": new.form.type}),
    }


def changed_audit_row(revision: Revision) -> Row:
    """The audit entry of a change by staff; a note's text stays out of it."""
    return {
        "id": revision.audit_id,
        "happened_at": revision.after.updated_at,
        "actor_id": revision.actor_id,
        "action": "form.changed",
        "subject_type": "form",
        "subject_id": revision.after.id,
        "request_id": revision.request_id,
        "details": to_json({"changes": revision.changes, "noted": revision.note is not None}),
    }


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
