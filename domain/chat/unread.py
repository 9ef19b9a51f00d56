"""What somebody has missed: counted from receipts when it is asked for, never kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.chat.access import is_present
from domain.chat.model import Conversation, Member, Message, partition_of, unread_count
from domain.chat.presence import NOBODY, PLACES_SEEN, PRESENCE, attendance_of
from domain.chat.records import HEAD, MEMBER, conversation_of, member_of, message_of
from domain.kernel.clock import Clock
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query
from domain.kernel.missed import Missed

MUTED_SEEN: Final = 10
"""Muted conversations that are looked through for a mention."""

MESSAGES_SEEN: Final = 200
"""The newest of what is unread, when a mention is looked for."""


@dataclass(frozen=True, slots=True)
class Absence:
    """*missed* since *seen_at*, the last sign of life (None: none known); the last of it was said at *newest_at*.

    *is_active*: they are here now.
    """

    missed: Missed
    newest_at: datetime | None
    seen_at: datetime | None
    is_active: bool


class UnreadCount:
    """`domain.kernel.missed.Unread`."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def missed(self, user_id: str) -> Missed:
        return (await self.absence(user_id)).missed

    async def absence(self, user_id: str) -> Absence:
        """One query and one `find_many`, and a query for each muted conversation, ten at most. Raises Unavailable."""
        query = Query(order="activeOn", descending=True, eq={"type": "membership"}, limit=PLACES_SEEN)
        places = [stored.item for stored in await self._documents.query(CHAT, user_id, query)]
        rooms = [partition_of(place["conversationId"]) for place in places]
        keys = [key for pk in rooms for key in ((pk, HEAD), (pk, MEMBER + user_id))]
        presence, *found = await self._documents.find_many(CHAT, [(user_id, PRESENCE), *keys])
        now = self._clock.now()
        attendance = attendance_of(presence.item) if presence else NOBODY
        seen_at = attendance.last_seen(now)
        counts: list[int] = []
        newest_at: datetime | None = None
        muted = MUTED_SEEN
        for place, head, mine in zip(places, found[::2], found[1::2], strict=True):
            if head is None or mine is None or not is_present(mine.item):
                continue
            conversation, member = conversation_of(head.item), member_of(mine.item)
            count = unread_count(conversation, member)
            if count == 0 or (seen_at is not None and conversation.updated_at <= seen_at):
                continue
            if place.get("muted"):
                muted -= 1
                if muted < 0 or not await self._is_mentioned(conversation, member):
                    continue
            counts.append(count)
            newest_at = max(conversation.updated_at, newest_at or conversation.updated_at)
        return Absence(Missed(sum(counts), len(counts)), newest_at, seen_at, attendance.is_active(now))

    async def _is_mentioned(self, conversation: Conversation, member: Member) -> bool:
        said = await read_newest(self._documents, conversation.id, after=member.last_read_seq)
        return any(member.user_id in message.mentions for message in said)


async def read_newest(documents: DocumentStore, conversation_id: str, *, after: int) -> Sequence[Message]:
    """What was said after the seq *after* and not taken back; of more than `MESSAGES_SEEN`, the newest. One query."""
    query = Query(order="seq", above=after, descending=True, limit=MESSAGES_SEEN)
    found = await documents.query(CHAT, partition_of(conversation_id), query)
    messages = [message_of(stored.item) for stored in found]
    return [message for message in messages if message.deleted_at is None]
