"""Sending: one order for everyone, decided by the store.

The conversation's head holds the last `seq`. A send reads the head and the sender's place (one call), then writes
one atomic batch: the head with the next `seq`, on condition that nobody else moved it, and the message. A sender
who lost that race reads again. Whoever changes who may write also rewrites the head, so a batch built on an outdated
membership fails the same way.

Senders of one process would only lose races against each other, so they queue in the conversation's *lane*, which
writes what has gathered as one batch, and keeps the head it wrote as its guess for the next. The lane is a shortcut,
never a judge: any number of processes may have one for the same conversation.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from domain.chat.access import is_present, look_into, refusal
from domain.chat.attaching import Attaching
from domain.chat.behind import CLOSE_WITHIN, Behind
from domain.chat.errors import ConversationBusy, ConversationNotFound, MessageDeleted
from domain.chat.known import Known
from domain.chat.mentions import find_mentioned, may_mention
from domain.chat.model import Draft, Member, Message, partition_of
from domain.chat.planning import Plan, acknowledged, marker_id, plan_batch
from domain.chat.publishing import Progress, Publisher
from domain.chat.records import HEAD, MEMBER, find_message
from domain.kernel.clock import Clock
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, ItemExists, ItemNotFound, ItemStale, Stored
from domain.kernel.errors import Forbidden
from domain.kernel.outbox import Outbox

BATCH_MESSAGES: Final = 24
"""Each takes up to four of the 100 operations a batch may have, and three are the head's and the outbox's."""

RACES: Final = 12
"""Lost races before a sender is told to try again."""

LANES: Final = 2000
"""Conversations whose heads are kept at hand."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One message on its way, and who waits for it: the sender, and repeats that came while it was on its way."""

    draft: Draft
    marker: str | None
    answers: list[asyncio.Future[Message]]

    def settle(self, outcome: Message | BaseException) -> None:
        for answer in self.answers:
            if answer.done():  # the caller is gone
                continue
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)


@dataclass(slots=True)
class Lane:
    """The senders of this process in one conversation, and the head as this process last saw it."""

    conversation_id: str
    waiting: list[Waiting] = field(default_factory=list)
    head: Stored | None = None
    senders: set[str] = field(default_factory=set)
    """Who is known to be in the conversation for as long as the head holds."""
    worker: asyncio.Task[None] | None = None
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        self.head = None
        self.senders.clear()


class Sending:
    """One per process."""

    def __init__(
        self,
        documents: DocumentStore,
        publisher: Publisher,
        attaching: Attaching,
        outbox: Outbox,
        behind: Behind,
        known: Known,
        clock: Clock,
        new_id: Callable[[], str],
        pause: Callable[[int], float],
    ) -> None:
        """*pause* gives the seconds to wait after so many lost races: random, so that rivals part."""
        self._documents = documents
        self._publisher = publisher
        self._attaching = attaching
        self._outbox = outbox
        self._behind = behind
        self._known = known
        self._clock = clock
        self._new_id = new_id
        self._pause = pause
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        publisher.acknowledge_with(self._acknowledge)

    async def send(self, conversation_id: str, draft: Draft) -> Message:
        """Store one message, then tell the conversation; return once it is durable.

        Safe to retry: a second call with the same sender and *client_message_id* returns the first one's message
        and delivers nothing new. Two document calls when the head is not at hand, one when it is, however many
        people there are; publishing is not waited for. With files, two calls and one for each file come before.

        Raises:
            Invalid: a file that cannot be had.
            ConversationNotFound: absent, or a direct conversation of others.
            NotParticipant: a group the sender is not in.
            ConversationBusy: too many lost races.
        """
        if draft.file_ids:
            taken = await self._attaching.take(conversation_id, draft)
            if isinstance(taken, Message):
                return taken
            draft = taken
        lane = self._lane(conversation_id)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        marker = marker_id(draft)
        twin = next((entry for entry in lane.waiting if marker and entry.marker == marker), None)
        if twin:
            twin.answers.append(answer)
        else:
            lane.waiting.append(Waiting(draft, marker, [answer]))
        if lane.worker is None:
            lane.worker = asyncio.create_task(self._drain(lane))
        return await answer

    async def settle(self) -> None:
        """Return when everything that runs behind the answers is done."""
        while workers := [lane.worker for lane in self._lanes.values() if lane.worker]:
            await asyncio.wait(workers)
        await self._behind.settle()
        await self._publisher.settle()

    async def close(self) -> None:
        """Publish and acknowledge what can be within two seconds; marks in the store name the rest to a job."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN):
                while workers := [lane.worker for lane in self._lanes.values() if lane.worker]:
                    await asyncio.wait(workers)
        await self._publisher.close()

    def _lane(self, conversation_id: str) -> Lane:
        lane = self._lanes.setdefault(conversation_id, Lane(conversation_id))
        self._lanes.move_to_end(conversation_id)
        if len(self._lanes) > LANES:
            oldest = next(iter(self._lanes))
            if self._lanes[oldest].worker is None:
                del self._lanes[oldest]
        return lane

    async def _drain(self, lane: Lane) -> None:
        try:
            while lane.waiting:
                async with lane.writing:
                    taken, lane.waiting = lane.waiting[:BATCH_MESSAGES], lane.waiting[BATCH_MESSAGES:]
                    try:
                        await self._write(lane, taken)
                    except Exception as error:  # noqa: BLE001 - whatever it was, each waiting sender is told
                        lane.forget()
                        for entry in taken:
                            entry.settle(error)
        finally:
            lane.worker = None

    async def _write(self, lane: Lane, entries: list[Waiting]) -> None:
        """Write *entries* in as few batches as the races allow, and settle each."""
        for race in range(RACES):
            head, members, entries = await self._admit(lane, entries)
            if not entries:
                return
            known = self._publisher.published_from(lane.conversation_id, head.item["publishedSeq"])
            drafts = [_resolved(entry.draft, head, members) for entry in entries]
            plan = plan_batch(head, drafts, now=self._clock.now(), published_seq=known, new_id=self._new_id())
            try:
                written = await self._documents.batch(CHAT, head.item["pk"], plan.operations)
            except ItemStale:
                lane.forget()
                await asyncio.sleep(self._pause(race))
            except ItemNotFound:
                lane.forget()  # a sender's place went in the meantime
            except ItemExists as error:
                entries = await self._answer_repeat(head.item["pk"], entries, plan, error)
            else:
                lane.head = written[0]
                self._finish(lane.conversation_id, entries, plan)
                return
        for entry in entries:
            entry.settle(ConversationBusy(retry_after=1))

    async def _admit(self, lane: Lane, entries: list[Waiting]) -> tuple[Stored, Sequence[Member], list[Waiting]]:
        """The head, and those whose sender is in the conversation; the others are told.

        Where a text may mention somebody also everyone who is there, by one query instead of point reads.
        """
        asking = {entry.draft.sender_id for entry in entries}
        members: Sequence[Member] = ()
        if any(may_mention(entry.draft.text) for entry in entries):
            room = await look_into(self._documents, partition_of(lane.conversation_id), None)
            members = room.members if room else ()
            head = self._note(lane, room.head if room else None, asking & {member.user_id for member in members})
        elif lane.head is None or not asking <= lane.senders:
            # Ask for those we know as well: another process may have moved the head by which we knew them.
            people = sorted(asking)
            pk = partition_of(lane.conversation_id)
            found, *places = await self._documents.find_many(
                CHAT, [(pk, HEAD), *((pk, MEMBER + who) for who in people)]
            )
            there = zip(people, places, strict=True)
            head = self._note(lane, found, {who for who, place in there if place and is_present(place.item)})
        else:
            head = lane.head
        refused = [entry for entry in entries if entry.draft.sender_id not in lane.senders]
        for entry in refused:
            barred = head.item.get("blockedBy") and entry.draft.sender_id in head.item["between"]
            entry.settle(Forbidden() if barred else refusal(head.item))
        return head, members, [entry for entry in entries if entry not in refused]

    def _note(self, lane: Lane, head: Stored | None, senders: set[str]) -> Stored:
        """Keep the head as it was just read, and who of those asking is there. Raises ConversationNotFound."""
        if head is None or head.item["conversationId"] != lane.conversation_id:
            raise ConversationNotFound
        if lane.head is None or lane.head.etag != head.etag:
            lane.senders.clear()
        lane.head = head
        # While one of two blocks the other nobody writes; who marks the head so also moves it.
        if not head.item.get("blockedBy"):
            lane.senders |= senders
        return head

    async def _answer_repeat(self, pk: str, entries: list[Waiting], plan: Plan, error: ItemExists) -> list[Waiting]:
        """The draft that the batch stumbled over was stored before: answer with that. Returns the others."""
        owner = plan.owners[error.operation_index] if error.operation_index is not None else None
        if owner is None:
            raise error
        repeat = entries[owner]
        marker = await self._documents.find(CHAT, pk, repeat.marker) if repeat.marker else None
        if marker is None:
            return entries  # an id of the same millisecond was taken: the next try has a new one
        first = find_message(await self._documents.find(CHAT, pk, marker.item["messageId"]))
        repeat.settle(first or MessageDeleted())  # by retention, which leaves no tombstone
        return [entry for entry in entries if entry is not repeat]

    def _finish(self, conversation_id: str, entries: list[Waiting], plan: Plan) -> None:
        for entry, message in zip(entries, plan.messages, strict=True):
            entry.settle(message)
            self._known.note_place(conversation_id, message.sender_id, plan.member_count)
        self._publisher.publish(conversation_id, plan.messages)
        if plan.touch:
            self._behind.run(self._outbox.offer(CHAT, plan.touch))
        if plan.notice:
            self._behind.run(self._outbox.offer(CHAT, plan.notice.item, delay=plan.notice.delay))

    async def _acknowledge(self, conversation_id: str) -> Progress:
        """Write on the head what this process has published, as far as nothing before it is missing."""
        lane = self._lane(conversation_id)
        async with lane.writing:
            if lane.head is None:
                lane.head = await self._documents.find(CHAT, partition_of(conversation_id), HEAD)
            if lane.head is None:
                return Progress(0, complete=True)
            head = lane.head
            known = self._publisher.published_from(conversation_id, head.item["publishedSeq"])
            if known > head.item["publishedSeq"]:
                marked = acknowledged(head.item, published_seq=known, now=self._clock.now())
                try:
                    lane.head = await self._documents.replace(CHAT, marked, if_match=head.etag)
                except (ItemStale, ItemNotFound):
                    lane.forget()
                    return Progress(-1, complete=False)
            if known < head.item["lastSeq"]:
                lane.forget()  # another process has more to acknowledge first: look again later
            return Progress(known, complete=known >= head.item["lastSeq"])


def _resolved(draft: Draft, head: Stored, members: Sequence[Member]) -> Draft:
    """The draft with whom it mentions, by who is there under this head: the batch holds only while it does."""
    if not members or not may_mention(draft.text):
        return draft
    is_group = not head.item["between"]
    return replace(
        draft, mentions=find_mentioned(draft.text, sender_id=draft.sender_id, members=members, is_group=is_group)
    )
