"""Publishing what was stored: at least once, in order, and never in the way of the sender's answer.

Each batch marks the conversation's head as *to be published* in the same write. Publishing runs behind; once a
conversation has been quiet for two seconds (or with its next message, for free) what was published is acknowledged
on the head. A mark that stays, because the process died or the realtime service was away, is found by the job
`publish_pending`. Clients drop a `seq` they already have.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.chat.attached import links_to
from domain.chat.behind import CLOSE_WITHIN, cancel_all
from domain.chat.model import Message
from domain.chat.planning import acknowledged
from domain.chat.ports import Attachments
from domain.chat.records import message_of
from domain.chat.views import conversation_group, message_new
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Query, Stored
from domain.kernel.errors import Unavailable
from domain.kernel.realtime import Realtime

QUIET: Final = timedelta(seconds=2)
"""How long a conversation must be quiet before its acknowledgement is written by itself."""

SETTLING: Final = 0.02
"""Seconds that stand for `QUIET` while somebody waits for it all to settle."""

ACKNOWLEDGE_TRIES: Final = 4
"""Looks without progress, when another process has to acknowledge first; after that it is the job's."""


@dataclass(slots=True)
class Line:
    """What this process has to publish, and has published, in one conversation."""

    waiting: deque[Message] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the wait for quiet: there is more to publish, or no time left."""
    done: set[int] = field(default_factory=set)
    """What was published here and is not acknowledged yet."""
    worker: asyncio.Task[None] | None = None

    def published_from(self, published_seq: int) -> int:
        """The highest seq up to which all is published, given that *published_seq* already was."""
        self.done = {seq for seq in self.done if seq > published_seq}
        while published_seq + 1 in self.done:
            published_seq += 1
        return published_seq


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a conversation's head is acknowledged, and whether that is all."""

    published_seq: int
    complete: bool


Acknowledge = Callable[[str], Awaitable[Progress]]


class Publisher:
    """One per process. `settle` is for tests and for stopping in good order."""

    def __init__(
        self,
        documents: DocumentStore,
        realtime: Realtime,
        attachments: Attachments,
        clock: Clock,
        quiet: timedelta = QUIET,
    ) -> None:
        self._documents = documents
        self._realtime = realtime
        self._attachments = attachments
        self._clock = clock
        self._quiet = quiet.total_seconds()
        self._lines: dict[str, Line] = {}
        self._acknowledge: Acknowledge = _nothing_to_acknowledge
        self._closing = asyncio.Event()
        self._settling = 0

    def acknowledge_with(self, acknowledge: Acknowledge) -> None:
        """*acknowledge* writes the mark of one conversation, and says how far it reaches."""
        self._acknowledge = acknowledge

    def publish(self, conversation_id: str, messages: Sequence[Message]) -> None:
        """Publish behind the caller's back, after what is already waiting there."""
        line = self._lines.setdefault(conversation_id, Line())
        line.waiting.extend(messages)
        line.news.set()
        if line.worker is None:
            line.worker = asyncio.create_task(self._run(conversation_id, line))

    def published_from(self, conversation_id: str, published_seq: int) -> int:
        """The highest seq up to which all is published, as far as this process knows."""
        line = self._lines.get(conversation_id)
        return line.published_from(published_seq) if line else published_seq

    async def settle(self) -> None:
        """Publish and acknowledge all that waits, soon rather than when it is quiet; return when it is done."""
        self._settling += 1
        self._wake()
        try:
            while workers := {line.worker for line in self._lines.values() if line.worker}:
                await asyncio.wait(workers)
        finally:
            self._settling -= 1

    async def close(self) -> None:
        """Acknowledge at once what was published, for two seconds at most; the job has the rest."""
        self._closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN):
                await self.settle()
        await cancel_all({line.worker for line in self._lines.values() if line.worker})

    def _wake(self) -> None:
        for line in self._lines.values():
            line.news.set()

    async def _run(self, conversation_id: str, line: Line) -> None:
        try:
            tries, reached = 0, -1
            while tries < ACKNOWLEDGE_TRIES:
                while line.waiting:
                    tries = 0
                    await self._send(line)
                if not await self._is_quiet(line):
                    continue
                progress = await self._acknowledge(conversation_id)
                if progress.complete:
                    break
                tries = 0 if progress.published_seq > reached else tries + 1
                reached = max(reached, progress.published_seq)
        except Unavailable:
            line.waiting.clear()  # the mark stays on the head: the job publishes it when the service is back
        finally:
            line.worker = None
            if line.waiting and not self._closing.is_set():
                line.worker = asyncio.create_task(self._run(conversation_id, line))
            else:
                self._lines.pop(conversation_id, None)

    async def _is_quiet(self, line: Line) -> bool:
        """Whether nothing came for a while. What does come ends the wait, and is published at once."""
        if not self._closing.is_set():
            line.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._quiet, SETTLING) if self._settling else self._quiet):
                    await line.news.wait()
        return not line.waiting

    async def _send(self, line: Line) -> None:
        message = line.waiting[0]
        await self._tell(message)
        line.waiting.popleft()
        line.done.add(message.seq)

    async def _tell(self, message: Message) -> None:
        frame = message_new(message, await links_to(self._attachments, [message]))
        await self._realtime.send_to_group(conversation_group(message.conversation_id), frame)

    async def publish_pending(self, *, limit: int = 50) -> int:
        """Publish what is stored, due and not acknowledged, of any process; returns how many conversations.

        Safe to run twice and beside senders. Raises Unavailable when the realtime service does not answer.
        """
        now = self._clock.now()
        due = await self._documents.query_everywhere(CHAT, Query(order="publishDueAt", below=to_iso(now), limit=limit))
        for head in due:
            await self._publish_rest(head)
        return len(due)

    async def _publish_rest(self, head: Stored) -> None:
        item = head.item
        done = item["publishedSeq"]
        while done < item["lastSeq"]:
            page = await self._documents.query(CHAT, item["pk"], Query(order="seq", above=done, limit=100))
            if not page:
                break
            for stored in page:
                message = message_of(stored.item)
                await self._tell(message)
                done = message.seq
        try:
            marked = acknowledged(item, published_seq=done, now=self._clock.now())
            await self._documents.replace(CHAT, marked, if_match=head.etag)
        except (ItemStale, ItemNotFound):
            return  # it moved on meanwhile, and its new mark will be found in its turn


async def _nothing_to_acknowledge(conversation_id: str) -> Progress:  # noqa: ARG001 - stands in until there is a sender
    return Progress(0, complete=True)
