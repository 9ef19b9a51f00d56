"""A message by its id, for who may see it."""

from dataclasses import dataclass

from domain.chat.access import Room, look_into, refusal
from domain.chat.errors import MessageNotFound, NotParticipant
from domain.chat.known import Known
from domain.chat.mentions import find_mentioned
from domain.chat.model import Message, partition_of
from domain.chat.records import find_message
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Stored
from domain.kernel.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Found:
    """A message, and where it was said, as whoever asked sees it."""

    stored: Stored
    message: Message
    room: Room

    def mentioned(self, text: str) -> tuple[str, ...]:
        """Whom *text* mentions in place of the message's own: of those who are there now."""
        room = self.room
        is_group = not room.conversation.between
        return find_mentioned(text, sender_id=self.message.sender_id, members=room.members, is_group=is_group)

    @property
    def is_held(self) -> bool:
        """Whether the conversation is under a legal hold."""
        return bool(self.room.head.item.get("held"))

    def check_open(self) -> None:
        """Raises Forbidden while one of the two blocks the other: a changed message would be a way to write."""
        if self.room.conversation.blocked_by:
            raise Forbidden


async def look_up(documents: DocumentStore, known: Known, me: str, message_id: str, *, moderates: bool) -> Found:
    """Two document calls. Strangers of a direct conversation learn nothing: for them there is no such message.

    Who *moderates* the platform finds any. Raises MessageNotFound, NotParticipant.
    """
    pk = partition_of(message_id)
    stored = await documents.find(CHAT, pk, message_id)
    room = await look_into(documents, pk, me)
    if room is None:
        raise MessageNotFound
    if room.is_entered:
        known.note(room.conversation, me)
    elif not moderates:
        if isinstance(refusal(room.head.item), NotParticipant):
            raise NotParticipant
        raise MessageNotFound
    message = find_message(stored)
    if stored is None or message is None:
        raise MessageNotFound
    return Found(stored, message, room)
