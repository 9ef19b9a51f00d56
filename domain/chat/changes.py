"""What becomes of a message after it was sent: edits, deletion, reactions.

A message's id leads to its partition. Each change is one batch on condition that the message is unchanged: the
message, its place in the list when it is the last one, what moderators keep, and the outbox task that tells it. A loser
reads and judges again. What is told behind the answer is told by a job if this process dies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.access import Room, look_into, refusal
from domain.chat.behind import Behind
from domain.chat.emoji import clean_emoji
from domain.chat.errors import ConversationBusy, MessageDeleted, MessageNotFound, NotParticipant, TooLateToChange
from domain.chat.known import Known
from domain.chat.mentions import find_mentioned
from domain.chat.model import SNIPPET_CHARS, Message, partition_of
from domain.chat.planning import is_touch_due, marker_of, touch_item
from domain.chat.records import HEAD, changed_key, edit_item, message_item, message_of
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
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Replace,
    Stored,
)
from domain.kernel.errors import Forbidden, Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.realtime import Realtime

RACES: Final = 12
MAX_EMOJIS: Final = 20
"""Different ones on one message."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message, and where it was said, as whoever asked sees it."""

    stored: Stored
    message: Message
    room: Room

    def view(self, message: Message) -> dict[str, Any]:
        return message_view(message, self.room.members)

    def mentioned(self, text: str) -> tuple[str, ...]:
        """Whom *text* mentions in place of the message's own: of those who are there now."""
        room = self.room
        is_group = not room.conversation.between
        return find_mentioned(text, sender_id=self.message.sender_id, members=room.members, is_group=is_group)

    def check_open(self) -> None:
        """Raises Forbidden while one of the two blocks the other: a changed message would be a way to write."""
        if self.room.conversation.blocked_by:
            raise Forbidden


@dataclass(frozen=True, slots=True)
class Change:
    """*beside* are operations of the same batch, *event* is what it is told as."""

    message: Message
    event: str
    beside: tuple[Operation, ...] = ()


class Changes:
    def __init__(
        self,
        documents: DocumentStore,
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
            kept = Create(edit_item(message, at=now, by=me))
            marker = marker_of(f"edit:{message_id}:{me}", client_message_id, pk=found.stored.item["pk"])
            edited = replace(
                message, text=text, mentions=found.mentioned(text), edited_at=now, version=message.version + 1
            )
            return Change(edited, MESSAGE_UPDATED, (kept, *marker))

        return await self._change(me, message_id, change)

    async def delete(self, me: str, message_id: str, *, moderates: bool) -> dict[str, Any]:
        """Leave a tombstone; what was said is kept for moderators for a while. Safe to repeat.

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
            kept = Create(edit_item(message, at=now, by=me))
            gone = replace(
                message, text="", reactions={}, deleted_at=now, deleted_by=me, version=message.version + 1, mentions=()
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

    async def tell(self, message_id: str, name: str) -> None:
        """Tell a change that a crash left untold, with the message as it is now. Safe to repeat. Raises Unavailable."""
        pk = partition_of(message_id)
        stored = await self._documents.find(CHAT, pk, message_id)
        room = await look_into(self._documents, pk, None)
        if stored is not None and room is not None:
            message = message_of(stored.item)
            frame = message_changed(name, message, room.members)
            await self._realtime.send_to_group(conversation_group(message.conversation_id), frame)

    async def find(self, me: str, message_id: str, *, moderates: bool = False) -> Found:
        """Two document calls. Strangers of a direct conversation learn nothing: for them there is no such message."""
        pk = partition_of(message_id)
        stored = await self._documents.find(CHAT, pk, message_id)
        room = await look_into(self._documents, pk, me)
        if room is None:
            raise MessageNotFound
        if room.is_entered:
            self._known.note(room.conversation, me)
        elif not moderates:
            if isinstance(refusal(room.head.item), NotParticipant):
                raise NotParticipant
            raise MessageNotFound
        if stored is None or stored.item.get("type") != "message":
            raise MessageNotFound
        return Found(stored, message_of(stored.item), room)

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
        for _ in range(RACES):
            found = await self.find(me, message_id, moderates=moderates)
            now = self._clock.now()
            change = judge(found, now)
            if change is None:
                return found.view(found.message)
            steps, told, touch = self._plan(found, change, now)
            try:
                await self._documents.batch(CHAT, found.stored.item["pk"], steps)
            except (ItemStale, ItemNotFound):
                continue
            except ItemExists as error:
                if _met_marker(steps, error):
                    found = await self.find(me, message_id)
                    return found.view(found.message)
                continue  # a rival kept the same version
            frame = message_changed(change.event, change.message, found.room.members)
            self._behind.run(self._follow(frame, told, touch, found.room.conversation.id))
            return found.view(change.message)
        raise ConversationBusy(retry_after=1)

    def _plan(self, found: Found, change: Change, now: datetime) -> tuple[list[Operation], Item, Item | None]:
        head, message, pk = found.room.head, change.message, found.stored.item["pk"]
        item = {**message_item(message), "changedAt": changed_key(now, message.id)}
        task = Task(self._ids.new(), "chat", {"task": "tell", "event": change.event, "messageId": message.id})
        told = outbox_item(task, pk=pk, now=now)
        touch = touch_item(head.item, now=now, new_id=self._ids.new()) if is_touch_due(head.item, now) else None
        steps: list[Operation] = [Replace(item, if_match=found.stored.etag), *change.beside, Create(told)]
        moved: dict[str, Any] = {"syncedOn": to_iso(now)} if touch else {}
        is_last = message.seq == head.item["lastSeq"]
        if is_last and message.text != found.message.text:
            moved["lastMessage/text"] = message.text[:SNIPPET_CHARS]
        if moved:
            steps.append(Patch(HEAD, set=moved, if_match=head.etag if is_last else None))
        if touch:
            steps.append(Create(touch))
        return steps, told, touch

    async def _follow(self, frame: dict[str, Any], told: Item, touch: Item | None, conversation_id: str) -> None:
        work = self._realtime.send_to_group(conversation_group(conversation_id), frame)
        await self._outbox.do_now(CHAT, told, work)
        if touch:
            await self._outbox.offer(CHAT, touch)


def _met_marker(steps: Sequence[Operation], error: ItemExists) -> bool:
    """Whether the batch stumbled over the trace of an earlier request with the same `clientMessageId`."""
    step = steps[error.operation_index] if error.operation_index is not None else None
    return isinstance(step, Create) and step.item["id"].startswith("cmid:")
