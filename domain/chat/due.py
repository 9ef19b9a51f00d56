"""Sending what is due, as its author, exactly once.

A pointer leads to the message. Whoever wins the write that marks it *sending* sends it, through the same door as any
other message and with the same rules, under a `clientMessageId` that never changes: so an instance that takes over
when the lease has run out sends nothing twice. What the rules refuse is kept as failed, and its author told.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.chat.behind import Behind
from domain.chat.model import Draft, partition_of
from domain.chat.planning import marker_id
from domain.chat.scheduled import (
    DUE,
    FAILED,
    LATER,
    SENDING,
    SENT,
    ScheduledMessage,
    scheduled_item,
    scheduled_of,
    scheduled_updated,
)
from domain.chat.sending import Sending
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    Delete,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Query,
)
from domain.kernel.errors import DomainError, Kind
from domain.kernel.people import person_key, read_person
from domain.kernel.realtime import Realtime

LEASE: Final = timedelta(seconds=30)
"""How long an instance has for sending one, before another takes over. Clocks may differ by a few of them."""

PAGE: Final = 100
MOST: Final = 1000
"""Looked at in one run: more wait for the next, five seconds later."""

AT_ONCE: Final = 8
SUSPENDED: Final = "account_suspended"


class DueMessages:
    def __init__(
        self, documents: DocumentStore, sending: Sending, realtime: Realtime, behind: Behind, clock: Clock
    ) -> None:
        self._documents = documents
        self._sending = sending
        self._realtime = realtime
        self._behind = behind
        self._clock = clock

    async def send_due(self) -> int:
        """Send what is due; returns how many pointers were looked at. One query when there is nothing.

        Safe to run twice, also at once. One that cannot be sent now does not keep the others waiting; raises the first
        such Unavailable at the end.
        """
        looked_at, failure, above = 0, None, None
        while looked_at < MOST:
            query = Query(above=above, below=to_iso(self._clock.now()), limit=PAGE)
            page = await self._documents.query(CHAT, DUE, query)
            for start in range(0, len(page), AT_ONCE):
                pointers = [stored.item for stored in page[start : start + AT_ONCE]]
                outcomes = await asyncio.gather(*map(self._take, pointers), return_exceptions=True)
                failure = failure or next((each for each in outcomes if isinstance(each, BaseException)), None)
            looked_at += len(page)
            if len(page) < PAGE:
                break
            above = page[-1].item["id"]
        if failure is not None:
            raise failure
        return looked_at

    async def _take(self, pointer: Item) -> None:
        """One pointer: send what it leads to, and throw it away. Raises Unavailable, and then the pointer stays."""
        author, now = pointer["userId"], self._clock.now()
        keys = [(author, LATER + pointer["scheduledId"]), person_key(author)]
        stored, person = await self._documents.find_many(CHAT, keys)
        message = scheduled_of(stored.item) if stored else None
        if stored is None or message is None or message.version != pointer["version"] or message.status == FAILED:
            await self._drop(pointer)
            return
        if message.lease_ends_at and message.lease_ends_at > now:
            return  # somebody is at it: gone, or free again, when we come round
        claimed = replace(message, status=SENDING, lease_ends_at=now + LEASE)
        try:
            held = await self._documents.replace(CHAT, scheduled_item(claimed), if_match=stored.etag)
        except (ItemStale, ItemNotFound):
            return  # changed, cancelled or taken this very moment: the next run sees which
        is_active = person is not None and read_person(person.item).status == "active"
        after = await self._send(claimed, is_active=is_active, is_retry=message.status == SENDING)
        await self._settle(after, held.etag)
        await self._drop(pointer)

    async def _send(self, claimed: ScheduledMessage, *, is_active: bool, is_retry: bool) -> ScheduledMessage:
        """What became of it. Raises Unavailable, ConversationBusy: nobody knows yet."""
        draft = Draft(claimed.user_id, claimed.text, claimed.client_message_id, claimed.reply_to, keeps_draft=True)
        now, reason, message_id = self._clock.now(), SUSPENDED, None
        if is_active:
            try:
                message_id = (await self._sending.send(claimed.conversation_id, draft)).id
            except DomainError as error:
                if error.kind is Kind.UNAVAILABLE:
                    raise
                reason = error.code
        if message_id is None and is_retry:
            message_id = await self._sent_before(claimed.conversation_id, draft)
        if message_id is not None:
            return replace(claimed, status=SENT, message_id=message_id, lease_ends_at=None, updated_at=now)
        return replace(claimed, status=FAILED, reason=reason, lease_ends_at=None, updated_at=now)

    async def _sent_before(self, conversation_id: str, draft: Draft) -> str | None:
        """The message, if an instance that died since had sent it: its author may have left only then."""
        marker = await self._documents.find(CHAT, partition_of(conversation_id), marker_id(draft) or "")
        return str(marker.item["messageId"]) if marker else None

    async def _settle(self, after: ScheduledMessage, etag: str) -> None:
        """Write what became of it, and tell its author."""
        item = scheduled_item(after)
        try:
            if after.status == SENT:
                steps: list[Operation] = [Delete(LATER + after.id, if_match=etag), Create(item)]
                await self._documents.batch(CHAT, after.user_id, steps)
            else:
                await self._documents.replace(CHAT, item, if_match=etag)
        except (ItemStale, ItemNotFound, ItemExists):
            return  # the lease ran out, and another instance came to the same end
        self._behind.run(self._realtime.send_to_user(after.user_id, scheduled_updated(after)))

    async def _drop(self, pointer: Item) -> None:
        try:
            await self._documents.delete(CHAT, DUE, pointer["id"])
        except ItemNotFound:
            return
