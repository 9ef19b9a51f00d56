"""Searching by reading: for Cosmos DB, whose containers index no text.

One query a conversation, newest messages first, filtered here: `CONTAINS` would read the same items at the same price,
and know case only. The bound: 1,000 messages (about 40 RU) in one conversation, 200 each (about 8 RU each) in the 20
busiest. What lies beyond is the next page's.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.chat.model import Message, partition_of
from domain.chat.records import message_of
from domain.chat.search import Hits, is_hit
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query

ROOMS: Final = 20
IN_ONE: Final = 1000
IN_EACH: Final = 200
_AFTER_MESSAGES: Final = "1"
"""Message ids begin with a zero until the year 4199, all other ids of a conversation with a letter."""


class ScanningIndex:
    """A `MessageIndex` over any document store."""

    def __init__(
        self, documents: DocumentStore, *, rooms: int = ROOMS, in_one: int = IN_ONE, in_each: int = IN_EACH
    ) -> None:
        self.rooms = rooms
        self._documents = documents
        self._in_one = in_one
        self._in_each = in_each

    async def find(
        self, conversation_ids: Sequence[str], wanted: Sequence[str], *, below: str | None, limit: int
    ) -> Hits:
        depth = self._in_one if len(conversation_ids) == 1 else self._in_each
        pages = await asyncio.gather(*(self._newest(room, below, depth) for room in conversation_ids))
        # Older than this, some conversation has messages that were not read: hits below it wait for the next page.
        frontier = max((page[-1].id for page in pages if len(page) == depth), default=None)
        read = [message for page in pages for message in page if frontier is None or message.id >= frontier]
        hits = sorted((message for message in read if is_hit(message, wanted)), key=lambda hit: hit.id, reverse=True)
        if len(hits) > limit:
            return Hits(hits[:limit], hits[limit - 1].id)
        return Hits(hits, frontier)

    async def forget(self, conversation_id: str, *, before: datetime) -> None:
        """There is nothing but the store."""

    async def close(self) -> None:
        """The document store is not ours to close."""

    async def _newest(self, conversation_id: str, below: str | None, depth: int) -> list[Message]:
        query = Query(order="id", descending=True, below=below or _AFTER_MESSAGES, eq={"type": "message"}, limit=depth)
        found = await self._documents.query(CHAT, partition_of(conversation_id), query)
        return [message_of(stored.item) for stored in found]
