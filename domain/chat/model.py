"""Conversations and messages: values and pure rules.

**Ids.** A conversation's id and the ids of all its messages are UUIDv7 that end alike: the last 62 random bits are
the conversation's. So a message's id alone leads to its partition, and no lookup item is needed
(docs/adr/0090-message-ids-carry-their-conversation.md).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from domain.chat.errors import MessageRejected
from domain.kernel.attachments import Attachment
from domain.kernel.errors import Fault, Invalid
from domain.kernel.ids import uuid7
from domain.kernel.text import clean_text

MAX_TEXT_CHARS: Final = 4000
"""Unicode code points, after cleaning (the contract's limit)."""

MAX_ATTACHMENTS: Final = 10
"""Files of one message."""

MAX_NAME_CHARS: Final = 100
"""Of a group's name."""

SNIPPET_CHARS: Final = 200
"""How much of the last message the conversation list shows."""

_LOW62: Final = (1 << 62) - 1
_SEQ_BITS: Final = 0xFFF


def partition_of(conversation_or_message_id: str) -> str:
    """The partition that holds it: the part of the UUID that both share (its last two groups)."""
    return conversation_or_message_id[19:]


def message_id(*, conversation_id: str, seq: int, now: datetime) -> str:
    """A UUIDv7 of *now*, the low 12 bits of *seq*, and the conversation's own 62 bits.

    Unique: two messages of one conversation differ in time or, within one millisecond, in those 12 bits. Should a
    clock jump back by exactly a multiple of 4,096 messages, the store refuses the second (`create`), never mixes.
    """
    tail = UUID(conversation_id).int & _LOW62
    return uuid7(millis=int(now.timestamp() * 1000), low_bits=(seq & _SEQ_BITS) << 62 | tail)


def direct_conversation_id(one: str, other: str) -> str:
    """The id of the one conversation these two can have: the same for both, whoever asks first.

    Its time part is the later of the two accounts' creation, its random part a hash of the pair.
    """
    first, second = sorted((one, other))
    digest = hashlib.sha256(f"direct:{first}:{second}".encode()).digest()
    millis = max(UUID(first).int, UUID(second).int) >> 80
    return uuid7(millis=millis, low_bits=int.from_bytes(digest[:10], "big") & (1 << 74) - 1)


class Keep(Enum):
    """Told apart from None, which takes a thing away."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class LastMessage:
    """What the list shows of the newest message."""

    text: str = field(repr=False)
    sender_id: str
    seq: int
    sent_at: datetime
    attachments: int = 0
    """How many files it holds: beside them there may be no text."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """*between* holds the two people of a direct conversation, and is empty for a group."""

    id: str
    kind: str
    name: str | None
    created_at: datetime
    between: tuple[str, ...]
    last_seq: int
    last_message: LastMessage | None
    updated_at: datetime
    member_count: int = 2
    blocked_by: tuple[str, ...] = ()
    """Of a direct conversation: who blocks the other. While anybody does, neither writes."""
    avatar: str | None = None
    """A completed file's id; direct conversations bear the other's."""
    retain_days: int | None = None
    """How long messages are kept; None: for ever."""
    first_seq: int = 1
    """The oldest message that is left: what came before was removed when its time was over."""
    changed_on: str = ""
    """When its name, picture or places last changed: unique for the change."""

    def peer_of(self, user_id: str) -> str | None:
        """The other one of a direct conversation."""
        return next((person for person in self.between if person != user_id), None)


@dataclass(frozen=True, slots=True)
class DraftNote:
    """What the list shows of somebody's own draft."""

    text: str = field(repr=False)
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """One person's place in a conversation. *last_read_seq* is the only record of what was read."""

    user_id: str
    role: str
    joined_at: datetime
    last_read_seq: int
    last_read_at: datetime | None
    left_at: datetime | None = None
    """Who left, or was removed, is remembered for a while, so that clients that were away learn of it."""
    version: int = 1
    """Counts this person's joins and leaves."""
    draft: DraftNote | None = None
    """Nobody else's business."""
    name: str = field(default="", repr=False)
    """As their profile says, to find whom a text mentions; what is shown comes from the profile itself."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one person said. *seq* counts 1, 2, 3 … within the conversation, in the order everyone sees."""

    id: str
    conversation_id: str
    seq: int
    sender_id: str
    text: str = field(repr=False)
    sent_at: datetime
    reply_to: str | None = None
    mentions: tuple[str, ...] = ()
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who reacted, by emoji, in the order they did."""
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: str | None = None
    """Kept for moderators; nobody else is told."""
    version: int = 0
    """Counts its changes."""
    attachments: tuple[Attachment, ...] = ()
    claim: str | None = None
    """By which it holds its attachments; None without any."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be. *client_message_id* makes sending it again safe; None: each send is a new message.

    *file_ids* name what it is to hold; *attachments* and *claim* are there once it does (`attaching.py`).
    """

    sender_id: str
    text: str = field(repr=False)
    client_message_id: str | None = None
    reply_to: str | None = None
    mentions: tuple[str, ...] = ()
    """Worked out when it is sent, by who is there then."""
    keeps_draft: bool = False
    """What its sender is writing there is another matter: this one was scheduled."""
    file_ids: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    claim: str | None = None


def clean_message_text(text: str, *, attached: int = 0) -> str:
    """NFC, trimmed, 1 to 4,000 code points; empty beside something *attached* only.  Raises MessageRejected."""
    try:
        text = clean_text(text)
    except ValueError as error:
        raise MessageRejected(
            faults=[Fault("text", "control_characters", "Control characters are not allowed.")]
        ) from error
    if not text and not attached:
        raise MessageRejected(faults=[Fault("text", "required", "Write something, or attach a file.")])
    if len(text) > MAX_TEXT_CHARS:
        raise MessageRejected(faults=[Fault("text", "too_long", f"At most {MAX_TEXT_CHARS} characters.")])
    return text


def clean_group_name(name: str) -> str:
    """One line, NFC, 1 to 100 code points.  Raises Invalid."""
    try:
        name = " ".join(clean_text(name).split())
    except ValueError as error:
        raise Invalid.field("name", "control_character", "Control characters are not allowed.") from error
    if not name:
        raise Invalid.field("name", "required", "Give the group a name.")
    if len(name) > MAX_NAME_CHARS:
        raise Invalid.field("name", "too_long", f"At most {MAX_NAME_CHARS} characters.")
    return name


def unread_count(conversation: Conversation, member: Member) -> int:
    """Derived, never stored: sending moves the sender's own cursor, so what is left was said by others."""
    return max(0, conversation.last_seq - max(member.last_read_seq, conversation.first_seq - 1))
