"""What goes in and out of MackChat."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from domain.chat.attached import links_to
from domain.chat.history import MAX_CATCH_UP
from domain.chat.model import MAX_ATTACHMENTS, Draft, Message, clean_message_text
from domain.chat.views import attachment_view, message_view
from domain.kernel.ids import UUID7_PATTERN
from runtime import parts
from web.bodies import In, Out, Query
from web.paging import Pagination

Id = Annotated[str, Meta(pattern=UUID7_PATTERN, description="A UUIDv7.")]
ClientMessageId = Annotated[str, Meta(min_length=1, max_length=128, description="Makes sending again safe.")]


Moment = Annotated[str, Meta(max_length=40, description="An ISO 8601 time with its zone.")]
GroupName = Annotated[str, Meta(min_length=1, max_length=100)]


class OpenIn(In):
    type: Literal["direct", "group"]
    participant_ids: Annotated[list[Id], Meta(min_length=1, max_length=500)]
    name: GroupName | None = None
    """Of a group."""


class ChangeGroupIn(In):
    name: GroupName | UnsetType | None = UNSET
    avatar: Id | UnsetType | None = UNSET


class AddParticipantsIn(In):
    user_ids: Annotated[list[Id], Meta(min_length=1, max_length=499)]


class ChangeRoleIn(In):
    role: Literal["admin", "member"]


class AttachIn(In):
    id: Id


Attached = Annotated[list[AttachIn], Meta(max_length=MAX_ATTACHMENTS)]
"""Complete uploads of the sender's, of the category `message`; each is one message's only."""


class SendIn(In):
    """*text* may be missing or empty beside *attachments*."""

    text: Annotated[str, Meta(max_length=4000)] = ""
    attachments: Attached = field(default_factory=list)
    reply_to: Id | None = None
    client_message_id: ClientMessageId | None = None


class ParticipantOut(Out):
    user_id: str
    name: str
    avatar: str | None
    role: str


class LastMessageOut(Out):
    text: str
    sender_id: str
    timestamp: str
    seq: int
    attachments: int
    """How many files it holds: beside them there may be no text."""


class DraftNoteOut(Out):
    text: str
    """Its beginning."""
    updated_at: str


class FormerOut(Out):
    user_id: str
    name: str
    avatar: str | None


class ConversationOut(Out):
    id: str
    type: str
    name: str | None
    avatar: str | None
    participants: list[ParticipantOut]
    """Everyone; in lists and events of groups only a few of them."""
    former_participants: list[FormerOut] | UnsetType
    """Who left in the last 91 days, the latest first, at most fifty: their messages are still there. Not in lists."""
    participant_count: int
    last_message: LastMessageOut | None
    unread_count: int
    last_read_seq: int
    muted: bool
    retention_days: int | None
    """How long messages are kept; null: for ever."""
    first_seq: int
    """The oldest message that is left."""
    draft: DraftNoteOut | None
    """The caller's own."""
    updated_at: str


class AttachmentOut(Out):
    """*url* reads the file for ten minutes or more; after that `GET /files/{id}` has a new one.

    Null while none can be made, and for good once the file was deleted: then there is no such file.
    """

    id: str
    name: str
    url: str | None
    size: int
    mime_type: str


class MessageOut(Out):
    id: str
    conversation_id: str
    seq: int
    sender_id: str
    text: str
    attachments: list[AttachmentOut]
    reply_to: str | None
    mentions: list[str]
    reactions: dict[str, list[str]]
    read_by: dict[str, str]
    edited_at: str | None
    deleted_at: str | None
    timestamp: str
    version: int
    """Counts what became of it (edits, reactions, deletion). Events may come out of order: the higher one is right."""


class MessagesOut(Out):
    items: list[MessageOut]
    pagination: Pagination
    first_seq: int | UnsetType = UNSET
    """Where it is not 1: the oldest message that is left. What came before was removed when its time was over."""


class MessagesQuery(Query):
    """`before` and `after` take a `seq`; `before` also a time. Not both."""

    limit: Annotated[int, Meta(ge=1, le=MAX_CATCH_UP)] | UnsetType = UNSET
    before: str | None = None
    after: Annotated[int, Meta(ge=0)] | None = None


class DraftIn(In):
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    reply_to: Id | None = None


class DraftOut(Out):
    conversation_id: str
    text: str
    reply_to: str | None
    updated_at: str


class ScheduleIn(In):
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    send_at: Moment
    reply_to: Id | None = None
    client_message_id: ClientMessageId | None = None


class RescheduleIn(In):
    """What is not named stays."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)] | UnsetType = UNSET
    send_at: Moment | UnsetType = UNSET
    reply_to: Id | UnsetType | None = UNSET


class ScheduledOut(Out):
    id: str
    conversation_id: str
    text: str
    """Empty once it was sent or cancelled."""
    reply_to: str | None
    send_at: str
    status: Literal["scheduled", "sending", "sent", "failed", "cancelled"]
    reason: str | None
    """Why it failed: one of the error codes."""
    message_id: str | None
    """The message, once it was sent."""
    created_at: str
    updated_at: str


class EditIn(In):
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    client_message_id: ClientMessageId | None = None


class ReadIn(In):
    seq: Annotated[int, Meta(ge=0, description="Everything up to this `seq` is read.")]


class ReceiptOut(Out):
    conversation_id: str
    user_id: str
    last_read_seq: int
    last_read_at: str | None
    unread_count: int


class TypingIn(In):
    state: Literal["start", "stop"]


def draft_of(sender_id: str, body: SendIn, client_message_id: str | None) -> Draft:
    """Raises MessageRejected."""
    return Draft(
        sender_id,
        clean_message_text(body.text, attached=len(body.attachments)),
        client_message_id,
        body.reply_to,
        file_ids=tuple(each.id for each in body.attachments),
    )


async def sent_view(message: Message) -> dict[str, Any]:
    """A message as its sender is answered."""
    return message_view(message, links=await links_to(parts.get().files.of_messages, [message]))


async def attachment_views(message: Message) -> list[dict[str, Any]]:
    """Its files alone."""
    links = await links_to(parts.get().files.of_messages, [message])
    return [attachment_view(each, links) for each in message.attachments]
