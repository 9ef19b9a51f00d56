"""What becomes of a message after it was sent: edits, deletion, reactions.

A message's id leads to its partition. Each change is one batch on condition that the message is unchanged: the
message, its place in the list when it is the last one, what moderators keep, and the outbox tasks that tell it and
discard the files of what was deleted. A loser reads and judges again. What is done behind the answer is done by a job
if this process dies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.access import Room, look_into
from domain.chat.attached import discard, end_claim, links_to
from domain.chat.behind import Behind
from domain.chat.emoji import clean_emoji
from domain.chat.errors import MessageDeleted, TooLateToChange
from domain.chat.found import Found, look_up
from domain.chat.known import Known
from domain.chat.model import Message, partition_of
from domain.chat.planning import is_touch_due, marker_of, touch_item
from domain.chat.ports import Attachments
from domain.chat.races import until_won
from domain.chat.records import HEAD, changed_key, edit_item, find_message, last_message_item, message_item
from domain.chat.views import (
    MESSAGE_DELETED,
    MESSAGE_UPDATED,
    REACTION_UPDATED,
    conversation_group,
    message_changed,
    message_view,
)
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    ItemStale,
    Operation,
    Patch,
    Replace,
)
from domain.kernel.errors import Forbidden, Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.realtime import Realtime

MAX_EMOJIS: Final = 20
"""Different ones on one message."""


@dataclass(frozen=True, slots=True)
class Change:
    """*beside* are operations of the same batch, *event* is what it is told as."""

    message: Message
    event: str
    beside: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The batch of a change, and the outbox items in it that are seen to behind the answer."""

    steps: tuple[Operation, ...]
    told: Item
    discarded: Item | None
    touch: Item | None


class Changes:
    def __init__(
        self,
        documents: DocumentStore,
        attachments: Attachments,
        realtime: Realtime,
        outbox: Outbox,
        behind: Behind,
        known: Known,
        clock: Clock,
        ids: Ids,
        change_within: timedelta,
    ) -> None:
        """*change_within* is how long a message may be edited or deleted by who sent it."""
        self._documents = documents
        self._attachments = attachments
        self._realtime = realtime
        self._outbox = outbox
        self._behind = behind
        self._known = known
        self._clock = clock
        self._ids = ids
        self._change_within = change_within

    async def edit(self, me: str, message_id: str, text: str, client_message_id: str | None = None) -> dict[str, Any]:
        """Say it differently; what was said before is kept for moderators. Returns the message.

        Safe to retry: the same text again changes nothing, and a *client_message_id* is taken once, so that a late
        repeat cannot undo a later edit.

        Raises:
            MessageNotFound, NotParticipant, MessageDeleted.
            Forbidden: another's message; TooLateToChange: one's own, too long ago.
        """

        def change(found: Found, now: datetime) -> Change | None:
            message = found.message
            if message.sender_id != me:
                raise Forbidden
            found.check_open()
            if message.deleted_at:
                raise MessageDeleted
            if message.text == text:
                return None
            self._check_time(message, now)
            kept = Create(edit_item(message, at=now, by=me, is_held=found.is_held))
            marker = marker_of(f"edit:{message_id}:{me}", client_message_id, pk=found.stored.item["pk"])
            edited = replace(
                message, text=text, mentions=found.mentioned(text), edited_at=now, version=message.version + 1
            )
            return Change(edited, MESSAGE_UPDATED, (kept, *marker))

        return await self._change(me, message_id, change)

    async def delete(self, me: str, message_id: str, *, moderates: bool) -> dict[str, Any]:
        """Leave a tombstone; what was said is kept for moderators for a while, files are not. Safe to repeat.

        One's own within the time, any message by a group's admins, and anywhere by who *moderates* the platform.
        Raises as `edit` does.
        """

        def change(found: Found, now: datetime) -> Change | None:
            message = found.message
            leads = found.room.is_entered and found.room.me.role == "admin"
            if message.sender_id != me and not moderates and not leads:
                raise Forbidden
            if message.deleted_at:
                return None
            if not moderates and not leads:
                self._check_time(message, now)
            kept = Create(edit_item(message, at=now, by=me, is_held=found.is_held))
            gone = replace(
                message,
                text="",
                reactions={},
                mentions=(),
                attachments=(),
                claim=None,
                deleted_at=now,
                deleted_by=me,
                version=message.version + 1,
            )
            return Change(gone, MESSAGE_DELETED, (kept,))

        return await self._change(me, message_id, change, moderates=moderates)

    async def react(self, me: str, message_id: str, emoji: str, *, add: bool) -> dict[str, Any]:
        """Put a reaction on a message, or take one's own off. Safe to repeat. Raises as `edit` does, and Invalid."""
        emoji = clean_emoji(emoji)

        def change(found: Found, _now: datetime) -> Change | None:
            found.check_open()
            message = found.message
            if message.deleted_at:
                raise MessageDeleted
            people = message.reactions.get(emoji, ())
            if (me in people) == add:
                return None
            if add and not people and len(message.reactions) >= MAX_EMOJIS:
                raise Invalid.field("emoji", "too_many", f"At most {MAX_EMOJIS} different ones on a message.")
            people = (*people, me) if add else tuple(person for person in people if person != me)
            reactions = {**message.reactions, emoji: people}
            if not people:
                del reactions[emoji]
            return Change(replace(message, reactions=reactions, version=message.version + 1), REACTION_UPDATED)

        return await self._change(me, message_id, change)

    async def lose_file(self, message_id: str, file_id: str) -> None:
        """Show a file of the message as gone: it was deleted by itself. Safe to repeat. Raises ConversationBusy."""

        def change(found: Found, _now: datetime) -> Change | None:
            message = found.message
            left = tuple(replace(each, gone=True) if each.id == file_id else each for each in message.attachments)
            if left == message.attachments:
                return None
            return Change(replace(message, attachments=left, version=message.version + 1), MESSAGE_UPDATED)

        await self._change("", message_id, change, moderates=True)

    async def discard(self, task: Mapping[str, Any]) -> None:
        """Do a `discard` task that a crash left undone. Safe to repeat. Raises Unavailable."""
        await discard(self._documents, self._attachments, task)

    async def tell(self, message_id: str) -> None:
        """Tell a change that a crash left untold: the whole message as it is now, for more may have become of it.

        Safe to repeat. Raises Unavailable.
        """
        pk = partition_of(message_id)
        stored = await self._documents.find(CHAT, pk, message_id)
        room = await look_into(self._documents, pk, None)
        message = find_message(stored)
        if message is not None and room is not None:
            await self._send(MESSAGE_DELETED if message.deleted_at else MESSAGE_UPDATED, message, room)

    async def find(self, me: str, message_id: str, *, moderates: bool = False) -> Found:
        """Two document calls. Raises MessageNotFound, NotParticipant."""
        return await look_up(self._documents, self._known, me, message_id, moderates=moderates)

    def _check_time(self, message: Message, now: datetime) -> None:
        if now - message.sent_at > self._change_within:
            raise TooLateToChange

    async def _change(
        self,
        me: str,
        message_id: str,
        judge: Callable[[Found, datetime], Change | None],
        *,
        moderates: bool = False,
    ) -> dict[str, Any]:
        async def attempt() -> dict[str, Any]:
            found = await self.find(me, message_id, moderates=moderates)
            now = self._clock.now()
            change = judge(found, now)
            if change is None:
                return await self._view(found, found.message)
            plan = self._plan(found, change, now)
            try:
                await self._documents.batch(CHAT, found.stored.item["pk"], plan.steps)
            except ItemExists as error:
                if not _met_marker(plan.steps, error):
                    raise ItemStale from None  # a rival kept the same version
                found = await self.find(me, message_id)
                return await self._view(found, found.message)
            self._behind.run(self._follow(change, found.room, plan))
            return await self._view(found, change.message)

        return await until_won(attempt)

    async def _view(self, found: Found, message: Message) -> dict[str, Any]:
        return message_view(message, found.room.members, await links_to(self._attachments, [message]))

    def _plan(self, found: Found, change: Change, now: datetime) -> Plan:
        head, message, pk = found.room.head, change.message, found.stored.item["pk"]
        item = {**message_item(message), "changedAt": changed_key(now, message.id)}
        told = self._task(pk, now, {"task": "tell", "messageId": message.id})
        touch = touch_item(head.item, now=now, new_id=self._ids.new()) if is_touch_due(head.item, now) else None
        steps: list[Operation] = [Replace(item, if_match=found.stored.etag), *change.beside, Create(told)]
        ended = None if message.claim else end_claim(found.message, now=now, new_id=self._ids.new())
        if ended:
            steps += [ended[0], Create(ended[1])]
        moved: dict[str, Any] = {"syncedOn": to_iso(now)} if touch else {}
        is_last = message.seq == head.item["lastSeq"]
        if is_last and last_message_item(message) != head.item["lastMessage"]:
            moved["lastMessage"] = last_message_item(message)
        if moved:
            steps.append(Patch(HEAD, set=moved, if_match=head.etag if is_last else None))
        if touch:
            steps.append(Create(touch))
        return Plan(tuple(steps), told, ended[1] if ended else None, touch)

    def _task(self, pk: str, now: datetime, payload: dict[str, Any]) -> Item:
        return outbox_item(Task(self._ids.new(), "chat", payload), pk=pk, now=now)

    async def _follow(self, change: Change, room: Room, plan: Plan) -> None:
        await self._outbox.do_now(CHAT, plan.told, self._send(change.event, change.message, room))
        if plan.discarded:
            await self._outbox.do_now(CHAT, plan.discarded, self.discard(plan.discarded["payload"]))
        if plan.touch:
            await self._outbox.offer(CHAT, plan.touch)

    async def _send(self, name: str, message: Message, room: Room) -> None:
        frame = message_changed(name, message, room.members, await links_to(self._attachments, [message]))
        await self._realtime.send_to_group(conversation_group(message.conversation_id), frame)


def _met_marker(steps: Sequence[Operation], error: ItemExists) -> bool:
    """Whether the batch stumbled over the trace of an earlier request with the same `clientMessageId`."""
    step = steps[error.operation_index] if error.operation_index is not None else None
    return isinstance(step, Create) and step.item["id"].startswith("cmid:")
