"""Searching what was said, in the conversations the caller is in and in no others.

A message is found when each word of the search begins one of its words; case and accents do not matter. Deleted text
is not found: whatever an index says, a hit is the message as the store has it now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from domain.chat.access import enter, is_present
from domain.chat.attached import links_to
from domain.chat.model import Member, Message, partition_of
from domain.chat.ports import Attachments
from domain.chat.records import MEMBER
from domain.chat.views import message_view
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query
from domain.kernel.errors import Invalid
from domain.kernel.names import words

MAX_WORDS: Final = 10


@dataclass(frozen=True, slots=True)
class Hits:
    """*messages*, the newest first. *next_below*: the message id to go on below; None: all was looked at."""

    messages: list[Message]
    next_below: str | None


class MessageIndex(Protocol):
    rooms: int
    """How many conversations one search may look through, the busiest first."""

    async def find(
        self, conversation_ids: Sequence[str], wanted: Sequence[str], *, below: str | None, limit: int
    ) -> Hits:
        """Messages with all the *wanted* words; may be fewer than *limit* though there are more. Raises Unavailable."""
        ...

    async def forget(self, conversation_id: str, *, before: datetime) -> None:
        """What was said there *before* is not to be found any more. Safe to repeat. Raises Unavailable."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SearchPage:
    items: list[dict[str, Any]]
    next_below: str | None


class Search:
    def __init__(self, documents: DocumentStore, attachments: Attachments, index: MessageIndex) -> None:
        self._documents = documents
        self._attachments = attachments
        self._index = index

    async def in_conversation(
        self, me: str, conversation_id: str, text: str, *, limit: int, below: str | None = None
    ) -> SearchPage:
        """One query for the room, and what the index needs. Raises ConversationNotFound, NotParticipant, Invalid."""
        wanted = clean_search(text)
        room = await enter(self._documents, conversation_id, me)
        hits = await self._index.find([conversation_id], wanted, below=below, limit=limit)
        return await self._page(hits, room.members)

    async def everywhere(self, me: str, text: str, *, limit: int, below: str | None = None) -> SearchPage:
        """In the caller's busiest conversations: one query and one `find_many`, and what the index needs.

        The person's list may lag behind, so each conversation is asked whether they are still in it. Raises Invalid.
        """
        wanted = clean_search(text)
        query = Query(order="activeOn", descending=True, eq={"type": "membership"}, limit=self._index.rooms)
        listed = [stored.item["conversationId"] for stored in await self._documents.query(CHAT, me, query)]
        keys = [(partition_of(conversation_id), MEMBER + me) for conversation_id in listed]
        places = await self._documents.find_many(CHAT, keys) if keys else []
        mine = [room for room, place in zip(listed, places, strict=True) if place and is_present(place.item)]
        hits = await self._index.find(mine, wanted, below=below, limit=limit) if mine else Hits([], None)
        return await self._page(hits)

    async def _page(self, hits: Hits, readers: Sequence[Member] = ()) -> SearchPage:
        links = await links_to(self._attachments, hits.messages)
        return SearchPage([message_view(message, readers, links) for message in hits.messages], hits.next_below)


def clean_search(text: str) -> list[str]:
    """The words to look for, folded. Raises Invalid."""
    wanted = list(dict.fromkeys(words(text)))
    if not wanted:
        raise Invalid.field("q", "no_words", "Write at least one word.")
    if len(wanted) > MAX_WORDS:
        raise Invalid.field("q", "too_many_words", f"At most {MAX_WORDS} words.")
    return wanted


def is_hit(message: Message, wanted: Sequence[str]) -> bool:
    """The one rule, whatever the index: each wanted word begins one of the message's."""
    said = words(message.text)
    return all(any(word.startswith(each) for word in said) for each in wanted)
