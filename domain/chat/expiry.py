"""Removing messages that are older than their conversation keeps them: a job, bounded, safe to run twice and at once.

The head's `dueAt` says when to look. A page of the oldest messages goes in one batch with the head, whose `firstSeq`
rises past them: so nobody ever sees a part of it, and a run that was cut short goes on where it ended. The batch
holds only while the head is as it was read, and whoever puts a conversation under hold writes the head: so a hold that
stands is never passed over (docs/adr/0172-retention-is-a-sweep-not-a-ttl.md).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from domain.chat.access import Room, look_into
from domain.chat.attached import end_claim
from domain.chat.holds import held_messages
from domain.chat.legal_holds import is_under_hold
from domain.chat.model import Conversation, partition_of
from domain.chat.planning import is_touch_due, touch_item
from domain.chat.races import RACES
from domain.chat.records import CLAIM, HEAD, KEPT_TYPE, LEFT_KEPT, changed_key, due_key, kept_item, message_of
from domain.chat.search import MessageIndex
from domain.chat.views import conversation_group, conversation_updated
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    Delete,
    DocumentStore,
    Item,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Query,
    Replace,
    Stored,
)
from domain.kernel.errors import Unavailable
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox
from domain.kernel.realtime import Realtime

PAGE: Final = 20
"""Messages a batch: each with its edits and its files' claim, below the hundred operations that a batch may have."""

EDITS_A_BATCH: Final = 30
MOST_EACH: Final = 1000
"""Removed from one conversation in one run; then the others have their turn."""

MOST: Final = 5000
"""Removed in one run: 35,000 RU, about."""

LOOK_AGAIN: Final = timedelta(days=1)
"""Where something has to stay for now: a hold, a report, a message that is not published yet."""

EXPIRES: Final = {"ttl": int(LEFT_KEPT.total_seconds())}
"""Of the claim of files whose message is gone: they are looked after far sooner."""


@dataclass(slots=True)
class _Sweep:
    """One conversation. *head* is as last read or written; *reported* are the messages that reports hold."""

    conversation: Conversation
    head: Stored
    is_held: bool
    reported: set[str]
    removed: int = 0

    def cutoff(self, now: datetime) -> datetime | None:
        """What was said before it goes; None: nothing does."""
        days = self.conversation.retain_days
        return None if days is None or self.is_held else now - timedelta(days=days)


class Expiry:
    def __init__(
        self,
        documents: DocumentStore,
        index: MessageIndex,
        realtime: Realtime,
        outbox: Outbox,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._documents = documents
        self._index = index
        self._realtime = realtime
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    async def run(self, *, most: int = MOST) -> int:
        """Remove what is due, *most* messages or a page more; returns how many. One query when nothing is.

        A conversation that cannot be gone through now does not keep the others waiting; raises the first Unavailable at
        the end.
        """
        removed, failure, above = 0, None, None
        while removed < most:
            query = Query(order="dueAt", above=above, below=to_iso(self._clock.now()), eq={"type": "head"}, limit=PAGE)
            page = await self._documents.query_everywhere(CHAT, query)
            for stored in page:
                try:
                    removed += await self.go_through(stored.item["conversationId"])
                except Unavailable as error:
                    failure = failure or error
            if len(page) < PAGE:
                break
            above = page[-1].item["dueAt"]
        if failure is not None:
            raise failure
        return removed

    async def go_through(self, conversation_id: str) -> int:
        """Remove what is due in one conversation, and say when to look again. Returns how many messages went."""
        removed = 0
        for _ in range(RACES):
            room = await look_into(self._documents, partition_of(conversation_id), None)
            if room is None:
                return removed
            sweep = await self._begin(room)
            try:
                await self._remove_old(sweep)
                await self._end(sweep, keeps=await self._let_go(sweep))
            except (ItemStale, ItemNotFound):
                removed += sweep.removed
                continue  # somebody wrote there, or a hold was set: look at it anew
            removed += sweep.removed
            if removed:
                await self._tell(conversation_id)
            return removed
        return removed

    async def _begin(self, room: Room) -> _Sweep:
        conversation = room.conversation
        is_held = await is_under_hold(self._documents, room)
        sweep = _Sweep(conversation, room.head, is_held, await held_messages(self._documents, conversation.id))
        cutoff = sweep.cutoff(self._clock.now())
        if cutoff is not None:
            await self._index.forget(conversation.id, before=cutoff)
        return sweep

    async def _remove_old(self, sweep: _Sweep) -> None:
        """Page by page, each in one batch with the head. Raises ItemStale, ItemNotFound."""
        cutoff = sweep.cutoff(self._clock.now())
        while cutoff is not None and sweep.removed < MOST_EACH:
            old = _too_old(await self._oldest(sweep.head.item, PAGE), cutoff)
            if not old:
                return
            edits = await self._delete_most(sweep, await self._edits(old, sweep.reported), leave=EDITS_A_BATCH)
            patch, tasks = self._raise_floor(sweep.head, old[-1].item["seq"])
            steps: list[Operation] = [patch, *(Delete(each) for each in edits)]
            for stored in old:
                is_reported = stored.item["id"] in sweep.reported
                steps.append(_removal(stored, is_reported=is_reported))
                ended = end_claim(message_of(stored.item), now=self._clock.now(), new_id=self._ids.new())
                if ended:
                    steps.append(ended[0] if is_reported else _expiring(ended[0]))
                    tasks.append(ended[1])
            steps += [Create(task) for task in tasks]
            written = await self._documents.batch(CHAT, sweep.head.item["pk"], steps)
            sweep.head = written[0] or sweep.head
            sweep.removed += len(old)
            for task in tasks:
                await self._outbox.offer(CHAT, task)

    async def _oldest(self, head: Item, limit: int) -> list[Stored]:
        """Those that everyone was told of: what is yet to be published is found by its `seq`."""
        above, below = head.get("firstSeq", 1) - 1, head["publishedSeq"] + 1
        return await self._documents.query(CHAT, head["pk"], Query(order="seq", above=above, below=below, limit=limit))

    async def _edits(self, old: Sequence[Stored], but: set[str]) -> list[str]:
        """The ids of what these messages said before, *but* of some. They begin with their message's: one range."""
        ids = {stored.item["id"] for stored in old}
        query = Query(above=f"edit:{min(ids)}", below=f"edit:{max(ids)};", limit=1000)
        found = await self._documents.query(CHAT, old[0].item["pk"], query)
        return [stored.item["id"] for stored in found if stored.item["messageId"] in ids - but]

    async def _delete_most(self, sweep: _Sweep, ids: list[str], *, leave: int) -> list[str]:
        """Delete *ids*, as long as the head holds, and hand back the few that may be left to another batch."""
        while len(ids) > leave:
            await self._write(sweep, [Delete(each) for each in ids[:90]])
            ids = ids[90:]
        return ids

    async def _write(self, sweep: _Sweep, steps: Sequence[Operation]) -> None:
        """One batch, on condition that the head is as it was read. Raises ItemStale, ItemNotFound."""
        same = {"conversationId": sweep.conversation.id}
        unmoved = Patch(HEAD, set=same, if_match=sweep.head.etag)
        written = await self._documents.batch(CHAT, sweep.head.item["pk"], [unmoved, *steps])
        sweep.head = written[0] or sweep.head

    def _raise_floor(self, head: Stored, seq: int) -> tuple[Patch, list[Item]]:
        """What of the head changes with the removal of everything up to *seq*, and the task that makes it known."""
        now = self._clock.now()
        touch = touch_item(head.item, now=now, new_id=self._ids.new()) if is_touch_due(head.item, now) else None
        changed: dict[str, Any] = {"firstSeq": seq + 1, "changedAt": changed_key(now, self._ids.new())}
        last = head.item["lastMessage"]
        if last and last["seq"] <= seq:
            changed["lastMessage"] = None
        if touch:
            changed["syncedOn"] = to_iso(now)
        return Patch(HEAD, set=changed, if_match=head.etag), [touch] if touch else []

    async def _let_go(self, sweep: _Sweep) -> bool:
        """Remove what reports had held beyond its time, once they do not; says whether any of it has to stay."""
        query = Query(order="activeOn", eq={"type": KEPT_TYPE}, limit=1000)
        kept = await self._documents.query(CHAT, sweep.head.item["pk"], query)
        staying = [each for each in kept if sweep.is_held or each.item["id"] in sweep.reported]
        for stored in kept:
            if stored not in staying:
                edits = await self._delete_most(sweep, await self._edits([stored], set()), leave=EDITS_A_BATCH)
                steps: list[Operation] = [Delete(stored.item["id"], if_match=stored.etag), *map(Delete, edits)]
                if "claim" in stored.item:
                    steps.append(Patch(CLAIM + stored.item["claim"], set=EXPIRES))
                await self._write(sweep, steps)
        return bool(staying)

    async def _end(self, sweep: _Sweep, *, keeps: bool) -> None:
        """Say on the head when to look again, or take the word back."""
        now, head, days = self._clock.now(), sweep.head, sweep.conversation.retain_days
        times = []
        if days is not None:
            oldest = await self._oldest(head.item, 1)
            if oldest and not sweep.is_held:
                times.append(max(now, from_iso(oldest[0].item["sentAt"]) + timedelta(days=days)))
            elif head.item["lastSeq"] >= head.item.get("firstSeq", 1):
                times.append(now + LOOK_AGAIN)
        if keeps:
            times.append(now + LOOK_AGAIN)
        due = due_key(min(times), sweep.conversation.id) if times else None
        change = Patch(HEAD, remove=("dueAt",), if_match=head.etag)
        if due:
            change = Patch(HEAD, set={"dueAt": due}, if_match=head.etag)
        await self._documents.patch(CHAT, head.item["pk"], change)

    async def _tell(self, conversation_id: str) -> None:
        """Whoever misses it finds it when they sync."""
        room = await look_into(self._documents, partition_of(conversation_id), None)
        if room is not None:
            frame = conversation_updated(room.conversation, room.members)
            with suppress(Unavailable):
                await self._realtime.send_to_group(conversation_group(conversation_id), frame)


def _too_old(page: Sequence[Stored], cutoff: datetime) -> list[Stored]:
    """The first of *page*, up to one that is not: clocks differ, and nothing is left below `firstSeq`."""
    limit = to_iso(cutoff)
    return list(takewhile(lambda stored: stored.item["sentAt"] < limit, page))


def _removal(stored: Stored, *, is_reported: bool) -> Operation:
    """A message that a report holds stays for who deals with that, where no reader finds it."""
    if is_reported:
        return Replace(kept_item(stored.item), if_match=stored.etag)
    return Delete(stored.item["id"], if_match=stored.etag)


def _expiring(end: Patch) -> Patch:
    """The end of a claim whose message is gone, which nobody asks for once its files are."""
    return replace(end, set={**end.set, **EXPIRES})
