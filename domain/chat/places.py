"""People's places follow what the conversation says: their lists, and their open connections.

Who is in a conversation is decided in its own partition, by one batch. What a person's list holds (`in:` items, in the
person's partition) and which connections hear the conversation follow that batch at once, and again from the outbox
if the process dies. Both run the same steps, which look at the conversation as it is by then: they can be repeated, in
any order. A place's version counts its joins and leaves, so that a late repeat undoes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from domain.chat.access import Room, look_into
from domain.chat.lateness import remember
from domain.chat.model import Member, partition_of
from domain.chat.naming import Naming
from domain.chat.records import (
    MEMBER,
    activity_key,
    changed_key,
    member_of,
    membership_id,
    place_item,
    sample_peers,
)
from domain.chat.views import (
    conversation_group,
    conversation_updated,
    conversation_view,
    conversation_woke,
    event,
    participant_view,
)
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, ItemExists, ItemNotFound, ItemStale, Patch
from domain.kernel.outbox import Task, outbox_item
from domain.kernel.people import People, Person
from domain.kernel.realtime import Realtime

T = TypeVar("T")
AT_ONCE: Final = 16
"""Calls in flight while a room full of people is gone through."""

NAMED_EACH: Final = 20
"""People in one change above which the conversation is told once, not each of them."""

RACES: Final = 8


def place_task(conversation_id: str, user_ids: Sequence[str], *, task_id: str, now: datetime, **more: Any) -> Item:
    """The outbox item that makes the places of *user_ids* follow. *more*: `created`, and `rest` yet to be let in."""
    payload = {"task": "place", "conversationId": conversation_id, "userIds": list(user_ids), "at": to_iso(now), **more}
    return outbox_item(Task(task_id, "chat", payload), pk=partition_of(conversation_id), now=now)


class Places:
    def __init__(self, documents: DocumentStore, people: People, realtime: Realtime, clock: Clock) -> None:
        self._documents = documents
        self._people = people
        self._realtime = realtime
        self._clock = clock
        self._naming = Naming(documents)

    async def follow(self, task: Mapping[str, Any]) -> None:
        """Do a `place` task. Safe to repeat. Raises Unavailable."""
        conversation_id, user_ids = task["conversationId"], task["userIds"]
        room = await look_into(self._documents, partition_of(conversation_id), None)
        if room is None:
            return
        await remember(self._documents, conversation_id, from_iso(task["at"]), self._clock.now())
        room, known = await self._settle_all(room, user_ids)
        people = await self._people.find_many([member.user_id for member in (*known, *sample(room, ()))])
        # Whoever took another name while they came in was not found here by the task that follows it.
        renamed = [member for member in known if member.left_at is None and _is_renamed(member, people)]
        await each(renamed, lambda member: self._naming.settle(member.user_id, [conversation_id]))
        quietly = bool(task.get("created")) or len(known) > NAMED_EACH
        await each(known, lambda member: self._tell(room, member, people, quietly=quietly))
        if len(known) > NAMED_EACH and not task.get("created"):
            frame = conversation_updated(room.conversation, room.members)
            await self._realtime.send_to_group(conversation_group(conversation_id), frame)

    async def touch(self, conversation_id: str, *, since: datetime, wakes: bool = False) -> None:
        """Move the conversation up in its members' lists, and say that it changed. Safe to repeat, in any order.

        *since* is when the change was: however late this runs, whoever syncs after it looks back to then. What *wakes*
        is joined by the connections that are open, and each person is told, for they may have missed the message.
        """
        room = await look_into(self._documents, partition_of(conversation_id), None)
        if room is None:
            return
        now = self._clock.now()
        await remember(self._documents, conversation_id, since, now)

        async def move(member: Member) -> None:
            moved = {
                "activeOn": activity_key(room.conversation.updated_at, conversation_id),
                "changedAt": changed_key(now, conversation_id),
                "peers": sample_peers(room.conversation, room.members, member.user_id),
            }
            try:
                await self._documents.patch(CHAT, member.user_id, Patch(membership_id(conversation_id), set=moved))
            except ItemNotFound:
                await self._list(room, member)

        await each(room.members, move)
        if wakes:
            await each(room.members, lambda member: self._wake(room, member))
            moved = await self._moved(room.conversation.id, room.members)
            if moved:  # put out while we had them join
                await self._settle_all(
                    await look_into(self._documents, partition_of(conversation_id), None) or room, moved
                )

    async def _wake(self, room: Room, member: Member) -> None:
        await self._realtime.add_user_to_group(conversation_group(room.conversation.id), member.user_id)
        await self._realtime.send_to_user(member.user_id, conversation_woke(room.conversation))

    async def _settle_all(self, room: Room, user_ids: Sequence[str]) -> tuple[Room, list[Member]]:
        """Have the places of *user_ids* follow, until nobody moved meanwhile; with the room as it is by then."""
        known: list[Member] = []
        for _ in range(RACES):
            places = {member.user_id: member for member in (*room.members, *room.former)}
            known = [places[user_id] for user_id in user_ids if user_id in places]
            await each(known, lambda member, room=room: self._settle(room, member))  # type: ignore[misc]
            # Whoever left or came while we were at it may have been overtaken by us: look again.
            if not await self._moved(room.conversation.id, known):
                break
            room = await look_into(self._documents, partition_of(room.conversation.id), None) or room
        return room, known

    async def _settle(self, room: Room, member: Member) -> None:
        group = conversation_group(room.conversation.id)
        await self._list(room, member)
        if member.left_at is None:
            await self._realtime.add_user_to_group(group, member.user_id)
        else:
            await self._realtime.remove_user_from_group(group, member.user_id)

    async def _list(self, room: Room, member: Member) -> None:
        """The person's own item, unless a later join or leave has written it."""
        item = place_item(room.conversation, room.members, member, self._clock.now())
        for _ in range(RACES):
            try:
                await self._documents.create(CHAT, item)
            except ItemExists:
                there = await self._documents.find(CHAT, item["pk"], item["id"])
                if there is None:
                    continue
                if there.item["version"] >= member.version:
                    return
                try:
                    await self._documents.replace(CHAT, item, if_match=there.etag)
                except (ItemStale, ItemNotFound):
                    continue
            return

    async def _moved(self, conversation_id: str, members: Sequence[Member]) -> list[str]:
        """Those of *members* who left or came since they were read: one `find_many`."""
        pk = partition_of(conversation_id)
        found = await self._documents.find_many(CHAT, [(pk, MEMBER + member.user_id) for member in members])
        return [
            member.user_id
            for stored, member in zip(found, members, strict=True)
            if stored is None or member_of(stored.item).version != member.version
        ]

    async def _tell(self, room: Room, member: Member, people: Mapping[str, Person], *, quietly: bool) -> None:
        conversation, user_id = room.conversation, member.user_id
        group, named = conversation_group(conversation.id), f"{conversation.id}:{user_id}:{member.version}"
        if member.left_at is not None:
            data = {"conversationId": conversation.id, "userId": user_id}
            frame = event("participant.left", f"{named}:left", data)
            await self._realtime.send_to_user(user_id, frame)
            if not quietly:
                await self._realtime.send_to_group(group, frame)
            return
        view = conversation_view(conversation, member, sample(room, (user_id,)), people)
        await self._realtime.send_to_user(user_id, event("conversation.created", f"{named}:created", view))
        if not quietly:
            data = {"conversationId": conversation.id, **participant_view(member, people)}
            await self._realtime.send_to_group(group, event("participant.joined", f"{named}:joined", data))


def _is_renamed(member: Member, people: Mapping[str, Person]) -> bool:
    person = people.get(member.user_id)
    return person is not None and person.name != member.name


def sample(room: Room, first: Sequence[str]) -> list[Member]:
    """As many as a frame may name, *first* at the front."""
    front = [member for member in room.members if member.user_id in first]
    return [*front, *(member for member in room.members if member.user_id not in first)][:NAMED_EACH]


async def each(those: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """*do* it for each of them, a few at a time. Raises the first failure."""
    waiting = list(those)
    for start in range(0, len(waiting), AT_ONCE):
        await asyncio.gather(*(do(one) for one in waiting[start : start + AT_ONCE]))
