"""Reading messages: pages by `seq`, and the way back to an id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.chat.access import Room, enter
from domain.chat.attached import links_to
from domain.chat.known import Known
from domain.chat.model import Message, partition_of
from domain.chat.ports import Attachments
from domain.chat.records import message_of
from domain.chat.views import message_view
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query
from domain.kernel.ids import uuid7

PAGE: Final = 50
MAX_PAGE: Final = 100
MAX_CATCH_UP: Final = 1000
"""With `after`: what a client missed comes in one request (the contract)."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """*items* in `seq` order. *has_more*: there is more in the direction asked for."""

    items: list[dict[str, Any]]
    has_more: bool
    first_seq: int
    """The oldest that is left: before it, history ends."""


class History:
    def __init__(self, documents: DocumentStore, attachments: Attachments, known: Known) -> None:
        self._documents = documents
        self._attachments = attachments
        self._known = known

    async def page(
        self,
        me: str,
        conversation_id: str,
        *,
        limit: int = PAGE,
        before: int | datetime | None = None,
        after: int | None = None,
    ) -> MessagePage:
        """The newest page, or the one before or after a `seq` (or before a moment).

        Two document calls: who is here with what they have read, and the page; its cost does not grow with the
        conversation. One more for a moment.

        Raises:
            ConversationNotFound, NotParticipant.
        """
        room = await enter(self._documents, conversation_id, me)
        self._known.note(room.conversation, me)
        pk = partition_of(conversation_id)
        if isinstance(before, datetime):
            before = await self._seq_at(pk, before)
        query = Query(order="seq", descending=after is None, above=after, below=before, limit=limit)
        page = [message_of(stored.item) for stored in await self._documents.query(CHAT, pk, query)]
        if after is None:
            page.reverse()
        links = await links_to(self._attachments, page)
        items = [message_view(each, room.members, links) for each in page]
        return MessagePage(items, _has_more(page, room, after), room.conversation.first_seq)

    async def _seq_at(self, pk: str, moment: datetime) -> int:
        """The first seq at or after *moment*: ids begin with their time, so the store finds it by id."""
        floor = uuid7(millis=int(moment.timestamp() * 1000), low_bits=0)
        last = await self._documents.query(
            CHAT, pk, Query(order="id", descending=True, below=floor, eq={"type": "message"}, limit=1)
        )
        return last[0].item["seq"] + 1 if last else 0


def _has_more(page: list[Message], room: Room, after: int | None) -> bool:
    """`seq` has no gaps, so the numbers tell."""
    if not page:
        return False
    return page[-1].seq < room.conversation.last_seq if after is not None else page[0].seq > room.conversation.first_seq
