"""How long a conversation keeps its messages: set by who leads it, or by the platform's administrators.

Without a time, for ever. A new conversation begins with the time that is the setting's then; setting another one later
removes nothing anywhere. What is too old is removed by `expiry.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.access import Room, look_into, refusal
from domain.chat.behind import Behind
from domain.chat.errors import ConversationNotFound, NotGroupAdmin
from domain.chat.groups import Groups
from domain.chat.model import partition_of
from domain.chat.moves import ADMIN
from domain.chat.planning import is_touch_due, touch_item
from domain.chat.races import until_won
from domain.chat.records import HEAD, changed_key, due_key
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Create, DocumentStore, Item, Operation, Patch
from domain.kernel.errors import Forbidden
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item

MIN_DAYS: Final = 1
MAX_DAYS: Final = 3650
GRACE: Final = timedelta(days=1)
"""After a change nothing is removed for as long: time to notice a mistake, which could not be made good."""


@dataclass(frozen=True, slots=True)
class Terms:
    """*days* None: for ever. *first_seq* is the oldest message that is left. *set_by* None: as it began."""

    conversation_id: str
    days: int | None
    first_seq: int
    set_by: str | None
    set_at: datetime | None

    def view(self) -> dict[str, Any]:
        return {
            "conversationId": self.conversation_id,
            "days": self.days,
            "firstSeq": self.first_seq,
            "setBy": self.set_by,
            "setAt": to_iso(self.set_at) if self.set_at else None,
        }


class Retention:
    """Every method may raise Unavailable; and ConversationNotFound, NotParticipant for those who are not there."""

    def __init__(
        self, documents: DocumentStore, groups: Groups, outbox: Outbox, behind: Behind, clock: Clock, ids: Ids
    ) -> None:
        self._documents = documents
        self._groups = groups
        self._outbox = outbox
        self._behind = behind
        self._clock = clock
        self._ids = ids

    async def get(self, me: str, conversation_id: str, *, moderates: bool) -> Terms:
        """For who is there, and who *moderates* the platform. One document call."""
        return terms_of(await self._enter(me, conversation_id, moderates=moderates))

    async def set(self, me: str, conversation_id: str, days: int | None, *, moderates: bool) -> Terms:
        """Keep messages for *days* (1 to 3,650), or for ever. By a group's admins, and by who *moderates*, anywhere.

        Safe to repeat. The first messages go a day later. Raises Forbidden, NotGroupAdmin, ConversationBusy.
        """

        async def attempt() -> None:
            room = await self._enter(me, conversation_id, moderates=moderates)
            if not moderates and room.conversation.between:
                raise Forbidden
            if not moderates and room.me.role != ADMIN:
                raise NotGroupAdmin
            if room.conversation.retain_days != days:
                await self._write(me, room, days)

        await until_won(attempt)
        return await self.get(me, conversation_id, moderates=moderates)

    async def _enter(self, me: str, conversation_id: str, *, moderates: bool) -> Room:
        room = await look_into(self._documents, partition_of(conversation_id), me)
        if room is None or room.conversation.id != conversation_id:
            raise ConversationNotFound
        if not room.is_entered and not moderates:
            raise refusal(room.head.item)
        return room

    async def _write(self, me: str, room: Room, days: int | None) -> None:
        """Raises ItemStale when somebody else wrote in between."""
        now, pk, head = self._clock.now(), room.head.item["pk"], room.head.item
        told = outbox_item(
            Task(self._ids.new(), "chat", {"task": "tellGroup", "conversationId": room.conversation.id}), pk=pk, now=now
        )
        touch = touch_item(head, now=now, new_id=self._ids.new()) if is_touch_due(head, now) else None
        changed: dict[str, Any] = {
            "retainDays": days,
            "retainSet": {"by": me, "at": to_iso(now)},
            "dueAt": due_key(now + GRACE, room.conversation.id),
            "changedAt": changed_key(now, self._ids.new()),
            "syncedOn": to_iso(now) if touch else head["syncedOn"],
        }
        steps: list[Operation] = [Patch(HEAD, set=changed, if_match=room.head.etag), Create(told)]
        await self._documents.batch(CHAT, pk, [*steps, Create(touch)] if touch else steps)
        await self._outbox.do_now(CHAT, told, self._groups.tell(room.conversation.id))
        if touch:
            self._behind.run(self._outbox.offer(CHAT, touch))


def terms_of(room: Room) -> Terms:
    conversation, head = room.conversation, room.head.item
    last: Item = head.get("retainSet") or {}
    at = datetime.fromisoformat(last["at"]) if last else None
    return Terms(conversation.id, conversation.retain_days, conversation.first_seq, last.get("by"), at)
