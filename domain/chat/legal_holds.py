"""Legal holds: while a conversation or a person is under one, retention removes nothing of theirs, and what members
edit or delete stays readable for moderators.

The hold is an item of the partition `holds`, written with its line of the trail. The heads of the conversations follow
(`held`), so that a removal under way loses its batch; a person's follow by the queue, and once a day for what they came
into since. Whoever settles a conversation looks at the holds as they are by then: in any order, as often as you like.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from domain.chat.access import Room, look_into
from domain.chat.errors import ConversationBusy
from domain.chat.model import partition_of
from domain.chat.races import RACES
from domain.chat.records import EDITS_KEPT, HEAD, due_key, membership_id
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, ItemNotFound, ItemStale, Patch, Query, Replace
from domain.kernel.outbox import Queue

HOLDS: Final = "holds"
"""The partition of all holds and their trail: few are written, and administrators read them as one list."""

HOLD: Final = "hold:"
CONVERSATION: Final = "conversation"
PERSON: Final = "person"
OPEN: Final = "hold.open"
_PAGE: Final = 1000
_EDITS_A_BATCH: Final = 90


@dataclass(frozen=True, slots=True)
class LegalHold:
    """*kind* is `conversation` or `person`, *subject_id* whose."""

    kind: str
    subject_id: str
    reason: str = field(repr=False)
    set_by: str
    since: datetime


def hold_id(kind: str, subject_id: str) -> str:
    return f"{HOLD}{kind}:{subject_id}"


def legal_hold_item(hold: LegalHold) -> Item:
    return {
        "id": hold_id(hold.kind, hold.subject_id),
        "pk": HOLDS,
        "type": OPEN,
        "activeOn": f"{to_iso(hold.since)}:{hold.kind}:{hold.subject_id}",
        "kind": hold.kind,
        "subjectId": hold.subject_id,
        "reason": hold.reason,
        "setBy": hold.set_by,
        "since": to_iso(hold.since),
    }


def legal_hold_of(item: Item) -> LegalHold:
    return LegalHold(item["kind"], item["subjectId"], item["reason"], item["setBy"], from_iso(item["since"]))


async def open_holds(documents: DocumentStore) -> list[LegalHold]:
    """All of them: one query a thousand."""
    holds: list[LegalHold] = []
    above = None
    while True:
        page = await documents.query(CHAT, HOLDS, Query(starts=HOLD, above=above, limit=_PAGE))
        holds += [legal_hold_of(stored.item) for stored in page]
        if len(page) < _PAGE:
            return holds
        above = page[-1].item["id"]


async def is_under_hold(documents: DocumentStore, room: Room) -> bool:
    """Whether the conversation is, or anybody who is in it or left it in the last 91 days. One query at most."""
    if room.head.item.get("held"):
        return True
    return _is_any_held(room, await open_holds(documents))


def _is_any_held(room: Room, holds: Sequence[LegalHold]) -> bool:
    people = {member.user_id for member in (*room.members, *room.former)}
    return any(
        hold.subject_id == room.conversation.id if hold.kind == CONVERSATION else hold.subject_id in people
        for hold in holds
    )


async def settle_conversation(documents: DocumentStore, clock: Clock, conversation_id: str) -> None:
    """Have the head say whether the conversation is under a hold by now, and its edits kept accordingly.

    Three queries, and one patch if that changes. Safe to repeat. Raises ConversationBusy.
    """
    pk = partition_of(conversation_id)
    for _ in range(RACES):
        room = await look_into(documents, pk, None)
        if room is None or room.conversation.id != conversation_id:
            return
        wanted = _is_any_held(room, await open_holds(documents))
        if wanted == bool(room.head.item.get("held")):
            if await _keep_edits(documents, pk, for_good=wanted):
                return  # nothing was left to do: so what was done holds
            continue
        change = Patch(HEAD, remove=("held",), if_match=room.head.etag)
        if wanted:
            change = Patch(HEAD, set={"held": True}, if_match=room.head.etag)
        elif room.conversation.retain_days is not None:
            due = due_key(clock.now(), conversation_id)
            change = Patch(HEAD, remove=("held",), set={"dueAt": due}, if_match=room.head.etag)
        try:
            await documents.patch(CHAT, pk, change)
        except (ItemStale, ItemNotFound):
            continue
    raise ConversationBusy(retry_after=1)


async def _keep_edits(documents: DocumentStore, pk: str, *, for_good: bool) -> bool:
    """What messages said before: kept for good, or for 90 days from now. True if that was so already."""
    was_so, above = True, None
    while True:
        page = await documents.query(CHAT, pk, Query(starts="edit:", above=above, limit=_EDITS_A_BATCH))
        wrong = [stored for stored in page if ("ttl" not in stored.item) != for_good]
        if wrong:
            was_so = False
            steps = [Replace(_with_ttl(stored.item, for_good=for_good), if_match=stored.etag) for stored in wrong]
            try:
                await documents.batch(CHAT, pk, steps)
            except (ItemStale, ItemNotFound):
                return False  # one expired, or somebody else settles: the caller looks again
        if len(page) < _EDITS_A_BATCH:
            return was_so
        above = page[-1].item["id"]


def _with_ttl(item: Item, *, for_good: bool) -> Item:
    bare = {name: value for name, value in item.items() if name != "ttl"}
    return bare if for_good else {**bare, "ttl": int(EDITS_KEPT.total_seconds())}


async def conversations_of(documents: DocumentStore, user_id: str) -> list[str]:
    """The conversations that somebody is in, or left in the last 91 days: one query a thousand."""
    found: list[str] = []
    above = None
    while True:
        page = await documents.query(CHAT, user_id, Query(starts=membership_id(""), above=above, limit=_PAGE))
        found += [stored.item["conversationId"] for stored in page]
        if len(page) < _PAGE:
            return found
        above = page[-1].item["id"]


async def settle_hold_on(documents: DocumentStore, clock: Clock, kind: str, subject_id: str) -> None:
    """Settle everything that a hold on this subject is about, whether it stands or not. Safe to repeat."""
    rooms = [subject_id] if kind == CONVERSATION else await conversations_of(documents, subject_id)
    for room in rooms:
        await settle_conversation(documents, clock, room)


async def renew_holds(documents: DocumentStore, queue: Queue) -> int:
    """Have all that is under hold settled by the queue `chat`, daily: somebody may have come into a conversation since.

    Returns how many holds there are. Raises Unavailable.
    """
    holds = await open_holds(documents)
    for hold in holds:
        await queue.send("chat", hold_task(hold.kind, hold.subject_id))
    return len(holds)


def hold_task(kind: str, subject_id: str) -> dict[str, Any]:
    """What `settle_hold_on` is told."""
    return {"task": "legalHold", "kind": kind, "subjectId": subject_id}
