"""What changed in a person's conversations since a cursor: for clients that were away.

Two questions. Which conversations: the person's own `in:` items, in the order in which changes made themselves known to
them (`touch`: at once after a quiet minute, then at most once a minute). What in them: one query each, by `changedAt`.
Both look back a little further than the cursor says, since clocks differ and what follows a write may be late; what
was handed out in that overlap is remembered in the cursor, so that nothing comes twice for no reason.
Every change is handed out as things are now, and applying it twice does no harm.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.access import is_present
from domain.chat.attached import links_to
from domain.chat.conversations import Conversations
from domain.chat.drafts import DRAFT, SavedDraft, no_draft, standing_draft
from domain.chat.lateness import look_back
from domain.chat.model import partition_of
from domain.chat.planning import TOUCH_EVERY
from domain.chat.ports import Attachments
from domain.chat.records import HEAD, LATE, MEMBER, member_of, membership_id, message_of
from domain.chat.scheduled import scheduled_of
from domain.chat.views import message_view
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, Query

KEPT: Final = timedelta(days=90)
"""How old a cursor may be: what was left or deleted is remembered a little longer."""

OVERLAP: Final = timedelta(seconds=10)
"""By how much clocks of instances may differ, and a write be seen after its own time stamp."""

PLACES_OVERLAP: Final = 2 * TOUCH_EVERY

CONVERSATIONS_A_PAGE: Final = 20
MAX_REMEMBERED: Final = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """*since*: everything before is known. The rest is the way through one round, which began at *until*."""

    since: str
    until: str | None = None
    place: str | None = None
    """The `changedAt` of the last conversation gone through."""
    within: tuple[str, str] | None = None
    """A conversation not gone through to the end, and the `changedAt` of its last change handed out."""
    given: tuple[str, ...] = ()
    """Digests of what was handed out in the overlap."""


@dataclass(frozen=True, slots=True)
class SyncPage:
    changes: list[dict[str, Any]]
    cursor: Cursor
    has_more: bool


@dataclass(slots=True)
class _Round:
    """One page in the making."""

    me: str
    cursor: Cursor
    until: str
    limit: int
    changes: list[dict[str, Any]]
    given: list[str]
    renewed: list[Item]
    """Places whose conversation itself changed: its row is added at the end."""

    @property
    def overlap(self) -> str:
        return to_iso(from_iso(self.until) - OVERLAP)

    @property
    def room_left(self) -> int:
        return self.limit - len(self.changes)

    def is_news(self, key: str, version: str, changed_at: str) -> bool:
        """Whether this was not handed out already; remembers it where it could come again."""
        mark = hashlib.sha256(f"{key}:{version}".encode()).hexdigest()[:10]
        if mark in self.cursor.given or mark in self.given:
            return False
        if changed_at >= self.overlap:
            self.given.append(mark)
        return True


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

        One query for the conversations, one `find_many`, one query for each that changed (20 at most), and one
        `find_many` where a conversation itself is new or changed.
        """
        now = self._clock.now()
        if now - from_iso(cursor.since) > KEPT:
            return None
        until = cursor.until or to_iso(now)
        step = _Round(me, cursor, until, limit, [], [], [])
        places = await self._places(me, cursor)
        more = len(places) > CONVERSATIONS_A_PAGE
        places = places[:CONVERSATIONS_A_PAGE]
        entered, drafts = await self._look(me, places)
        done, within = cursor.place, None
        for place in places:
            if step.room_left <= 0:
                more = True
                break
            if place["type"] in {"draft", "scheduled"}:
                _tell_own(step, place, drafts.get(place["conversationId"]))
                done = place["changedAt"]
                continue
            within = await self._go_through(step, place, entered)
            if not (cursor.within and place["conversationId"] == cursor.within[0]):
                done = place["changedAt"]
            if within is not None:
                more = True
                break
        rows = await self._conversations.rows(me, step.renewed) if step.renewed else []
        step.changes[:0] = [{"type": "conversation", "data": row} for row in rows]
        given = tuple(dict.fromkeys((*step.given, *cursor.given)))[:MAX_REMEMBERED]
        if more:
            return SyncPage(
                step.changes, replace(cursor, until=until, place=done, within=within, given=given), has_more=True
            )
        return SyncPage(step.changes, Cursor(until, given=given), has_more=False)

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
        self, step: _Round, place: Item, entered: Mapping[str, Item | None]
    ) -> tuple[str, str] | None:
        """Add what changed in one conversation. Returns where to go on when the page is full."""
        conversation_id = place["conversationId"]
        recent = place["changedAt"] >= to_iso(from_iso(step.cursor.since) - OVERLAP)
        if conversation_id not in entered:
            if (recent or place["type"] == "membership") and step.is_news(
                place["id"], place["changedAt"], place["changedAt"]
            ):
                step.changes.append({"type": "left", "data": {"conversationId": conversation_id}})
            return None
        begun = step.cursor.within
        if begun and begun[0] == conversation_id:
            above = begun[1]
        else:
            floor = from_iso(step.cursor.since) - OVERLAP
            above = to_iso(look_back(floor, entered[conversation_id]))
            muted_on = place.get("mutedOn", "")
            if muted_on >= to_iso(floor) and step.is_news(f"muted:{conversation_id}", muted_on, muted_on):
                step.renewed.append(place)
        limit = max(1, step.room_left)
        query = Query(order="changedAt", above=above, limit=limit)
        found = await self._documents.query(CHAT, partition_of(conversation_id), query)
        for stored in found:
            item = stored.item
            if item["id"] == HEAD:
                is_news = step.is_news(conversation_id, item["changedAt"], item["changedAt"])
                if is_news and place not in step.renewed:  # each message moves its etag
                    step.renewed.append(place)
            elif step.is_news(item["id"], stored.etag, item["changedAt"]):
                step.changes.append(await self._change(conversation_id, item))
        return (conversation_id, found[-1].item["changedAt"]) if len(found) == limit else None

    async def _change(self, conversation_id: str, item: Item) -> dict[str, Any]:
        if item["type"] != "message":
            return _participant(conversation_id, item)
        message = message_of(item)
        data = message_view(message, links=await links_to(self._attachments, [message]))
        del data["readBy"]  # told by the participants' cursors
        return {"type": "message", "data": data}


def _tell_own(step: _Round, item: Item, draft: SavedDraft | None) -> None:
    """What is nobody else's: a scheduled message, or what a draft's pointer leads to by now."""
    if item["changedAt"] < to_iso(from_iso(step.cursor.since) - OVERLAP):
        return
    if item["type"] == "scheduled":
        data = scheduled_of(item).view()
    else:
        data = draft.view() if draft else no_draft(item["conversationId"])
    if step.is_news(item["id"], str(data), item["changedAt"]):
        step.changes.append({"type": item["type"], "data": data})


def _participant(conversation_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    member = member_of(dict(item))
    return {
        "type": "participant",
        "data": {
            "conversationId": conversation_id,
            "userId": member.user_id,
            "role": member.role,
            "lastReadSeq": member.last_read_seq,
            "lastReadAt": _iso(member.last_read_at),
            "leftAt": _iso(member.left_at),
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return to_iso(moment) if moment else None
