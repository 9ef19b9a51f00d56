"""Opening conversations and listing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.chat.access import enter, is_present
from domain.chat.blocking import block_keys, settle_blocks
from domain.chat.known import Known
from domain.chat.model import Conversation, Member, direct_conversation_id, partition_of
from domain.chat.places import Places, place_task
from domain.chat.records import (
    HEAD,
    MEMBER,
    conversation_of,
    head_item,
    member_item,
    member_of,
    membership_id,
)
from domain.chat.views import conversation_view, former_view
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Create, DocumentStore, Item, ItemExists, Query, Stored
from domain.kernel.errors import Forbidden, Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox
from domain.kernel.people import People, Person, person_key, read_person

FORMER_SHOWN: Final = 50
"""People who left, the latest first, that a conversation names."""


@dataclass(frozen=True, slots=True)
class Opened:
    """*created* is False when the conversation was there already."""

    view: dict[str, Any]
    created: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """*next_after* is the `activeOn` to go on below, or None at the end."""

    items: list[dict[str, Any]]
    next_after: str | None


class Conversations:
    """Every method may raise Unavailable."""

    def __init__(
        self,
        documents: DocumentStore,
        people: People,
        places: Places,
        outbox: Outbox,
        known: Known,
        clock: Clock,
        ids: Ids,
        *,
        retain_days: int | None = None,
    ) -> None:
        """*retain_days*: how long what is opened from now on keeps its messages; None: for ever."""
        self._documents = documents
        self._people = people
        self._places = places
        self._outbox = outbox
        self._known = known
        self._clock = clock
        self._ids = ids
        self._retain_days = retain_days

    async def open_direct(self, me: str, other: str) -> Opened:
        """The one conversation of these two, made if it is not there: both may open it at once.

        Raises:
            Invalid: *other* is *me*, or nobody one could talk to.
            Forbidden: one of them blocks the other.
        """
        if other == me:
            raise Invalid.field("participantIds[0]", "yourself", "Name somebody else.")
        keys = [person_key(me), person_key(other), *block_keys(me, other)]
        *found, mine, theirs = await self._documents.find_many(CHAT, keys)
        people = _people(found)
        if mine is not None or theirs is not None:
            raise Forbidden
        if other not in people or people[other].status != "active":
            raise Invalid.field("participantIds[0]", "unknown_person", "There is nobody here with this id.")
        now = self._clock.now()
        conversation = Conversation(
            id=direct_conversation_id(me, other),
            kind="direct",
            name=None,
            created_at=now,
            between=tuple(sorted((me, other))),
            last_seq=0,
            last_message=None,
            updated_at=now,
            retain_days=self._retain_days,
        )
        members = {who: Member(who, "member", now, 0, None, name=_name_of(who, people)) for who in conversation.between}
        created = await self._create(conversation, list(members.values()), now)
        if created:
            await settle_blocks(self._documents, me, other)  # a block of this moment looked for a head too early
        else:
            room = await enter(self._documents, conversation.id, me)
            conversation, members = room.conversation, {member.user_id: member for member in room.members}
        view = conversation_view(conversation, members[me], members.values(), people)
        return Opened(view, created)

    async def _create(self, conversation: Conversation, members: Sequence[Member], now: datetime) -> bool:
        """One batch; False when it exists. What follows it runs at once, and again from the outbox if that fails."""
        user_ids = [member.user_id for member in members]
        task = place_task(conversation.id, user_ids, task_id=self._ids.new(), now=now, created=True)
        operations = [
            Create(head_item(conversation)),
            *(Create(member_item(member, conversation_id=conversation.id)) for member in members),
            Create(task),
        ]
        try:
            await self._documents.batch(CHAT, partition_of(conversation.id), operations)
        except ItemExists:
            return False
        # Now, not by the queue: whoever writes the first message right after must reach the connections that are open.
        await self._outbox.do_now(CHAT, task, self._places.follow(task["payload"]))
        return True

    async def get(self, me: str, conversation_id: str) -> dict[str, Any]:
        """With those who left lately, whose messages are still there. Two document calls.

        Raises ConversationNotFound, NotParticipant.
        """
        room = await enter(self._documents, conversation_id, me)
        self._known.note(room.conversation, me)
        former = sorted(room.former, key=lambda member: str(member.left_at), reverse=True)[:FORMER_SHOWN]
        people_keys = [person_key(member.user_id) for member in (*room.members, *former)]
        place, *found = await self._documents.find_many(CHAT, [(me, membership_id(conversation_id)), *people_keys])
        muted = place is not None and place.item.get("muted", False)
        people = _people(found)
        view = conversation_view(room.conversation, room.me, room.members, people, muted=muted)
        return {**view, "formerParticipants": [former_view(member, people) for member in former]}

    async def page(self, me: str, *, limit: int, below: str | None = None) -> ListPage:
        """The caller's conversations, the busiest last minute first: two document calls, whatever their size.

        Within a page the order is exact; from page to page it is exact to the minute (`planning.TOUCH_EVERY`).
        """
        places = await self._documents.query(
            CHAT, me, Query(order="activeOn", descending=True, below=below, eq={"type": "membership"}, limit=limit + 1)
        )
        page = [place.item for place in places[:limit]]
        rows = await self.rows(me, page) if page else []
        rows.sort(key=lambda row: row["updatedAt"], reverse=True)
        return ListPage(rows, page[-1]["activeOn"] if len(places) > limit else None)

    async def rows(self, me: str, places: Sequence[Item]) -> list[dict[str, Any]]:
        """The conversations of *places* (`in:` items of *me*) as a list shows them: one document call."""
        keys = [person_key(me)]
        for place in places:
            pk = partition_of(place["conversationId"])
            keys += [(pk, HEAD), (pk, MEMBER + me)]
            for peer in place["peers"]:
                keys += [(pk, MEMBER + peer), person_key(peer)]
        found = dict(zip(keys, await self._documents.find_many(CHAT, keys), strict=True))
        return [row for place in places if (row := _row(me, place, found)) is not None]

    async def active_ids(self, me: str, *, at_least: int, since: datetime) -> list[str]:
        """The busiest *at_least* of the caller's conversations, and more that were busy after *since*: one query.

        A thousand at most.
        """
        places = await self._documents.query(
            CHAT, me, Query(order="activeOn", descending=True, eq={"type": "membership"}, limit=1000)
        )
        late = to_iso(since)
        return [
            place.item["conversationId"]
            for position, place in enumerate(places)
            if position < at_least or place.item["activeOn"] >= late
        ]

    async def moved_since(self, me: str, moment: datetime) -> tuple[list[str], list[str]]:
        """The ids of what the caller came into, and of what they left, since *moment*: one query."""
        found = await self._documents.query(CHAT, me, Query(order="changedAt", above=to_iso(moment), limit=1000))
        places = [stored.item for stored in found]
        came = [place for place in places if place["type"] == "membership" and place["joinedAt"] >= to_iso(moment)]
        left = [place for place in places if place["type"] == "left"]
        return [place["conversationId"] for place in came], [place["conversationId"] for place in left]


def _name_of(user_id: str, people: Mapping[str, Person]) -> str:
    return people[user_id].name if user_id in people else ""


def _people(found: Sequence[Stored | None]) -> dict[str, Person]:
    return {stored.item["pk"]: read_person(stored.item) for stored in found if stored is not None}


def _row(me: str, place: Mapping[str, Any], found: Mapping[tuple[str, str], Stored | None]) -> dict[str, Any] | None:
    """One row, or None where the caller's place is gone and the list is yet to follow."""
    pk = partition_of(place["conversationId"])
    head, mine = found[(pk, HEAD)], found[(pk, MEMBER + me)]
    if head is None or mine is None or not is_present(mine.item):
        return None
    members = [member_of(mine.item)]
    people: dict[str, Person] = {}
    for user_id in (me, *place["peers"]):
        person = found[person_key(user_id)]
        if person is not None:
            people[user_id] = read_person(person.item)
    for peer in place["peers"]:
        theirs = found[(pk, MEMBER + peer)]
        if theirs is not None and is_present(theirs.item):
            members.append(member_of(theirs.item))
    return conversation_view(conversation_of(head.item), members[0], members, people, muted=place.get("muted", False))
