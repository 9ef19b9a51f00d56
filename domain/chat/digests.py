"""E-mail about missed messages: at most one in each of the person's periods, when they have been away for a while.

One item a person, `digest`, says which task is *pending* and when the last mail went. Whoever notices a missed message
makes a task pending, unless one is, together with an outbox item that falls due when the mail may go. The task first
takes itself off the item, so that a message it does not see makes a new one pending; then it counts, judges, and
writes the mail's own outbox item in the batch that records the mail: the item's etag lets that happen once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.errors import ConversationBusy
from domain.chat.notices import CLOCKS_DIFFER, NOTICES
from domain.chat.places import each
from domain.chat.unread import Absence, UnreadCount
from domain.kernel.accounts import ACCOUNT_ID, Account, Preferences
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import ACCOUNTS, CHAT
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Replace,
    Stored,
)
from domain.kernel.ids import Ids
from domain.kernel.mail import MAIL_QUEUE
from domain.kernel.outbox import SWEEP_AFTER, Outbox, Task, outbox_item

DIGEST: Final = "digest"
KEPT: Final = timedelta(days=90)
LOOK_AGAIN: Final = timedelta(days=1)
"""The longest a task waits before it is judged anew: a preference changed meanwhile holds by then."""

SPREAD_SECONDS: Final = 600
"""Quiet hours end for many at once: their mails are spread over so long, or a sixth of the patience if that is less."""

LOST_AFTER: Final = timedelta(days=1)
"""A pending task this late is not coming any more: its queue gave it up."""

RACES: Final = 8
LOST_RACE: Final = (ItemStale, ItemExists, ItemNotFound)
"""The last where the item's time to live ended in between."""


@dataclass(frozen=True, slots=True)
class Record:
    """*pending* is the id of the task that will judge at *pending_at*; *sent_for* the task whose mail went last."""

    pending: str | None = None
    pending_at: datetime | None = None
    sent_for: str | None = None
    sent_at: datetime | None = None

    def is_pending(self, now: datetime) -> bool:
        return self.pending is not None and self.pending_at is not None and now < self.pending_at + LOST_AFTER


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; not before *at*."""

    at: datetime


class Moot:
    """There is nothing to tell, or nobody who wants to know."""


class Send:
    """Now."""


def judge(
    preferences: Preferences, record: Record, absence: Absence, now: datetime, away_for: timedelta
) -> Send | Later | Moot:
    """Whether a mail about *absence* goes *now*. Pure."""
    if preferences.digest.period is None or absence.is_active or not _is_news(record, absence):
        return Moot()
    since = absence.seen_at or now - away_for
    at = due_at(preferences, record, since=since, now=now, away_for=away_for)
    return Send() if at <= now else Later(at)


def _is_news(record: Record, absence: Absence) -> bool:
    """Whether anything was missed that the last mail did not tell: nobody is reminded of the same twice."""
    if absence.newest_at is None:
        return False
    return record.sent_at is None or absence.newest_at > record.sent_at - CLOCKS_DIFFER


def due_at(
    preferences: Preferences, record: Record, *, since: datetime, now: datetime, away_for: timedelta
) -> datetime:
    """When a mail to somebody who is away since *since* may go: after their patience, their period and their night."""
    period = preferences.digest.period or LOOK_AGAIN
    at = max(now, since + away_for, record.sent_at + period if record.sent_at else now)
    return preferences.quiet_hours.after(at) if preferences.quiet_hours else at


class Digests:
    def __init__(
        self,
        documents: DocumentStore,
        outbox: Outbox,
        unread: UnreadCount,
        clock: Clock,
        ids: Ids,
        away_for: timedelta,
    ) -> None:
        """*away_for* is how long somebody must not have been seen."""
        self._documents = documents
        self._outbox = outbox
        self._unread = unread
        self._clock = clock
        self._ids = ids
        self._away_for = away_for

    async def expect(self, user_ids: Sequence[str]) -> None:
        """These people, at most a thousand, have just missed something: have that judged in time.

        Safe to repeat: two `find_many`, and a batch for each who wants digests and has none pending. Raises
        Unavailable, ConversationBusy.
        """
        accounts = await self._documents.find_many(ACCOUNTS, [(user_id, ACCOUNT_ID) for user_id in user_ids])
        digests = await self._documents.find_many(CHAT, [(user_id, DIGEST) for user_id in user_ids])
        people = [
            (Account.from_item(account.item), digest)
            for account, digest in zip(accounts, digests, strict=True)
            if account is not None
        ]
        await each(people, lambda person: self._expect(*person))

    async def _expect(self, account: Account, stored: Stored | None) -> None:
        if not account.verified or account.preferences.digest.period is None:
            return
        now = self._clock.now()
        record = record_of(stored)
        if not record.is_pending(now):
            at = due_at(account.preferences, record, since=now, now=now, away_for=self._away_for)
            await self._postpone(account.id, stored, at)

    async def run(self, task: Mapping[str, Any]) -> None:
        """Do a `digest` task. Safe to repeat. Raises Unavailable, ConversationBusy."""
        user_id, task_id = task["userId"], task["id"]
        await self._take_off(user_id, task_id)
        found = await self._documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        account = Account.from_item(found.item) if found else None
        if account is None or not account.verified:
            return
        absence = await self._unread.absence(user_id)
        for _ in range(RACES):
            stored, now = await self._documents.find(CHAT, user_id, DIGEST), self._clock.now()
            record = record_of(stored)
            if record.sent_for == task_id:
                return
            match judge(account.preferences, record, absence, now, self._away_for):
                case Later(at):
                    if not record.is_pending(now):
                        await self._postpone(user_id, stored, at)
                    return
                case Send():
                    if await self._send(user_id, stored, record, task_id, now):
                        return
                case _:
                    return
        raise ConversationBusy(retry_after=1)

    async def _send(self, user_id: str, stored: Stored | None, record: Record, task_id: str, now: datetime) -> bool:
        """Record that the mail of *task_id* goes, with the mail's own task. False when somebody else wrote first."""
        payload = {"template": DIGEST, "userId": user_id, "digestId": task_id}
        mail = outbox_item(Task(f"{task_id}:mail", MAIL_QUEUE, payload), pk=user_id, now=now)
        sent = Record(record.pending, record.pending_at, task_id, now)
        try:
            await self._documents.batch(CHAT, user_id, [_write(user_id, sent, stored), Create(mail)])
        except LOST_RACE:
            return False
        await self._outbox.offer(CHAT, mail)
        return True

    async def _postpone(self, user_id: str, stored: Stored | None, at: datetime) -> None:
        """Make a task pending that judges at *at*, unless one is."""
        for _ in range(RACES):
            now, record = self._clock.now(), record_of(stored)
            if record.is_pending(now):
                return
            task_id = self._ids.new()
            due = min(at + spread(user_id, self._away_for), now + LOOK_AGAIN)
            task = Task(task_id, NOTICES, {"task": DIGEST, "userId": user_id, "id": task_id})
            pending = Record(task_id, due, record.sent_for, record.sent_at)
            steps: list[Operation] = [
                _write(user_id, pending, stored),
                Create(outbox_item(task, pk=user_id, now=due - SWEEP_AFTER)),
            ]
            try:
                await self._documents.batch(CHAT, user_id, steps)
            except LOST_RACE:
                stored = await self._documents.find(CHAT, user_id, DIGEST)
            else:
                return
        raise ConversationBusy(retry_after=1)

    async def _take_off(self, user_id: str, task_id: str) -> None:
        """From here on *task_id* is not pending: what is missed from now on expects another."""
        for _ in range(RACES):
            stored = await self._documents.find(CHAT, user_id, DIGEST)
            record = record_of(stored)
            if stored is None or record.pending != task_id:
                return
            item = record_item(user_id, Record(None, None, record.sent_for, record.sent_at))
            try:
                await self._documents.replace(CHAT, item, if_match=stored.etag)
            except LOST_RACE:
                continue
            return
        raise ConversationBusy(retry_after=1)


def spread(user_id: str, away_for: timedelta) -> timedelta:
    """The same for a person each time; people differ (the random end of a UUIDv7)."""
    most = min(SPREAD_SECONDS, int(away_for.total_seconds()) // 6)
    return timedelta(seconds=int(user_id[-8:], 16) % (most + 1))


def _write(user_id: str, record: Record, stored: Stored | None) -> Operation:
    item = record_item(user_id, record)
    return Replace(item, if_match=stored.etag) if stored else Create(item)


def record_item(user_id: str, record: Record) -> Item:
    return {
        "id": DIGEST,
        "pk": user_id,
        "type": DIGEST,
        "pending": record.pending,
        "pendingAt": to_iso(record.pending_at) if record.pending_at else None,
        "sentFor": record.sent_for,
        "sentAt": to_iso(record.sent_at) if record.sent_at else None,
        "ttl": int(KEPT.total_seconds()),
    }


def record_of(stored: Stored | None) -> Record:
    if stored is None:
        return Record()
    item = stored.item
    return Record(
        pending=item["pending"],
        pending_at=from_iso(item["pendingAt"]) if item["pendingAt"] else None,
        sent_for=item["sentFor"],
        sent_at=from_iso(item["sentAt"]) if item["sentAt"] else None,
    )
