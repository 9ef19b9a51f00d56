"""Who may see a conversation."""

from dataclasses import dataclass

from domain.chat.errors import ConversationNotFound, NotParticipant
from domain.chat.model import Conversation, Member, partition_of
from domain.chat.records import HEAD, ROOM, conversation_of, member_of
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation, everyone in it in the order of their ids, and whoever asked."""

    conversation: Conversation
    members: tuple[Member, ...]
    _me: Member | None

    @property
    def me(self) -> Member:
        if self._me is None:
            msg = "nobody in particular entered this room"
            raise RuntimeError(msg)
        return self._me


MAX_MEMBERS = 500


async def enter(documents: DocumentStore, conversation_id: str, user_id: str | None) -> Room:
    """Read a conversation as *user_id*, or as a job (None). One document call.

    Raises:
        ConversationNotFound: absent, or a direct conversation of others.
        NotParticipant: a group, and *user_id* is not in it.
    """
    pk = partition_of(conversation_id)
    items = [stored.item for stored in await documents.query(CHAT, pk, Query(starts=ROOM, limit=MAX_MEMBERS + 1))]
    head = next((item for item in items if item["id"] == HEAD), None)
    if head is None or head["conversationId"] != conversation_id:
        raise ConversationNotFound
    members = tuple(member_of(item) for item in items if item["type"] == "member")
    me = next((member for member in members if member.user_id == user_id), None)
    if user_id is not None and me is None:
        if head["between"]:
            raise ConversationNotFound
        raise NotParticipant
    return Room(conversation_of(head), members, me)
