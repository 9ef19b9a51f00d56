"""Scheduling messages: to be sent later, changed, or cancelled by their author.  Sending them is `due.py`.

A person's new ones are counted under their *roll*, which each replaces in its batch: two at once cannot both be the
hundredth. Changing, cancelling and sending one each write it on condition of its etag, so one of them is first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from domain.chat.access import admit
from domain.chat.behind import Behind
from domain.chat.errors import BeingSent, ScheduledNotFound
from domain.chat.model import KEEP, Keep, partition_of
from domain.chat.planning import marker_of
from domain.chat.races import until_won
from domain.chat.records import HEAD, MEMBER
from domain.chat.scheduled import (
    CANCELLED,
    FAILED,
    LATER,
    PAST,
    WAITING,
    ScheduledMessage,
    check_count,
    check_time,
    due_item,
    due_task,
    scheduled_item,
    scheduled_of,
    scheduled_updated,
)
from domain.kernel.clock import Clock
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    Delete,
    DocumentStore,
    Item,
    ItemExists,
    ItemStale,
    Operation,
    Query,
    Replace,
    Stored,
)
from domain.kernel.errors import Forbidden, Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox
from domain.kernel.realtime import Realtime

ROLL: Final = LATER + "roll"
_ALL: Final = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """*client_message_id* makes asking again safe, and is the message's own when it is sent."""

    text: str = field(repr=False)
    send_at: datetime
    reply_to: str | None = None
    client_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is not named stays."""

    text: str | Keep = field(default=KEEP, repr=False)
    send_at: datetime | Keep = KEEP
    reply_to: str | Keep | None = KEEP


Expected = Callable[[ScheduledMessage], None]
"""Raises when the scheduled message is not as the caller has seen it."""


class Scheduling:
    """Every method may raise Unavailable and ConversationBusy; those on one scheduled message, ScheduledNotFound."""

    def __init__(
        self, documents: DocumentStore, realtime: Realtime, outbox: Outbox, behind: Behind, clock: Clock, ids: Ids
    ) -> None:
        self._documents = documents
        self._realtime = realtime
        self._outbox = outbox
        self._behind = behind
        self._clock = clock
        self._ids = ids

    async def schedule(self, me: str, conversation_id: str, wish: Wish, *, new_id: str) -> ScheduledMessage:
        """Have a message sent later. Safe to repeat with the same *new_id* or `client_message_id`.

        One `find_many`, one query, one batch; then the pointer and the end of the outbox item.

        Raises:
            ConversationNotFound, NotParticipant, Forbidden: as sending it now would.
            Invalid: the time; ScheduledTooMany.
        """
        pk = partition_of(conversation_id)
        marker = marker_of(f"later:{conversation_id}", wish.client_message_id, pk=me, scheduledId=new_id)
        keys = [(pk, HEAD), (pk, MEMBER + me), (me, LATER + new_id), (me, PAST + new_id)]
        keys += [(me, step.item["id"]) for step in marker]

        async def attempt() -> ScheduledMessage:
            found = await self._documents.find_many(CHAT, keys)
            head, _place = admit(found[:2], conversation_id)
            if head.item.get("blockedBy"):
                raise Forbidden
            repeated = await self._repeated(me, found[2:])
            if repeated:
                return repeated
            now = self._clock.now()
            check_time(wish.send_at, now)
            message = ScheduledMessage(
                id=new_id,
                user_id=me,
                conversation_id=conversation_id,
                text=wish.text,
                reply_to=wish.reply_to,
                client_message_id=wish.client_message_id or f"scheduled:{new_id}",
                send_at=wish.send_at,
                created_at=now,
                updated_at=now,
            )
            await self._admit(message, marker)
            return message

        return await until_won(attempt)

    async def _repeated(self, me: str, found: Sequence[Stored | None]) -> ScheduledMessage | None:
        """What an earlier, same request made: the item itself, or the one that its marker names."""
        there = next((stored for stored in found if stored), None)
        if there is None or "scheduledId" not in there.item:
            return scheduled_of(there.item) if there else None
        keys = [(me, kind + there.item["scheduledId"]) for kind in (LATER, PAST)]
        first = next((stored for stored in await self._documents.find_many(CHAT, keys) if stored), None)
        return scheduled_of(first.item) if first else None

    async def _admit(self, message: ScheduledMessage, marker: tuple[Create, ...]) -> None:
        """Write it if there is room. Raises ItemStale when another of the person's was written meanwhile, or this."""
        waiting = await self._waiting(message.user_id)
        roll = next((stored for stored in waiting if stored.item["id"] == ROLL), None)
        check_count(sum(stored.item["id"] != ROLL for stored in waiting))
        roll_item: Item = {"id": ROLL, "pk": message.user_id, "type": "roll"}
        task = due_task(message, task_id=self._ids.new(), now=message.created_at)
        steps: list[Operation] = [
            Replace(roll_item, if_match=roll.etag) if roll else Create(roll_item),
            Create(scheduled_item(message)),
            *marker,
            Create(task),
        ]
        await self._write(message.user_id, steps)
        await self._follow(message, task)

    async def of_conversation(self, me: str, conversation_id: str) -> list[ScheduledMessage]:
        """One's own in this conversation, also after leaving it, the next to be sent first: one query."""
        found = [scheduled_of(stored.item) for stored in await self._waiting(me) if stored.item["id"] != ROLL]
        mine = [message for message in found if message.conversation_id == conversation_id]
        return sorted(mine, key=lambda message: (message.send_at, message.id))

    async def get(self, me: str, conversation_id: str, scheduled_id: str) -> ScheduledMessage:
        """Also one that was sent or cancelled in the last 91 days, without its text. One document call."""
        return scheduled_of((await self._find(me, conversation_id, scheduled_id)).item)

    async def change(
        self, me: str, conversation_id: str, scheduled_id: str, wanted: Rewrite, *, expected: Expected | None = None
    ) -> ScheduledMessage:
        """Rewrite it, or put it off; one that failed waits again. Safe to repeat.

        Raises:
            Invalid: the time; for one that failed, also the lack of a new one.
            BeingSent: too late.
        """

        async def attempt() -> ScheduledMessage:
            stored = await self._find(me, conversation_id, scheduled_id)
            before = scheduled_of(stored.item)
            if expected:
                expected(before)
            now = self._clock.now()
            after = _rewritten(before, wanted, now)
            if after is before:
                return before
            steps: list[Operation] = [Replace(scheduled_item(after), if_match=stored.etag)]
            task = None
            if after.version != before.version:
                task = due_task(after, task_id=self._ids.new(), now=now)
                steps.append(Create(task))
            await self._write(me, steps)
            await self._follow(after, task)
            return after

        return await until_won(attempt)

    async def cancel(self, me: str, conversation_id: str, scheduled_id: str) -> None:
        """Have it not sent. Safe to repeat. Raises BeingSent when it is too late."""

        async def attempt() -> None:
            stored = await self._find(me, conversation_id, scheduled_id)
            before = scheduled_of(stored.item)
            if before.status == CANCELLED:
                return
            if before.status not in {WAITING, FAILED}:
                raise BeingSent
            gone = replace(before, status=CANCELLED, reason=None, updated_at=self._clock.now())
            await self._write(me, [Delete(stored.item["id"], if_match=stored.etag), Create(scheduled_item(gone))])
            await self._follow(gone, None)

        await until_won(attempt)

    async def point(self, payload: Mapping[str, Any]) -> None:
        """Do a `due` task: make the pointer. Safe to repeat, at any time."""
        try:
            await self._documents.create(CHAT, due_item(payload))
        except ItemExists:
            return

    async def _find(self, me: str, conversation_id: str, scheduled_id: str) -> Stored:
        keys = [(me, LATER + scheduled_id), (me, PAST + scheduled_id)]
        now, before = await self._documents.find_many(CHAT, keys)
        stored = now or before
        if stored is None or stored.item["conversationId"] != conversation_id:
            raise ScheduledNotFound
        return stored

    async def _waiting(self, me: str) -> list[Stored]:
        """All that are not over, and the roll."""
        return await self._documents.query(CHAT, me, Query(starts=LATER, limit=_ALL))

    async def _write(self, me: str, steps: Sequence[Operation]) -> None:
        """Raises ItemStale, ItemNotFound when somebody else wrote in between."""
        try:
            await self._documents.batch(CHAT, me, steps)
        except ItemExists:
            raise ItemStale from None  # this very request, or the person's first roll: look again

    async def _follow(self, message: ScheduledMessage, task: Item | None) -> None:
        """The pointer now, or by the outbox; the event behind the answer, or by sync."""
        if task:
            await self._outbox.do_now(CHAT, task, self.point(task["payload"]))
        self._behind.run(self._realtime.send_to_user(message.user_id, scheduled_updated(message)))


def _rewritten(before: ScheduledMessage, wanted: Rewrite, now: datetime) -> ScheduledMessage:
    """The same object when nothing changes. Raises BeingSent, Invalid."""
    if before.status not in {WAITING, FAILED}:
        raise BeingSent
    text = before.text if isinstance(wanted.text, Keep) else wanted.text
    reply_to = before.reply_to if isinstance(wanted.reply_to, Keep) else wanted.reply_to
    send_at = before.send_at if isinstance(wanted.send_at, Keep) else wanted.send_at
    if before.status == FAILED and isinstance(wanted.send_at, Keep):
        raise Invalid.field("sendAt", "required", "It could not be sent. Say when to try again.")
    if before.status == WAITING and (text, reply_to, send_at) == (before.text, before.reply_to, before.send_at):
        return before
    is_moved = before.status == FAILED or send_at != before.send_at
    if is_moved:
        check_time(send_at, now)
    return replace(
        before,
        text=text,
        reply_to=reply_to,
        send_at=send_at,
        status=WAITING,
        reason=None,
        updated_at=now,
        version=before.version + is_moved,
    )
