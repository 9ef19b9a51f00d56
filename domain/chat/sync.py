"""What changed in a person's conversations since a cursor: for clients that were away.

Two questions. Which conversations: the person's own `in:` items, in the order in which changes made themselves known to
them (`touch`: at once after a quiet minute, then at most once a minute). What in them: one query each, by `changedAt`.
Both look back a little further than the cursor says, since clocks differ and what follows a write may be late; what
was handed out in that overlap is remembered in the cursor, so that nothing comes twice for no reason.
Every change is handed out as things are now, and applying it twice does no harm.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from domain.chat.access import is_present
from domain.chat.attached import links_to
from domain.chat.conversations import Conversations
from domain.chat.drafts import DRAFT, SavedDraft, standing_draft
from domain.chat.model import partition_of
from domain.chat.planning import TOUCH_EVERY
from domain.chat.ports import Attachments
from domain.chat.records import HEAD, LATE, MEMBER, membership_id, message_of
from domain.chat.sync_page import (
    OVERLAP,
    Cursor,
    Look,
    Round,
    SyncPage,
    above,
    participant,
    tell_left,
    tell_muted,
    tell_own,
)
from domain.chat.views import message_view
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, Query

KEPT: Final = timedelta(days=90)
"""How old a cursor may be: what was left or deleted is remembered a little longer."""

PLACES_OVERLAP: Final = 2 * TOUCH_EVERY

CONVERSATIONS_A_PAGE: Final = 60
AT_ONCE: Final = 10
"""Conversations asked at the same time: a page waits for a tenth of its queries, one after the other."""
FIRST_LOOK: Final = 20
"""Changes asked for at least in each of those, more where the page has more room to share. What is read in vain,
because the page is full before, is about a page at most."""
MOST_AT_ONCE: Final = 500
"""Changes asked for in one query."""
MAX_REMEMBERED: Final = 100
OWN: Final = frozenset({"draft", "scheduled"})
"""Places that are nobody else's, and no conversations."""


class Sync:
    def __init__(
        self, documents: DocumentStore, attachments: Attachments, conversations: Conversations, clock: Clock
    ) -> None:
        self._documents = documents
        self._attachments = attachments
        self._conversations = conversations
        self._clock = clock

    def begin(self) -> Cursor:
        """For who knows everything up to now, or is about to read it."""
        return Cursor(to_iso(self._clock.now()))

    async def page(self, me: str, cursor: Cursor, *, limit: int) -> SyncPage | None:
        """At most *limit* changes, or a few more; None for a cursor older than what is kept.

        One query for the conversations, one `find_many`, one query for each that changed (60 at most, ten at a time)
        and more for one with much to tell, and one `find_many` where a conversation itself is new or changed.
        """
        now = self._clock.now()
        if now - from_iso(cursor.since) > KEPT:
            return None
        until = cursor.until or to_iso(now)
        step = Round(me, cursor, until, limit, [], to_iso(from_iso(until) - OVERLAP), {}, [])
        places = await self._places(me, cursor)
        more = len(places) > CONVERSATIONS_A_PAGE
        places = places[:CONVERSATIONS_A_PAGE]
        entered, drafts = await self._look(me, places)
        done, within, whole = await self._walk(step, places, entered, drafts)
        more = more or not whole
        rows = await self._conversations.rows(me, step.renewed) if step.renewed else []
        step.changes[:0] = [{"type": "conversation", "data": row} for row in rows]
        given = tuple(dict.fromkeys((*step.given, *cursor.given)))[:MAX_REMEMBERED]
        if more:
            return SyncPage(
                step.changes, replace(cursor, until=until, place=done, within=within, given=given), has_more=True
            )
        return SyncPage(step.changes, Cursor(until, given=given), has_more=False)

    async def _walk(
        self,
        step: Round,
        places: Sequence[Item],
        entered: Mapping[str, Item | None],
        drafts: Mapping[str, SavedDraft | None],
    ) -> tuple[str | None, tuple[str, str] | None, bool]:
        """Add what changed at *places*. Returns the cursor's `place` and `within`, and whether all was gone through."""
        done = step.cursor.place
        for some in _by_turns(places, step.cursor):
            if step.room_left <= 0:
                return done, None, False
            for place, seen in zip(some, await self._look_first(step, some, entered), strict=True):
                if step.room_left <= 0:
                    return done, None, False
                within = await self._go_through(step, place, drafts, seen)
                if not (step.cursor.within and place["conversationId"] == step.cursor.within[0]):
                    done = place["changedAt"]
                if within is not None:
                    return done, within, False
        return done, None, True

    async def _look_first(
        self, step: Round, places: Sequence[Item], entered: Mapping[str, Item | None]
    ) -> list[Look | None]:
        """The first changes of each, asked for at once; None where there is nothing to ask."""
        limit = min(step.room_left, MOST_AT_ONCE, max(FIRST_LOOK, step.room_left // len(places)))
        asked = [
            place["type"] not in OWN and place["conversationId"] in entered  # who was put out learns no more
            for place in places
        ]
        found = await asyncio.gather(
            *(
                self._ask(place["conversationId"], above(step, place, entered), limit)
                for place, wanted in zip(places, asked, strict=True)
                if wanted
            )
        )
        looks = iter(found)
        return [next(looks) if wanted else None for wanted in asked]

    async def _ask(self, conversation_id: str, after: str, limit: int) -> Look:
        query = Query(order="changedAt", above=after, limit=limit)
        found = await self._documents.query(CHAT, partition_of(conversation_id), query)
        return Look([(stored.item, stored.etag) for stored in found], after, full=len(found) == limit)

    async def _places(self, me: str, cursor: Cursor) -> list[Item]:
        """The `in:` items to go through: what was begun, then those that changed, oldest change first."""
        begun: list[Item] = []
        if cursor.within:
            place = await self._documents.find(CHAT, me, membership_id(cursor.within[0]))
            begun = [place.item] if place else []
        above = cursor.place or to_iso(from_iso(cursor.since) - PLACES_OVERLAP)
        query = Query(order="changedAt", above=above, limit=CONVERSATIONS_A_PAGE + 1)
        found = [stored.item for stored in await self._documents.query(CHAT, me, query)]
        ids = {place["id"] for place in begun}
        return [*begun, *(place for place in found if place["id"] not in ids)]

    async def _look(
        self, me: str, places: Sequence[Item]
    ) -> tuple[dict[str, Item | None], dict[str, SavedDraft | None]]:
        """What the conversations themselves say, in one call, which counts: of which *me* is in, what came late there;
        of which a draft changed, the draft as it is now."""
        listed = [place["conversationId"] for place in places if place["type"] == "membership"]
        drafted = [place["conversationId"] for place in places if place["type"] == "draft"]
        if not listed and not drafted:
            return {}, {}
        keys = [(partition_of(each), key) for each in listed for key in (MEMBER + me, LATE)]
        keys += [(partition_of(each), key) for each in drafted for key in (MEMBER + me, DRAFT + me)]
        found = await self._documents.find_many(CHAT, keys)
        pairs = list(zip(found[::2], found[1::2], strict=True))
        entered = {
            each: late.item if late else None
            for each, (mine, late) in zip(listed, pairs, strict=False)
            if mine is not None and is_present(mine.item)
        }
        drafts = zip(drafted, pairs[len(listed) :], strict=True)
        return entered, {each: standing_draft(mine, stored) for each, (mine, stored) in drafts}

    async def _go_through(
        self,
        step: Round,
        place: Item,
        drafts: Mapping[str, SavedDraft | None],
        look: Look | None,
    ) -> tuple[str, str] | None:
        """Add what changed at one place. Returns where to go on when the page is full."""
        conversation_id = place["conversationId"]
        if place["type"] in OWN:
            tell_own(step, place, drafts.get(conversation_id))
            return None
        if look is None:
            tell_left(step, place)
            return None
        if not (step.cursor.within and step.cursor.within[0] == conversation_id):
            tell_muted(step, place)
        while True:
            for item, etag in look.found:
                await self._tell(step, place, item, etag)
            if not look.full:
                return None
            if step.room_left <= 0:
                return conversation_id, look.last
            look = await self._ask(conversation_id, look.last, min(step.room_left, MOST_AT_ONCE))

    async def _tell(self, step: Round, place: Item, item: Item, etag: str) -> None:
        conversation_id = place["conversationId"]
        if item["id"] == HEAD:
            is_news = step.is_news(conversation_id, item["changedAt"], item["changedAt"])
            if is_news and place not in step.renewed:  # each message moves its etag
                step.renewed.append(place)
        elif step.is_news(item["id"], etag, item["changedAt"]):
            step.changes.append(await self._change(conversation_id, item))

    async def _change(self, conversation_id: str, item: Item) -> dict[str, Any]:
        if item["type"] != "message":
            return participant(conversation_id, item)
        message = message_of(item)
        data = message_view(message, links=await links_to(self._attachments, [message]))
        del data["readBy"]  # told by the participants' cursors
        return {"type": "message", "data": data}


def _by_turns(places: Sequence[Item], cursor: Cursor) -> list[Sequence[Item]]:
    """Which are asked together. A conversation with so much to tell that it was begun on another page goes alone: it
    may well fill this one, too, and the others would have been asked in vain.
    """
    alone = 1 if cursor.within and places and places[0]["conversationId"] == cursor.within[0] else 0
    turns = [places[first : first + AT_ONCE] for first in range(alone, len(places), AT_ONCE)]
    return [places[:alone], *turns] if alone else turns
