"""Opening conversations and listing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.chat.access import Room, enter
from domain.chat.errors import ConversationNotFound
from domain.chat.known import Known
from domain.chat.model import Conversation, Member, direct_conversation_id, partition_of
from domain.chat.records import (
    HEAD,
    MEMBER,
    activity_key,
    changed_key,
    conversation_of,
    head_item,
    member_item,
    member_of,
    membership_id,
    membership_item,
)
from domain.chat.views import conversation_group, conversation_view, event
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Create, DocumentStore, ItemExists, ItemNotFound, Patch, Query, Stored
from domain.kernel.errors import Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.people import People, Person, person_key, read_person
from domain.kernel.realtime import Realtime

CHAT_QUEUE = "chat"
"""Work that follows a write of chat: joining people to what was opened, moving it up in their lists."""


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
        realtime: Realtime,
        outbox: Outbox,
        known: Known,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._documents = documents
        self._people = people
        self._realtime = realtime
        self._outbox = outbox
        self._known = known
        self._clock = clock
        self._ids = ids

    async def open_direct(self, me: str, other: str) -> Opened:
        """The one conversation of these two, made if it is not there: both may open it at once.

        Raises:
            Invalid: *other* is *me*, or nobody one could talk to.
        """
        if other == me:
            raise Invalid.field("participantIds[0]", "yourself", "Name somebody else.")
        people = await self._people.find_many([me, other])
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
        )
        members = {who: Member(who, "member", now, 0, None) for who in conversation.between}
        created = await self._create(conversation, list(members.values()), now)
        if not created:
            room = await enter(self._documents, conversation.id, me)
            conversation, members = room.conversation, {member.user_id: member for member in room.members}
        view = conversation_view(conversation, members[me], members.values(), people)
        return Opened(view, created)

    async def _create(self, conversation: Conversation, members: Sequence[Member], now: datetime) -> bool:
        """One batch; False when it exists. What follows it runs at once, and again from the outbox if that fails."""
        task = Task(self._ids.new(), CHAT_QUEUE, {"task": "join", "conversationId": conversation.id})
        outbox = outbox_item(task, pk=partition_of(conversation.id), now=now)
        operations = [
            Create(head_item(conversation)),
            *(Create(member_item(member, conversation_id=conversation.id)) for member in members),
            Create(outbox),
        ]
        try:
            await self._documents.batch(CHAT, partition_of(conversation.id), operations)
        except ItemExists:
            return False
        # Now, not by the queue: whoever writes the first message right after must reach the connections that are open.
        await self._outbox.do_now(CHAT, outbox, self.join(conversation.id))
        return True

    async def join(self, conversation_id: str) -> None:
        """Bring everyone of a new conversation into it: their lists, and their open connections. Safe to repeat."""
        room = await self._room(conversation_id)
        if room is None:
            return
        user_ids = [member.user_id for member in room.members]
        await self._list_for(room.conversation, user_ids)
        people = await self._people.find_many(user_ids)
        for member in room.members:
            await self._realtime.add_user_to_group(conversation_group(conversation_id), member.user_id)
            view = conversation_view(room.conversation, member, room.members, people)
            frame = event("conversation.created", f"{conversation_id}:created", view)
            await self._realtime.send_to_user(member.user_id, frame)

    async def touch(self, conversation_id: str, *, since: datetime) -> None:
        """Move the conversation up in its members' lists, and say that it changed. Safe to repeat, in any order.

        *since* is when the change was: however late this runs, whoever syncs after it looks back to then.
        """
        room = await self._room(conversation_id)
        if room is None:
            return
        moved = {
            "activeOn": activity_key(room.conversation.updated_at, conversation_id),
            "changedAt": changed_key(self._clock.now(), conversation_id),
            "changedFrom": to_iso(since),
        }
        for member in room.members:
            try:
                change = Patch(membership_id(conversation_id), set=moved)
                await self._documents.patch(CHAT, member.user_id, change)
            except ItemNotFound:
                await self._list_for(room.conversation, [member.user_id])

    async def get(self, me: str, conversation_id: str) -> dict[str, Any]:
        """Raises ConversationNotFound, NotParticipant."""
        room = await enter(self._documents, conversation_id, me)
        self._known.note(room.conversation, me)
        people = await self._people.find_many([member.user_id for member in room.members])
        return conversation_view(room.conversation, room.me, room.members, people)

    async def page(self, me: str, *, limit: int, below: str | None = None) -> ListPage:
        """The caller's conversations, the busiest last minute first: two document calls, whatever their size.

        Within a page the order is exact; from page to page it is exact to the minute (`planning.TOUCH_EVERY`).
        """
        places = await self._documents.query(
            CHAT, me, Query(order="activeOn", descending=True, below=below, eq={"type": "membership"}, limit=limit + 1)
        )
        page = [place.item for place in places[:limit]]
        keys = [person_key(me)]
        for place in page:
            pk = partition_of(place["conversationId"])
            keys += [(pk, HEAD), (pk, MEMBER + me)]
            if place["peerId"]:
                keys += [(pk, MEMBER + place["peerId"]), person_key(place["peerId"])]
        found = dict(zip(keys, await self._documents.find_many(CHAT, keys), strict=True)) if page else {}
        rows = [_row(me, place, found) for place in page]
        rows.sort(key=lambda row: row["updatedAt"], reverse=True)
        return ListPage(rows, page[-1]["activeOn"] if len(places) > limit else None)

    async def active_ids(self, me: str, *, limit: int) -> list[str]:
        """The ids of the caller's conversations, the busiest first: one query."""
        places = await self._documents.query(
            CHAT, me, Query(order="activeOn", descending=True, eq={"type": "membership"}, limit=limit)
        )
        return [place.item["conversationId"] for place in places]

    async def joined_since(self, me: str, moment: datetime) -> list[str]:
        """The ids of what the caller came into since *moment*: one query."""
        places = await self._documents.query(
            CHAT, me, Query(order="activeOn", above=to_iso(moment), eq={"type": "membership"})
        )
        return [place.item["conversationId"] for place in places if place.item["joinedAt"] >= to_iso(moment)]

    async def _room(self, conversation_id: str) -> Room | None:
        try:
            return await enter(self._documents, conversation_id, None)
        except ConversationNotFound:
            return None

    async def _list_for(self, conversation: Conversation, user_ids: Sequence[str]) -> None:
        for user_id in user_ids:
            try:
                await self._documents.create(CHAT, membership_item(conversation, user_id))
            except ItemExists:
                continue


def _row(me: str, place: Mapping[str, Any], found: Mapping[tuple[str, str], Stored | None]) -> dict[str, Any]:
    pk = partition_of(place["conversationId"])
    head, mine = found[(pk, HEAD)], found[(pk, MEMBER + me)]
    if head is None or mine is None:
        raise ConversationNotFound
    members = [member_of(mine.item)]
    people: dict[str, Person] = {}
    own = found[person_key(me)]
    if own is not None:
        people[me] = read_person(own.item)
    peer = place["peerId"]
    if peer:
        theirs, person = found[(pk, MEMBER + peer)], found[person_key(peer)]
        if theirs is not None:
            members.append(member_of(theirs.item))
        if person is not None:
            people[peer] = read_person(person.item)
    return conversation_view(conversation_of(head.item), members[0], members, people)
