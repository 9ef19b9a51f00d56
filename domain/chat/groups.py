"""Groups: who is in them, who leads them, what they are called.

Whatever changes a group rewrites its *roll* in the same batch, on condition that nobody else did: so changes are judged
one after the other, and senders cannot starve them. It also moves the head, unconditionally: so a send that relied on
the old membership loses its race (docs/adr/0092-a-roll-serialises-changes-of-a-group.md). What follows (lists, open
connections, events) is `domain/chat/places.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain.chat.access import MAX_MEMBERS, Room, enter, look_into
from domain.chat.behind import Behind
from domain.chat.conversations import Conversations
from domain.chat.errors import LastAdmin, ParticipantNotFound
from domain.chat.known import Known
from domain.chat.meeting import meet
from domain.chat.model import KEEP, Conversation, Keep, Member, clean_group_name, partition_of
from domain.chat.moves import ADMIN, MEMBER_ROLE, Move, joining, lead, leaving
from domain.chat.places import NAMED_EACH, Places, place_task
from domain.chat.planning import is_touch_due, touch_item
from domain.chat.ports import Pictures
from domain.chat.races import until_won
from domain.chat.records import HEAD, MEMBER, changed_key, head_item, member_item, roll_item
from domain.chat.views import conversation_group, conversation_updated
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    Patch,
    Replace,
)
from domain.kernel.errors import Forbidden, Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.people import People
from domain.kernel.realtime import Realtime

IN_ONE_BATCH: Final = 90
"""People let in by one batch: the head and the outbox take their part of the hundred operations."""


class Groups:
    """Every method may raise Unavailable and ConversationBusy; those on a group, NotParticipant and NotGroupAdmin."""

    def __init__(
        self,
        documents: DocumentStore,
        conversations: Conversations,
        people: People,
        places: Places,
        realtime: Realtime,
        outbox: Outbox,
        behind: Behind,
        known: Known,
        pictures: Pictures | None,
        clock: Clock,
        ids: Ids,
        *,
        retain_days: int | None = None,
    ) -> None:
        """*pictures* None: nothing can be uploaded, every avatar is refused. *retain_days* as in Conversations."""
        self._documents = documents
        self._conversations = conversations
        self._people = people
        self._places = places
        self._realtime = realtime
        self._outbox = outbox
        self._behind = behind
        self._known = known
        self._pictures = pictures
        self._clock = clock
        self._ids = ids
        self._retain_days = retain_days

    async def open(self, me: str, others: Sequence[str], name: str | None, *, new_id: str) -> dict[str, Any]:
        """A new group of *me*, who leads it, and *others*. The same *new_id* again is the same group.

        More than ninety are let in by several batches; a crash between them is made good by the outbox.
        Raises Invalid for people one could not talk to, and for too many.
        """
        given, others = others, [other for other in dict.fromkeys(others) if other != me]
        if not others:
            raise Invalid.field("participantIds", "too_few", "Name somebody else.")
        if len(others) >= MAX_MEMBERS:
            raise Invalid.field("participantIds", "too_many", f"At most {MAX_MEMBERS} people in all.")
        names = await meet(self._documents, self._people, me, others, given, "participantIds")
        title = clean_group_name(name) if name is not None else None
        await self.begin(new_id, title, {me: ADMIN} | dict.fromkeys(others, MEMBER_ROLE), names)
        return await self._conversations.get(me, new_id)

    async def begin(self, new_id: str, title: str | None, roles: Mapping[str, str], names: Mapping[str, str]) -> None:
        """A new group of these people, without asking whether they may meet. Safe to repeat with the same *new_id*."""
        now = self._clock.now()
        everybody = list(roles)
        first, rest = everybody[:IN_ONE_BATCH], everybody[IN_ONE_BATCH:]
        conversation = Conversation(
            id=new_id,
            kind="group",
            name=title,
            created_at=now,
            between=(),
            last_seq=0,
            last_message=None,
            updated_at=now,
            member_count=len(first),
            retain_days=self._retain_days,
        )
        members = [Member(each, roles[each], now, 0, None, name=names.get(each, "")) for each in first]
        task = place_task(new_id, first, task_id=self._ids.new(), now=now, created=True, rest=rest)
        places = [Create(member_item(member, conversation_id=new_id)) for member in members]
        steps = [Create(head_item(conversation)), Create(roll_item(new_id)), *places, Create(task)]
        try:
            await self._documents.batch(CHAT, partition_of(new_id), steps)
        except ItemExists:
            return  # a repeat of the same request
        await self._follow(task)

    async def place(self, task: Any) -> None:
        """Do a `place` task, and let in whom the first batch of a large group had no room for. Safe to repeat."""
        await self._places.follow(task)
        for start in range(0, len(task.get("rest", ())), IN_ONE_BATCH):
            await self._let_in(task["conversationId"], task["rest"][start : start + IN_ONE_BATCH])

    async def _let_in(self, conversation_id: str, user_ids: Sequence[str]) -> None:
        """Those of *user_ids* who were never in it: whoever was removed meanwhile stays out."""
        people = await self._people.find_many(user_ids)
        names = {user_id: person.name for user_id, person in people.items()}

        def judge(room: Room, now: datetime) -> Move | None:
            seen = {member.user_id for member in (*room.members, *room.former)}
            return joining(room, [user_id for user_id in user_ids if user_id not in seen], names, now)

        await self._move(None, conversation_id, judge, created=True)

    async def change(
        self, me: str, conversation_id: str, *, name: str | Keep | None = KEEP, avatar: str | Keep | None = KEEP
    ) -> dict[str, Any]:
        """Its name and picture, by its admins. Raises Invalid."""
        members: dict[str, Any] = {}
        if not isinstance(name, Keep):
            members["name"] = None if name is None else clean_group_name(name)
        if not isinstance(avatar, Keep):
            if avatar is not None and (self._pictures is None or not await self._pictures.may_use(me, avatar)):
                raise Invalid.field("avatar", "unknown_file", "Is not a picture that you uploaded as an avatar.")
            members["avatar"] = avatar

        def judge(room: Room, _now: datetime) -> Move | None:
            lead(room)
            if all(room.head.item[key] == value for key, value in members.items()):
                return None
            return Move(members)

        await self._move(me, conversation_id, judge)
        return await self._conversations.get(me, conversation_id)

    async def add(self, me: str, conversation_id: str, user_ids: Sequence[str]) -> dict[str, Any]:
        """Let people in, by its admins; who is there already stays as they are. Raises Invalid; Conflict when full."""
        wanted = list(dict.fromkeys(user_ids))
        room = await enter(self._documents, conversation_id, me)
        lead(room)
        strangers = [each for each in wanted if room.find(each) is None]
        former = {member.user_id for member in room.former}
        names = await meet(self._documents, self._people, me, strangers, user_ids, "userIds", former=former)
        for start in range(0, len(wanted), IN_ONE_BATCH):
            chunk = wanted[start : start + IN_ONE_BATCH]

            def judge(room: Room, now: datetime, chunk: Sequence[str] = chunk) -> Move | None:
                lead(room)
                return joining(room, [each for each in chunk if room.find(each) is None], names, now)

            await self._move(me, conversation_id, judge)
        return await self._conversations.get(me, conversation_id)

    async def remove(self, me: str, conversation_id: str, user_id: str) -> None:
        """Put somebody out, by its admins, or leave. The last admin's place goes to whoever is there longest.

        Raises ParticipantNotFound for somebody who is not there.
        """

        def judge(room: Room, now: datetime) -> Move | None:
            if room.conversation.between:
                raise Forbidden
            if user_id != me:
                lead(room)
            return leaving(room, user_id, now)

        await self._move(me, conversation_id, judge)
        self._known.forget(conversation_id, user_id)

    async def set_role(self, me: str, conversation_id: str, user_id: str, role: str) -> dict[str, Any]:
        """Make somebody an admin or a member, by its admins. Raises ParticipantNotFound, LastAdmin."""

        def judge(room: Room, now: datetime) -> Move | None:
            lead(room)
            member = room.find(user_id)
            if member is None:
                raise ParticipantNotFound
            if member.role == role:
                return None
            if role != ADMIN and sum(each.role == ADMIN for each in room.members) == 1:
                raise LastAdmin
            return Move({}, (Patch(MEMBER + user_id, set={"role": role, "changedAt": changed_key(now, user_id)}),))

        await self._move(me, conversation_id, judge)
        return await self._conversations.get(me, conversation_id)

    async def tell(self, conversation_id: str) -> None:
        """Tell everyone what the group is now. Safe to repeat. Raises Unavailable."""
        room = await look_into(self._documents, partition_of(conversation_id), None)
        if room is not None:
            frame = conversation_updated(room.conversation, room.members)
            await self._realtime.send_to_group(conversation_group(conversation_id), frame)

    async def _move(
        self,
        me: str | None,
        conversation_id: str,
        judge: Callable[[Room, datetime], Move | None],
        *,
        created: bool = False,
    ) -> None:
        """Judge and write until the group stood still in between, then have the rest follow."""

        async def attempt() -> None:
            room = await enter(self._documents, conversation_id, me)
            now = self._clock.now()
            move = judge(room, now)
            if move is not None:
                await self._write(room, move, now, created=created)

        await until_won(attempt)

    async def _write(self, room: Room, move: Move, now: datetime, *, created: bool) -> None:
        """Raises ItemStale, ItemNotFound: somebody else was quicker."""
        conversation_id = room.conversation.id
        pk = partition_of(conversation_id)
        if move.user_ids is None:
            payload = {"task": "tellGroup", "conversationId": conversation_id}
            task = outbox_item(Task(self._ids.new(), "chat", payload), pk=pk, now=now)
        else:
            more = {"created": True} if created else {}
            task = place_task(conversation_id, move.user_ids, task_id=self._ids.new(), now=now, **more)
        roll, head = room.get_roll(), room.head.item
        moved = {**move.head, "changedAt": changed_key(now, self._ids.new())}
        touch = touch_item(head, now=now, new_id=self._ids.new()) if is_touch_due(head, now) else None
        if touch:
            moved["syncedOn"] = to_iso(now)
        steps = [Replace(roll.item, if_match=roll.etag), Patch(HEAD, set=moved), *move.steps, Create(task)]
        await self._documents.batch(CHAT, pk, [*steps, Create(touch)] if touch else steps)
        await self._follow(task)
        if touch:
            self._behind.run(self._outbox.offer(CHAT, touch))

    async def _follow(self, task: Item) -> None:
        """Few places follow before the answer, so that what is said next is heard by them; many behind it."""
        payload = task["payload"]
        work = self.place(payload) if payload["task"] == "place" else self.tell(payload["conversationId"])
        doing = self._outbox.do_now(CHAT, task, work)
        if len(payload.get("userIds", ())) > NAMED_EACH:
            self._behind.run(doing)
        else:
            await doing
