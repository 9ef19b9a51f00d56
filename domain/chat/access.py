"""Who may see a conversation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.chat.errors import ConversationNotFound, NotParticipant
from domain.chat.model import Conversation, Member, partition_of
from domain.chat.records import HEAD, ROLL, ROOM, conversation_of, member_of
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, Query, Stored

MAX_MEMBERS: Final = 500
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation, everyone in it in the order of their ids, and whoever asked.

    *former* are those who left, as long as that is remembered.
    """

    head: Stored
    conversation: Conversation
    members: tuple[Member, ...]
    former: tuple[Member, ...]
    _roll: Stored | None
    _me: Member | None

    @property
    def me(self) -> Member:
        if self._me is None:
            msg = "nobody in particular entered this room"
            raise RuntimeError(msg)
        return self._me

    def get_roll(self) -> Stored:
        """The item that each change of a group rewrites."""
        if self._roll is None:
            msg = "direct conversations have no roll"
            raise RuntimeError(msg)
        return self._roll

    @property
    def is_entered(self) -> bool:
        """Whether whoever asked is in it."""
        return self._me is not None

    def find(self, user_id: str) -> Member | None:
        return next((member for member in self.members if member.user_id == user_id), None)


async def enter(documents: DocumentStore, conversation_id: str, user_id: str | None) -> Room:
    """Read a conversation as *user_id*, or as a job (None). One document call.

    Raises:
        ConversationNotFound: absent, or a direct conversation of others.
        NotParticipant: a group, and *user_id* is not in it.
    """
    room = await look_into(documents, partition_of(conversation_id), user_id)
    if room is None or room.conversation.id != conversation_id:
        raise ConversationNotFound
    if user_id is not None and not room.is_entered:
        raise refusal(room.head.item)
    return room


async def look_into(documents: DocumentStore, pk: str, user_id: str | None) -> Room | None:
    """The room of a partition, whether or not *user_id* is in it. One document call up to a thousand places."""
    stored: list[Stored] = []
    page: list[Stored] = []
    after = None
    while after is None or len(page) == _PAGE:
        page = await documents.query(CHAT, pk, Query(starts=ROOM, above=after, limit=_PAGE))
        stored += page
        after = page[-1].item["id"] if page else ""
    head = next((each for each in stored if each.item["id"] == HEAD), None)
    if head is None:
        return None
    places = [member_of(each.item) for each in stored if each.item["type"] == "member"]
    members = tuple(member for member in places if member.left_at is None)
    former = tuple(member for member in places if member.left_at is not None)
    me = next((member for member in members if member.user_id == user_id), None)
    roll = next((each for each in stored if each.item["id"] == ROLL), None)
    return Room(head, conversation_of(head.item), members, former, roll, me)


def admit(found: Sequence[Stored | None], conversation_id: str) -> tuple[Stored, Stored]:
    """The same judgement from the head and one's own place alone: hands both back, or raises as `enter` does."""
    head, mine = found
    if head is None or head.item["conversationId"] != conversation_id:
        raise ConversationNotFound
    if mine is None or not is_present(mine.item):
        raise refusal(head.item)
    return head, mine


def is_present(place: Item) -> bool:
    """Whether a member item is that of somebody who is still there."""
    return place.get("leftAt") is None


def refusal(head: Item) -> ConversationNotFound | NotParticipant:
    """Strangers must not learn that two people talk to each other; that a group exists is no secret to former ones."""
    return ConversationNotFound() if head["between"] else NotParticipant()
