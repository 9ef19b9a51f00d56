"""Forms as JSON."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from domain.forms.desk import Assignment, Change
from domain.forms.model import (
    Contact,
    FormStatus,
    FormType,
    Interest,
    Origin,
    Participant,
    Receipt,
    Referral,
    Sender,
    Submission,
    Urgency,
)
from domain.forms.periods import read_bound
from domain.forms.ports import Filter, HistoryEntry
from domain.forms.rules import (
    MAX_ATTACHMENTS,
    MAX_EMAIL,
    MAX_LINE,
    MAX_NAME,
    MAX_PHONE,
    MAX_SUBJECT,
    MAX_TEXT,
    MAX_TOPIC,
    MAX_TOPICS,
    network_of,
    user_agent_of,
)
from domain.forms.service import Guards
from domain.kernel.addresses import clean_email
from domain.kernel.clock import to_iso
from domain.kernel.errors import Invalid
from web.bodies import CHECK, In, Out
from web.call import Call
from web.paging import PageQuery

ONE_LINE = r"^[^\n\t]*$"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=ONE_LINE)]
Email = Annotated[str, msgspec.Meta(min_length=3, max_length=MAX_EMAIL, extra={CHECK: clean_email})]
Phone = Annotated[str, msgspec.Meta(max_length=MAX_PHONE)]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SUBJECT, pattern=ONE_LINE)]
Line = Annotated[str, msgspec.Meta(max_length=MAX_LINE)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Topic = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOPIC, pattern=ONE_LINE)]
Topics = Annotated[tuple[Topic, ...], msgspec.Meta(min_length=1, max_length=MAX_TOPICS)]


class Guarded(In, kw_only=True):
    """What every public form carries against machines."""

    website: Annotated[str, msgspec.Meta(description="Stays empty: no person sees this field.")] | None = None
    challenge_token: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    """What the page's challenge gave, where this site uses one."""

    def guards(self, call: Call) -> Guards:
        return Guards(self.website or "", self.challenge_token, call.client_address)


class ContactIn(Guarded, kw_only=True):
    name: Name
    email: Email
    phone: Phone | None = None
    subject: Subject
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]

    def form(self) -> Contact:
        return Contact(Sender(self.name, self.email, self.phone or None), self.subject, self.message)


class InterestIn(Guarded, kw_only=True):
    name: Name
    email: Email
    phone: Phone | None = None
    interests: Topics
    availability: Line | None = None
    notes: Text | None = None

    def form(self) -> Interest:
        sender = Sender(self.name, self.email, self.phone or None)
        return Interest(sender, self.interests, self.availability or None, self.notes or None)


class ReferrerIn(In, kw_only=True):
    name: Name
    email: Email
    phone: Phone | None = None
    organization: Annotated[str, msgspec.Meta(max_length=MAX_NAME, pattern=ONE_LINE)] | None = None


class ParticipantIn(In, kw_only=True):
    """*contact* is free text: an e-mail address, a case number, where to find the person."""

    name: Name
    contact: Line | None = None
    phone: Phone | None = None


class AttachmentIn(In):
    file_id: Annotated[str, msgspec.Meta(max_length=64)]


class ReferralIn(Guarded, kw_only=True):
    referrer: ReferrerIn
    participant: ParticipantIn
    services: Topics
    urgency: Urgency
    notes: Text | None = None
    attachments: Annotated[list[AttachmentIn], msgspec.Meta(max_length=MAX_ATTACHMENTS)] = msgspec.field(
        default_factory=list
    )

    def form(self) -> Referral:
        referrer, participant = self.referrer, self.participant
        return Referral(
            sender=Sender(referrer.name, referrer.email, referrer.phone or None, referrer.organization or None),
            participant=Participant(participant.name, participant.contact or None, participant.phone or None),
            topics=self.services,
            urgency=self.urgency,
            notes=self.notes or None,
            file_ids=tuple(attachment.file_id for attachment in self.attachments),
        )


class ReceiptOut(Out):
    id: str
    message: str
    submitted_at: str


class ReferralReceiptOut(ReceiptOut):
    tracking_number: str


def receipt_out(receipt: Receipt, message: str) -> ReceiptOut:
    submitted_at = to_iso(receipt.submitted_at)
    if receipt.tracking_number is None:
        return ReceiptOut(receipt.id, message, submitted_at)
    return ReferralReceiptOut(receipt.id, message, submitted_at, receipt.tracking_number)


def origin_of(call: Call) -> Origin:
    return Origin(network_of(call.client_address), user_agent_of(call.headers.get("user-agent")), call.request_id)


class FormsQuery(PageQuery, kw_only=True):
    """*from* and *to* are days or times; a day given as *to* is included whole."""

    type: FormType | None = None
    status: FormStatus | None = None
    assigned_to: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    since: Annotated[str, msgspec.Meta(max_length=40)] | None = msgspec.field(default=None, name="from")
    until: Annotated[str, msgspec.Meta(max_length=40)] | None = msgspec.field(default=None, name="to")
    query: Annotated[str, msgspec.Meta(max_length=100)] | None = None

    def wanted(self) -> Filter:
        """Raises Invalid for what is no time."""
        return Filter(
            type=self.type,
            status=self.status,
            assigned_to=self.assigned_to,
            since=None if self.since is None else read_bound(self.since, "from"),
            until=None if self.until is None else read_bound(self.until, "to", day_after=True),
            text=self.query or None,
        )


class FormSummaryOut(Out):
    id: str
    type: FormType
    status: FormStatus
    assigned_to: str | None
    tracking_number: str | None
    urgency: Urgency | None
    name: str
    email: str
    subject: str | None
    submitted_at: str
    updated_at: str
    resolved_at: str | None

    @classmethod
    def of(cls, submission: Submission) -> "FormSummaryOut":
        return cls(**_summary(submission))


class ChangedOut(Out):
    old: str | None = msgspec.field(name="from")
    new: str | None = msgspec.field(name="to")


class HistoryOut(Out):
    """*changes* maps each member that was changed to what it was and what it became."""

    id: str
    at: str
    by: str
    changes: dict[str, ChangedOut]
    note: str | None


class FormOut(FormSummaryOut):
    """*form* is what was sent, in the words of the form's own fields."""

    form: dict[str, Any]
    history: list[HistoryOut]

    @classmethod
    def whole(cls, submission: Submission, history: Sequence[HistoryEntry]) -> "FormOut":
        entries = [
            HistoryOut(
                id=entry.id,
                at=to_iso(entry.at),
                by=entry.actor_id,
                changes={name: ChangedOut(old, new) for name, (old, new) in entry.changes.items()},
                note=entry.note,
            )
            for entry in history
        ]
        return cls(**_summary(submission), form=dict(submission.content), history=entries)


def _summary(submission: Submission) -> dict[str, Any]:
    resolved_at = submission.resolved_at
    return {
        "id": submission.id,
        "type": submission.type,
        "status": submission.status,
        "assigned_to": submission.assigned_to,
        "tracking_number": submission.tracking_number,
        "urgency": submission.urgency,
        "name": submission.sender_name,
        "email": submission.sender_email,
        "subject": submission.content.get("subject"),
        "submitted_at": to_iso(submission.submitted_at),
        "updated_at": to_iso(submission.updated_at),
        "resolved_at": None if resolved_at is None else to_iso(resolved_at),
    }


class ChangeFormIn(In, kw_only=True):
    """At least one of them. *assigned_to* null takes the form from whoever has it."""

    status: FormStatus | msgspec.UnsetType = msgspec.UNSET
    assigned_to: Annotated[str, msgspec.Meta(max_length=64)] | msgspec.UnsetType | None = msgspec.UNSET
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)] | msgspec.UnsetType = msgspec.UNSET

    def change(self) -> Change:
        """Raises Invalid for an empty body."""
        unset = msgspec.UNSET
        if self.status is unset and self.assigned_to is unset and self.note is unset:
            raise Invalid.field("", "empty", "Give a status, an assignee or a note.")
        return Change(
            status=None if self.status is msgspec.UNSET else self.status,
            assignment=None if self.assigned_to is msgspec.UNSET else Assignment(self.assigned_to),
            note=None if self.note is msgspec.UNSET else self.note,
        )
