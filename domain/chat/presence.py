"""Presence: who is connected, as far as the realtime service has told us.

One item a person, `presence`, lists their connections, each with the time until which it counts: a `disconnected` that
never came heals by itself. Events may come late, twice or in the wrong order: a connection that has gone stays gone.
Nobody is offline until thirty seconds after the last connection ended; by then a task in the outbox looks, and tells
it if it is still so. Another one falls due when the time of the connections is over, and looks again at the end of
what was renewed meanwhile: so an end that was lost is told, too. Decisions: docs/adr/0152-presence-is-a-lease.md.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

from domain.chat.access import is_present
from domain.chat.behind import Behind
from domain.chat.blocking import block_keys
from domain.chat.errors import ConversationBusy
from domain.chat.known import MAX_KNOWN
from domain.chat.model import direct_conversation_id, partition_of
from domain.chat.places import each
from domain.chat.records import MEMBER
from domain.chat.views import event
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Create, DocumentStore, Item, ItemExists, ItemStale, Operation, Query, Replace
from domain.kernel.ids import Ids
from domain.kernel.outbox import SWEEP_AFTER, Task, outbox_item
from domain.kernel.realtime import Realtime

PRESENCE: Final = "presence"
LEASE: Final = timedelta(hours=2)
"""How long a connection counts without a sign of life."""

RENEW_EVERY: Final = timedelta(minutes=30)
ACTIVE_FOR: Final = timedelta(minutes=35)
"""How long a sign of life says that somebody is there: no less than it takes to be renewed."""

OFFLINE_AFTER: Final = timedelta(seconds=30)
"""A client that comes back within this was never away: the realtime service recovers connections for as long."""

CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""Whoever runs a task may be earlier than whoever found it due; the next look is later than that."""

KEPT: Final = timedelta(days=90)
MAX_CONNECTIONS: Final = 20
"""Of one person; beyond them the oldest no longer counts."""

GONE_REMEMBERED: Final = 10
PEERS_TOLD: Final = 50
PLACES_SEEN: Final = 200
"""Conversations, the busiest first, in which somebody is looked for."""

GROUPS_SEEN: Final = 10
MAX_ASKED: Final = 50
RACES: Final = 12


@dataclass(frozen=True, slots=True)
class Attendance:
    """*connections* maps each to when it stops counting. *shown*: what the peers were told last.

    *watched_until*: when the task falls due that looks whether they all have stopped; None, or past: there is none.
    """

    connections: dict[str, datetime]
    gone: tuple[str, ...]
    seen_at: datetime | None
    shown: bool
    watched_until: datetime | None = None

    def is_watched(self, now: datetime) -> bool:
        return self.watched_until is not None and self.watched_until > now

    def is_online(self, now: datetime) -> bool:
        if any(until > now for until in self.connections.values()):
            return True
        return not self.connections and self.seen_at is not None and now - self.seen_at < OFFLINE_AFTER

    def is_active(self, now: datetime) -> bool:
        """Whether a connection has shown life lately: whoever left a page open and went away is not."""
        return any(until > now and now - (until - LEASE) < ACTIVE_FOR for until in self.connections.values())

    def last_seen(self, now: datetime) -> datetime | None:
        """A connection whose end was never told was last heard of when its time began."""
        lapsed = [until - LEASE for until in self.connections.values() if until <= now]
        known = [moment for moment in (self.seen_at, *lapsed) if moment is not None]
        return max(known, default=None)


NOBODY: Final = Attendance({}, (), None, shown=False)


class Presence:
    """One per process."""

    def __init__(self, documents: DocumentStore, realtime: Realtime, behind: Behind, clock: Clock, ids: Ids) -> None:
        self._documents = documents
        self._realtime = realtime
        self._behind = behind
        self._clock = clock
        self._ids = ids
        self._renewed: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def connected(self, user_id: str, connection_id: str) -> None:
        """A connection is open. Safe to repeat. One point read and one write; telling peers is not waited for."""
        if await self._change(user_id, lambda old, now: _arrived(old, connection_id, now)):
            self._behind.run(self._tell(user_id, online=True))
        self._note(user_id, connection_id)

    async def disconnected(self, user_id: str, connection_id: str) -> None:
        """A connection has ended. Safe to repeat. One point read and one batch."""
        self._renewed.pop((user_id, connection_id), None)
        await self._change(user_id, lambda old, now: _left(old, connection_id, now))

    def heard(self, user_id: str, connection_id: str) -> None:
        """A sign of life: renewed behind the caller's back, at most twice an hour by each process."""
        renewed = self._renewed.get((user_id, connection_id))
        if renewed is None or self._clock.now() - renewed >= RENEW_EVERY:
            self._behind.run(self.connected(user_id, connection_id))
            self._note(user_id, connection_id)

    async def settle(self, user_id: str) -> None:
        """Tell that somebody is offline, if they still are. Safe to repeat: it is told once."""
        if await self._change(user_id, _judged):
            await self._tell(user_id, online=False)

    async def find(self, me: str, user_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those of *user_ids* (at most 50) who share a conversation with *me*, and whether they are online.

        One `find_many`; for those with whom there is no direct conversation a query and another one, which look into
        the caller's ten busiest groups. While one blocks the other, they look as if they had never been here.
        """
        now, asked = self._clock.now(), list(dict.fromkeys(user_ids))[:MAX_ASKED]
        keys = [key for other in asked for key in ((other, PRESENCE), *block_keys(me, other), _place(me, other))]
        found = await self._documents.find_many(CHAT, keys)
        rows = {other: found[4 * n : 4 * n + 4] for n, other in enumerate(asked)}
        strangers = [other for other, row in rows.items() if row[3] is None and other != me]
        shared = (set(asked) - set(strangers)) | await self._in_groups(me, strangers)
        answers = []
        for other in asked:
            if other in shared:
                stored, mine, theirs, _ = rows[other]
                known = attendance_of(stored.item) if stored and not mine and not theirs else NOBODY
                seen = known.last_seen(now)
                answers.append(
                    {"userId": other, "online": known.is_online(now), "lastSeenAt": to_iso(seen) if seen else None}
                )
        return answers

    async def _in_groups(self, me: str, others: Sequence[str]) -> set[str]:
        if not others:
            return set()
        places = await self._places(me)
        groups = [place["conversationId"] for place in places if _direct_peer(me, place) is None][:GROUPS_SEEN]
        keys = [(partition_of(group), MEMBER + other) for group in groups for other in others]
        found = await self._documents.find_many(CHAT, keys) if keys else []
        return {stored.item["userId"] for stored in found if stored and is_present(stored.item)}

    async def _places(self, me: str) -> list[Item]:
        query = Query(order="activeOn", descending=True, eq={"type": "membership"}, limit=PLACES_SEEN)
        return [stored.item for stored in await self._documents.query(CHAT, me, query)]

    async def _tell(self, user_id: str, *, online: bool) -> None:
        """Those of the direct conversations, if they are there to hear it: one query and one `find_many`."""
        now = self._clock.now()
        peers = [peer for place in await self._places(user_id) if (peer := _direct_peer(user_id, place))][:PEERS_TOLD]
        keys = [key for peer in peers for key in ((peer, PRESENCE), *block_keys(user_id, peer))]
        found = await self._documents.find_many(CHAT, keys) if keys else []
        there = []
        for n, peer in enumerate(peers):
            stored, mine, theirs = found[3 * n : 3 * n + 3]
            if stored and not mine and not theirs and attendance_of(stored.item).is_online(now):
                there.append(peer)
        data = {"userId": user_id, "online": online, "lastSeenAt": to_iso(now)}
        frame = event("presence.changed", f"{user_id}:presence:{to_iso(now)}", data)
        await each(there, lambda peer: self._realtime.send_to_user(peer, frame))

    async def _change(self, user_id: str, judge: Callable[[Attendance, datetime], Attendance]) -> bool:
        """Write what *judge* makes of the present state; True when it changed what peers are shown.

        Connections of one person come in crowds, when a service comes back: in this process they take turns, instead
        of losing races against each other. Against other processes the store decides. Raises ConversationBusy.
        """
        async with self._turns.setdefault(user_id, asyncio.Lock()):
            return await self._contend(user_id, judge)

    async def _contend(self, user_id: str, judge: Callable[[Attendance, datetime], Attendance]) -> bool:
        for _ in range(RACES):
            stored, now = await self._documents.find(CHAT, user_id, PRESENCE), self._clock.now()
            old = attendance_of(stored.item) if stored else NOBODY
            new = judge(old, now)
            if new == old:
                return False
            item = attendance_item(new, user_id=user_id)
            steps: list[Operation] = [Replace(item, if_match=stored.etag) if stored else Create(item)]
            if old.connections and not new.connections:
                steps.append(Create(self._look(user_id, now + OFFLINE_AFTER)))
            if new.watched_until is not None and new.watched_until != old.watched_until:
                steps.append(Create(self._look(user_id, new.watched_until)))
            try:
                await self._documents.batch(CHAT, user_id, steps)
            except (ItemStale, ItemExists):
                continue
            return new.shown != old.shown
        raise ConversationBusy(retry_after=1)

    def _look(self, user_id: str, when: datetime) -> Item:
        """The task that judges at *when*: only the sweep hands it over, then or a few seconds after."""
        task = Task(self._ids.new(), "chat", {"task": "presence", "userId": user_id})
        return outbox_item(task, pk=user_id, now=when - SWEEP_AFTER)

    def _note(self, user_id: str, connection_id: str) -> None:
        self._renewed[(user_id, connection_id)] = self._clock.now()
        self._renewed.move_to_end((user_id, connection_id))
        if len(self._renewed) > MAX_KNOWN:
            self._renewed.popitem(last=False)


def _arrived(old: Attendance, connection_id: str, now: datetime) -> Attendance:
    if connection_id in old.gone:
        return old  # its end was told before its beginning
    until = old.connections.get(connection_id)
    if until is not None and until - now > LEASE - timedelta(minutes=1) and old.shown:
        return old
    standing = {name: until for name, until in old.connections.items() if until > now} | {connection_id: now + LEASE}
    newest = sorted(standing, key=lambda name: standing[name])[-MAX_CONNECTIONS:]
    watched = old.watched_until if old.is_watched(now) else now + LEASE
    connections = {name: standing[name] for name in newest}
    return replace(old, connections=connections, seen_at=now, shown=True, watched_until=watched)


def _left(old: Attendance, connection_id: str, now: datetime) -> Attendance:
    if connection_id in old.gone:
        return old
    standing = {name: until for name, until in old.connections.items() if name != connection_id and until > now}
    was_there = connection_id in old.connections
    gone = (*old.gone, connection_id)[-GONE_REMEMBERED:]
    return replace(old, connections=standing, gone=gone, seen_at=now if was_there else old.seen_at)


def _judged(old: Attendance, now: datetime) -> Attendance:
    if not old.is_online(now):
        return replace(old, shown=False)
    if old.is_watched(now + CLOCKS_DIFFER) or not old.connections:
        return old
    return replace(old, watched_until=max(*old.connections.values(), now + 2 * CLOCKS_DIFFER))


def _place(me: str, other: str) -> tuple[str, str]:
    """Where it says that *me* is in the direct conversation with *other*."""
    return partition_of(direct_conversation_id(me, other)), MEMBER + me


def _direct_peer(me: str, place: Item) -> str | None:
    """The other one, if the place is in a direct conversation."""
    peers = place["peers"]
    is_direct = len(peers) == 1 and direct_conversation_id(me, peers[0]) == place["conversationId"]
    return str(peers[0]) if is_direct else None


def attendance_item(attendance: Attendance, *, user_id: str) -> Item:
    return {
        "id": PRESENCE,
        "pk": user_id,
        "type": "presence",
        "connections": {name: to_iso(until) for name, until in attendance.connections.items()},
        "gone": list(attendance.gone),
        "seenAt": to_iso(attendance.seen_at) if attendance.seen_at else None,
        "shown": attendance.shown,
        "watchedUntil": to_iso(attendance.watched_until) if attendance.watched_until else None,
        "ttl": int(KEPT.total_seconds()),
    }


def attendance_of(item: Item) -> Attendance:
    return Attendance(
        connections={name: from_iso(until) for name, until in item["connections"].items()},
        gone=tuple(item["gone"]),
        seen_at=from_iso(item["seenAt"]) if item["seenAt"] else None,
        shown=item["shown"],
        watched_until=from_iso(item["watchedUntil"]) if item.get("watchedUntil") else None,
    )
