"""Drafts: what somebody has begun to write in a conversation, the same on all their devices.

The text lies beside the conversation (`draft:<userId>`), and the person's place there bears a note of it. The place is
what a send rewrites anyway: so sending takes the note off in its own batch, for no further call, and without its note
a draft is no more. A pointer in the person's own partition tells devices that were away
(docs/adr/0170-a-draft-is-noted-on-the-place.md).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.access import admit, is_present
from domain.chat.behind import Behind
from domain.chat.errors import DraftNotFound
from domain.chat.model import SNIPPET_CHARS, partition_of
from domain.chat.races import until_won
from domain.chat.records import HEAD, LEFT_KEPT, MEMBER, changed_key
from domain.chat.views import event
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Delete,
    DocumentStore,
    Item,
    Operation,
    Patch,
    Replace,
    Stored,
    Upsert,
)
from domain.kernel.realtime import Realtime

DRAFT: Final = "draft:"
"""In the conversation, before the user's id: the draft. In the person's partition, before the conversation's: that it
changed."""

KEPT: Final = timedelta(days=30)
"""How long a draft is kept after it was last saved. What was sent from one may lie there as long, though unread."""


@dataclass(frozen=True, slots=True)
class SavedDraft:
    conversation_id: str
    text: str = field(repr=False)
    reply_to: str | None
    saved_at: datetime

    def view(self) -> dict[str, Any]:
        return {
            "conversationId": self.conversation_id,
            "text": self.text,
            "replyTo": self.reply_to,
            "updatedAt": to_iso(self.saved_at),
        }


Expected = Callable[[SavedDraft | None], None]
"""Raises when the draft is not the one that the caller has seen."""


class Drafts:
    """Every method may raise ConversationNotFound, NotParticipant, Unavailable; those that write, ConversationBusy."""

    def __init__(self, documents: DocumentStore, realtime: Realtime, behind: Behind, clock: Clock) -> None:
        self._documents = documents
        self._realtime = realtime
        self._behind = behind
        self._clock = clock

    async def get(self, me: str, conversation_id: str) -> SavedDraft:
        """One document call. Raises DraftNotFound."""
        draft, _, _ = await self._read(me, conversation_id)
        if draft is None:
            raise DraftNotFound
        return draft

    async def save(
        self, me: str, conversation_id: str, text: str, reply_to: str | None, *, expected: Expected | None = None
    ) -> SavedDraft:
        """Put *text* in the place of what was drafted: the last writer wins, unless it *expected* something else.

        One `find_many`, one batch, one upsert. Safe to repeat. What *expected* raises flies through.
        """

        async def attempt() -> SavedDraft:
            current, place, stored = await self._read(me, conversation_id)
            if expected:
                expected(current)
            now = self._clock.now()
            draft = SavedDraft(conversation_id, text, reply_to, now)
            item = draft_item(draft, me)
            write: Operation = Replace(item, if_match=stored.etag) if expected and stored else Upsert(item)
            note = {"text": text[:SNIPPET_CHARS], "savedAt": to_iso(now)}
            noted = Patch(MEMBER + me, set={"draft": note}, if_match=place.etag if expected else None)
            await self._documents.batch(CHAT, item["pk"], [write, noted])
            await self._make_known(me, conversation_id, now, draft.view())
            return draft

        return await until_won(attempt)

    async def clear(self, me: str, conversation_id: str) -> None:
        """Forget the draft. None is fine. One `find_many` and, if there was one, one batch and one upsert."""

        async def attempt() -> None:
            draft, _, stored = await self._read(me, conversation_id)
            if draft is None or stored is None:
                return
            steps: list[Operation] = [Delete(DRAFT + me, if_match=stored.etag), Patch(MEMBER + me, set={"draft": None})]
            await self._documents.batch(CHAT, stored.item["pk"], steps)
            await self._make_known(me, conversation_id, self._clock.now(), no_draft(conversation_id))

        await until_won(attempt)

    async def _read(self, me: str, conversation_id: str) -> tuple[SavedDraft | None, Stored, Stored | None]:
        """The draft that stands, the person's place, and what lies there, which may have been sent long ago."""
        pk = partition_of(conversation_id)
        *room, stored = await self._documents.find_many(CHAT, [(pk, HEAD), (pk, MEMBER + me), (pk, DRAFT + me)])
        _, place = admit(room, conversation_id)
        return standing_draft(place, stored), place, stored

    async def _make_known(self, me: str, conversation_id: str, now: datetime, data: dict[str, Any]) -> None:
        """To the person's devices: those that are there hear it, the others find the pointer when they sync.

        Before the answer: whoever got none saves again.
        """
        await self._documents.upsert(CHAT, pointer_item(me, conversation_id, now))
        frame = event("draft.updated", f"{conversation_id}:{me}:draft:{to_iso(now)}", data)
        self._behind.run(self._realtime.send_to_user(me, frame))


def standing_draft(place: Stored | None, stored: Stored | None) -> SavedDraft | None:
    """The draft of who has this place, unless it was sent, or they left."""
    if place is None or stored is None or not is_present(place.item) or not place.item.get("draft"):
        return None
    item = stored.item
    return SavedDraft(item["conversationId"], item["text"], item["replyTo"], from_iso(item["savedAt"]))


def no_draft(conversation_id: str) -> dict[str, Any]:
    """What is told where a draft was."""
    return {"conversationId": conversation_id, "text": None, "replyTo": None, "updatedAt": None}


def draft_item(draft: SavedDraft, user_id: str) -> Item:
    return {
        "id": DRAFT + user_id,
        "pk": partition_of(draft.conversation_id),
        "type": "draft",
        "conversationId": draft.conversation_id,
        "text": draft.text,
        "replyTo": draft.reply_to,
        "savedAt": to_iso(draft.saved_at),
        "ttl": int(KEPT.total_seconds()),
    }


def pointer_item(user_id: str, conversation_id: str, now: datetime) -> Item:
    """Tells the person's own devices that the draft changed: `changedAt` is what they sync by."""
    return {
        "id": DRAFT + conversation_id,
        "pk": user_id,
        "type": "draft",
        "conversationId": conversation_id,
        "changedAt": changed_key(now, DRAFT + conversation_id),
        "ttl": int(LEFT_KEPT.total_seconds()),
    }
