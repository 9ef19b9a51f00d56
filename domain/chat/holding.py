"""Putting conversations and people under a legal hold, and lifting it: by administrators, each step on record."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.chat.access import look_into
from domain.chat.errors import ConversationNotFound, MessageNotFound, NotUnderHold, PersonNotFound
from domain.chat.legal_holds import (
    CONVERSATION,
    HOLDS,
    OPEN,
    LegalHold,
    hold_id,
    hold_task,
    is_under_hold,
    legal_hold_item,
    legal_hold_of,
    settle_hold_on,
)
from domain.chat.model import Message, partition_of
from domain.chat.races import until_won
from domain.chat.records import HEAD, message_of
from domain.chat.reported import Edit
from domain.chat.reports import read_edits
from domain.kernel.clock import Clock, from_iso, to_iso
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
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.people import People, Person, person_key

LINES_SHOWN: Final = 200
MOST_NAMED: Final = 1000
"""People of one file: what one `find_many` bears."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the trail. *action*: `set`, `lifted`, or `read` (messages, by who moderates)."""

    at: datetime
    by: str
    action: str
    reason: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class HoldFile:
    """Whether a subject is under hold, and who put it there or took it out, oldest first."""

    kind: str
    subject_id: str
    hold: LegalHold | None
    history: tuple[Line, ...]
    people: dict[str, Person]


@dataclass(frozen=True, slots=True)
class MessageFile:
    """A message as it is, what it said before, and whether it may go."""

    message: Message
    edits: tuple[Edit, ...]
    is_held: bool
    readings: tuple[Line, ...]
    """Who else read it here before, oldest first."""
    people: dict[str, Person]

    @property
    def with_files(self) -> Message:
        """The message with the files it has; if it was deleted, and something holds it, with those it had."""
        if self.message.deleted_at and self.is_held and self.edits:
            return replace(self.message, attachments=self.edits[-1].attachments)
        return self.message


class LegalHolds:
    """Every method may raise Unavailable; those on a subject, ConversationNotFound or PersonNotFound."""

    def __init__(self, documents: DocumentStore, people: People, outbox: Outbox, clock: Clock, ids: Ids) -> None:
        self._documents = documents
        self._people = people
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    async def open(self, kind: str, subject_id: str) -> HoldFile:
        """Three document calls at most."""
        stored = await self._find(kind, subject_id)
        history = await self._trail(kind, subject_id)
        people = await self._people.find_many(sorted({line.by for line in history})) if history else {}
        return HoldFile(kind, subject_id, legal_hold_of(stored.item) if stored else None, history, people)

    async def page(
        self, *, limit: int, below: str | None = None
    ) -> tuple[list[LegalHold], dict[str, Person], str | None]:
        """Those that stand, the newest first, who set them, and where the next page starts. Two document calls."""
        query = Query(order="activeOn", descending=True, below=below, eq={"type": OPEN}, limit=limit + 1)
        found = await self._documents.query(CHAT, HOLDS, query)
        holds = [legal_hold_of(stored.item) for stored in found[:limit]]
        people = await self._people.find_many(sorted({hold.set_by for hold in holds})) if holds else {}
        return holds, people, found[limit - 1].item["activeOn"] if len(found) > limit else None

    async def set(self, me: str, kind: str, subject_id: str, reason: str) -> None:
        """Put it under hold, or give the hold that stands another reason. The same reason again changes nothing.

        A conversation is under it when this returns; a person's conversations are within seconds.
        """

        async def attempt() -> None:
            stored = await self._find(kind, subject_id)
            if stored and stored.item["reason"] == reason:
                return
            now = self._clock.now()
            since = from_iso(stored.item["since"]) if stored else now
            item = legal_hold_item(LegalHold(kind, subject_id, reason, me, since))
            write: Operation = Replace(item, if_match=stored.etag) if stored else Create(item)
            await self._write(write, kind, subject_id, Line(now, me, "set", reason))

        await until_won(attempt)

    async def lift(self, me: str, kind: str, subject_id: str, reason: str) -> None:
        """Let go of it: what is too old by now is removed from then on. None is fine."""

        async def attempt() -> None:
            stored = await self._find(kind, subject_id)
            if stored is not None:
                line = Line(self._clock.now(), me, "lifted", reason)
                await self._write(Delete(stored.item["id"], if_match=stored.etag), kind, subject_id, line)

        await until_won(attempt)

    async def read_conversation(
        self, me: str, conversation_id: str, *, limit: int, below: int | None = None
    ) -> tuple[list[Message], dict[str, Person], int | None]:
        """Its messages, the newest first, and below which `seq` to go on: while a hold is on it, and on record.

        Two queries, one write, one `find_many`. Raises ConversationNotFound, NotUnderHold.
        """
        room = await look_into(self._documents, partition_of(conversation_id), None)
        if room is None or room.conversation.id != conversation_id:
            raise ConversationNotFound
        if not room.head.item.get("held"):
            raise NotUnderHold
        line = Line(self._clock.now(), me, "read", None)
        await self._documents.create(CHAT, line_item(line, CONVERSATION, conversation_id, self._ids.new()))
        query = Query(order="seq", descending=True, below=below, limit=limit + 1)
        found = await self._documents.query(CHAT, room.head.item["pk"], query)
        messages = [message_of(stored.item) for stored in found[:limit]]
        people = await self._people.find_many(sorted({message.sender_id for message in messages})) if messages else {}
        return messages, people, messages[-1].seq if len(found) > limit else None

    async def read_message(self, me: str, message_id: str) -> MessageFile:
        """Any message, also deleted or held beyond its time, with what it said before. That it was read is on record.

        A read, three or four queries, a `find_many` and a write. Raises MessageNotFound.
        """
        pk = partition_of(message_id)
        stored = await self._documents.find(CHAT, pk, message_id)
        room = await look_into(self._documents, pk, None)
        if stored is None or room is None or stored.item.get("type") not in {"message", "kept"}:
            raise MessageNotFound
        readings = await self._trail("message", message_id)
        line = line_item(Line(self._clock.now(), me, "read", None), "message", message_id, self._ids.new())
        await self._documents.create(CHAT, line)
        message = message_of(stored.item)
        edits = tuple(await read_edits(self._documents, message_id))
        is_held = stored.item["type"] == "kept" or await is_under_hold(self._documents, room)
        named = {message.sender_id, *(edit.replaced_by for edit in edits), *(reading.by for reading in readings)}
        named |= {message.deleted_by or message.sender_id}
        people = await self._people.find_many(sorted(named)[:MOST_NAMED])
        return MessageFile(message, edits, is_held, readings, people)

    async def _trail(self, kind: str, subject_id: str) -> tuple[Line, ...]:
        """Its last two hundred lines, oldest first: one query."""
        query = Query(starts=f"audit:{kind}:{subject_id}:", descending=True, limit=LINES_SHOWN)
        trail = await self._documents.query(CHAT, HOLDS, query)
        return tuple(line_of(line.item) for line in reversed(trail))

    async def _find(self, kind: str, subject_id: str) -> Stored | None:
        """The hold. Raises ConversationNotFound or PersonNotFound for a subject that is not there."""
        there = (partition_of(subject_id), HEAD) if kind == CONVERSATION else person_key(subject_id)
        subject, hold = await self._documents.find_many(CHAT, [there, (HOLDS, hold_id(kind, subject_id))])
        if kind == CONVERSATION:
            if subject is None or subject.item["conversationId"] != subject_id:
                raise ConversationNotFound
        elif subject is None and hold is None:
            raise PersonNotFound
        return hold

    async def _write(self, write: Operation, kind: str, subject_id: str, line: Line) -> None:
        """With its line of the trail, and the task that all follows by. Raises ItemStale, ItemNotFound."""
        task = outbox_item(Task(self._ids.new(), "chat", hold_task(kind, subject_id)), pk=HOLDS, now=line.at)
        steps = [write, Create(line_item(line, kind, subject_id, self._ids.new())), Create(task)]
        try:
            await self._documents.batch(CHAT, HOLDS, steps)
        except ItemExists:
            raise ItemStale from None
        if kind == CONVERSATION:
            await self._outbox.do_now(CHAT, task, settle_hold_on(self._documents, self._clock, kind, subject_id))
        else:
            await self._outbox.offer(CHAT, task)


def line_item(line: Line, kind: str, subject_id: str, new_id: str) -> Item:
    return {
        "id": f"audit:{kind}:{subject_id}:{new_id}",
        "pk": HOLDS,
        "type": "audit",
        "at": to_iso(line.at),
        "by": line.by,
        "action": line.action,
        "reason": line.reason,
    }


def line_of(item: Item) -> Line:
    return Line(from_iso(item["at"]), item["by"], item["action"], item["reason"])
