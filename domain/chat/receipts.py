"""Receipts: how far each person has read. A cursor on the person's place, which never moves back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.chat.access import admit
from domain.chat.behind import Behind
from domain.chat.errors import ConversationBusy
from domain.chat.model import Conversation, Member, partition_of, unread_count
from domain.chat.planning import is_touch_due, touch_item
from domain.chat.records import HEAD, MEMBER, changed_key, conversation_of, member_of
from domain.chat.signals import QUIET_ABOVE
from domain.chat.views import conversation_group, event
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Create, DocumentStore, Item, ItemNotFound, ItemStale, Operation, Patch
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox
from domain.kernel.realtime import Realtime

RACES: Final = 8
"""Two devices of one person may meet; nobody else writes this cursor but the sender's own messages."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far *user_id* has read, and how much is left."""

    conversation_id: str
    user_id: str
    last_read_seq: int
    last_read_at: datetime | None
    unread_count: int

    def view(self) -> dict[str, Any]:
        """As everyone in the conversation sees it."""
        return {
            "conversationId": self.conversation_id,
            "userId": self.user_id,
            "lastReadSeq": self.last_read_seq,
            "lastReadAt": to_iso(self.last_read_at) if self.last_read_at else None,
        }


class Receipts:
    def __init__(
        self, documents: DocumentStore, realtime: Realtime, outbox: Outbox, behind: Behind, clock: Clock, ids: Ids
    ) -> None:
        self._documents = documents
        self._realtime = realtime
        self._outbox = outbox
        self._behind = behind
        self._clock = clock
        self._ids = ids

    async def read(self, me: str, conversation_id: str, seq: int) -> Receipt:
        """Everything up to *seq* is read; beyond the last message means all of it, behind the cursor means nothing.

        One `find_many` and one conditional write; only the first when nothing moves. Raises ConversationNotFound,
        NotParticipant, ConversationBusy.
        """
        pk = partition_of(conversation_id)
        for _ in range(RACES):
            found = await self._documents.find_many(CHAT, [(pk, HEAD), (pk, MEMBER + me)])
            head, mine = admit(found, conversation_id)
            conversation, member = conversation_of(head.item), member_of(mine.item)
            reached = min(seq, conversation.last_seq)
            if reached <= member.last_read_seq:
                return _receipt(conversation, member)
            now = self._clock.now()
            moved = {"lastReadSeq": reached, "lastReadAt": to_iso(now), "changedAt": changed_key(now, me)}
            steps: list[Operation] = [Patch(MEMBER + me, set=moved, if_match=mine.etag)]
            touch = touch_item(head.item, now=now, new_id=self._ids.new()) if is_touch_due(head.item, now) else None
            if touch:
                steps += [Patch(HEAD, set={"syncedOn": to_iso(now)}), Create(touch)]
            try:
                await self._documents.batch(CHAT, pk, steps)
            except (ItemStale, ItemNotFound):
                continue
            receipt = _receipt(conversation, member_of({**mine.item, **moved}))
            self._behind.run(self._tell(receipt, conversation, touch))
            return receipt
        raise ConversationBusy(retry_after=1)

    async def _tell(self, receipt: Receipt, conversation: Conversation, touch: Item | None) -> None:
        """In a large room, and while one blocks the other, only the person's own devices.

        In a large room the others see it when they read the messages.
        """
        if touch:
            await self._outbox.offer(CHAT, touch)
        frame = event(
            "read.updated", f"{conversation.id}:{receipt.user_id}:read:{receipt.last_read_seq}", receipt.view()
        )
        if conversation.member_count > QUIET_ABOVE or conversation.blocked_by:
            await self._realtime.send_to_user(receipt.user_id, frame)
        else:
            await self._realtime.send_to_group(conversation_group(conversation.id), frame)


def _receipt(conversation: Conversation, member: Member) -> Receipt:
    return Receipt(
        conversation.id,
        member.user_id,
        member.last_read_seq,
        member.last_read_at,
        unread_count(conversation, member),
    )
