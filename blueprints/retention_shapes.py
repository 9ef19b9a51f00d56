"""What goes in and out of retention, legal holds, and what administrators read."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from blueprints.chat_shapes import AttachmentOut
from blueprints.moderation import EditOut, NamedOut
from domain.chat.holding import HoldFile, Line, MessageFile
from domain.chat.legal_holds import LegalHold
from domain.chat.model import Message
from domain.chat.retention import MAX_DAYS, MIN_DAYS
from domain.kernel.clock import to_iso
from domain.kernel.people import Person
from web.bodies import In, Out

Reason = Annotated[str, Meta(min_length=1, max_length=2000)]


class RetentionIn(In):
    days: Annotated[int, Meta(ge=MIN_DAYS, le=MAX_DAYS)] | None
    """Null: for ever."""


class RetentionOut(Out):
    conversation_id: str
    days: int | None
    first_seq: int
    """The oldest message that is left."""
    set_by: str | None
    """Who changed it last; null while it is as it began."""
    set_at: str | None


class HoldIn(In):
    reason: Reason


class HoldLineOut(Out):
    at: str
    by: NamedOut
    action: str
    """`set`, `lifted`, or `read`: its messages."""
    reason: str | None

    @classmethod
    def of(cls, line: Line, people: Mapping[str, Person]) -> "HoldLineOut":
        return cls(to_iso(line.at), NamedOut.of(line.by, people), line.action, line.reason)


class HoldOut(Out):
    kind: str
    """`conversation` or `person`."""
    subject_id: str
    reason: str
    since: str
    set_by: NamedOut

    @classmethod
    def of(cls, hold: LegalHold, people: Mapping[str, Person]) -> "HoldOut":
        by = NamedOut.of(hold.set_by, people)
        return cls(hold.kind, hold.subject_id, hold.reason, to_iso(hold.since), by)


class HoldFileOut(Out):
    held: bool
    hold: HoldOut | None
    history: list[HoldLineOut]
    """Oldest first, at most 200."""

    @classmethod
    def of(cls, file: HoldFile) -> "HoldFileOut":
        hold = HoldOut.of(file.hold, file.people) if file.hold else None
        return cls(hold is not None, hold, [HoldLineOut.of(line, file.people) for line in file.history])


class HeldMessageOut(Out):
    """`GET /admin/messages/{id}` has what it said before, and its files."""

    id: str
    seq: int
    sender: NamedOut
    text: str
    timestamp: str
    edited_at: str | None
    deleted_at: str | None

    @classmethod
    def of(cls, message: Message, people: Mapping[str, Person]) -> "HeldMessageOut":
        return cls(
            message.id,
            message.seq,
            NamedOut.of(message.sender_id, people),
            message.text,
            to_iso(message.sent_at),
            to_iso(message.edited_at) if message.edited_at else None,
            to_iso(message.deleted_at) if message.deleted_at else None,
        )


class ReadingOut(Out):
    at: str
    by: NamedOut


class MessageFileOut(Out):
    id: str
    conversation_id: str
    seq: int
    sender: NamedOut
    text: str
    timestamp: str
    edited_at: str | None
    deleted_at: str | None
    deleted_by: NamedOut | None
    held: bool
    """Retention leaves it alone."""
    edits: list[EditOut]
    """What it said before, oldest first; also before it was deleted."""
    attachments: list[AttachmentOut]
    """Of a deleted message, those it had, as long as something holds it."""
    readings: list[ReadingOut]
    """Which administrators read this before, oldest first."""

    @classmethod
    def of(cls, file: MessageFile, attachments: list[AttachmentOut]) -> "MessageFileOut":
        message = file.message
        return cls(
            message.id,
            message.conversation_id,
            message.seq,
            NamedOut.of(message.sender_id, file.people),
            message.text,
            to_iso(message.sent_at),
            to_iso(message.edited_at) if message.edited_at else None,
            to_iso(message.deleted_at) if message.deleted_at else None,
            NamedOut.of(message.deleted_by, file.people) if message.deleted_by else None,
            file.is_held,
            [EditOut.of(edit) for edit in file.edits],
            attachments,
            [ReadingOut(to_iso(line.at), NamedOut.of(line.by, file.people)) for line in file.readings],
        )
