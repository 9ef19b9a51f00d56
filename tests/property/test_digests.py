"""Whatever people do, and whatever comes twice: digests are never too many, never at night, and never forgotten."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.chat.notices import CLOCKS_DIFFER
from domain.chat.presence import PRESENCE, attendance_of
from domain.kernel.accounts import Digest, Preferences
from domain.kernel.containers import CHAT
from domain.kernel.quiet import QuietHours
from tests.budget import CountingDocuments
from tests.chat.absent import AWAY_FOR, Street
from tests.chat.lounge import Instance, blobs_in
from tests.factories import ManualClock
from tests.world import RecordingRealtime

NIGHT = QuietHours.of("22:00", "07:00", "America/Chicago", path="p")
LONGEST = timedelta(hours=26)
"""A period, the patience, the spread, and then a night."""

STEPS = st.one_of(
    st.sampled_from(["miss", "miss", "miss", "say", "read", "come", "go", "visit", "twice", "crash"]),
    st.sampled_from([timedelta(minutes=each) for each in (0.1, 20, 61, 72, 150, 500)]),
)


@dataclass
class Evening:
    """Ada writes to Bob, who comes and goes."""

    street: Street
    digest: Digest
    said_at: datetime | None = None
    told: bool = False
    """Whether a mail went since the last message, and so long after that no clock takes the message for news."""
    mails: list[datetime] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    connection: int = 0

    async def begin(self) -> None:
        preferences = Preferences(email_digest=self.digest, quiet_hours=NIGHT)
        self.ada, self.bob = await self.street.move_in("Ada"), await self.street.move_in("Bob", preferences)
        self.room = await self.street.chat.direct(self.ada, self.bob)

    async def do(self, step: str | timedelta) -> None:
        chat = self.street.chat
        match step:
            case timedelta():
                await self.street.wait(step)
            case "say":
                await self.street.say(self.ada, self.room)
                self.said_at, self.told = chat.clock.now(), False
            case "read":
                await chat.receipts.read(self.bob, self.room, 10**6)
                self.said_at = None
            case "come":
                self.connection += 1
                await chat.presence.connected(self.bob, f"c{self.connection}")
            case "go":
                await self.go()
            case "visit":
                await self.do("come")
                await self.do("go")
            case "miss":
                await self.do("say")
                await self.do(timedelta(seconds=6))
            case "twice":
                for task in self.seen[-3:]:
                    await self.street.noticing.run(task)
            case _:
                await self.crash()
        self.seen += [task for task in await self.street.tasks() if task not in self.seen]
        await self.check()

    async def go(self) -> None:
        for number in range(1, self.connection + 1):
            await self.street.chat.presence.disconnected(self.bob, f"c{number}")

    async def crash(self) -> None:
        """In the middle of a digest task, which then is shown again."""
        for task in await self.street.tasks():
            if task["task"] == "digest":
                await self.street.digests._take_off(self.bob, task["id"])

    async def check(self) -> None:
        now, sent = self.street.chat.clock.now(), len(await self.street.mails())
        if sent == len(self.mails):
            return
        assert sent == len(self.mails) + 1, "two at once"
        assert not NIGHT.hold(now)
        if self.mails:
            assert now - self.mails[-1] >= (self.digest.period or timedelta.max)
        presence = await self.street.chat.documents.find(CHAT, self.bob, PRESENCE)
        if presence:
            attendance = attendance_of(presence.item)
            assert not attendance.is_active(now)
            assert now - (attendance.last_seen(now) or now - AWAY_FOR) >= AWAY_FOR
        self.mails.append(now)
        self.told = self.said_at is not None and now - self.said_at >= CLOCKS_DIFFER

    async def end(self) -> None:
        """Bob stays away: what he missed since he was last seen is told, and then nothing more."""
        await self.go()
        presence = await self.street.chat.documents.find(CHAT, self.bob, PRESENCE)
        seen_at = attendance_of(presence.item).last_seen(self.street.chat.clock.now()) if presence else None
        missed = self.said_at is not None and (seen_at is None or self.said_at > seen_at)
        told_before, told = len(self.mails), self.told
        for _ in range(int((LONGEST + (self.digest.period or timedelta())) / timedelta(hours=1))):
            await self.do(timedelta(hours=1))
        more = len(self.mails) - told_before
        assert more == (missed and not told), "one for what was missed, if it was not told yet"


async def spend(steps: list[str | timedelta], digest: Digest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock()
        documents, queue = SqliteDocuments(Path(folder) / "d.db"), SqliteQueue(Path(folder) / "q.db", clock)
        chat = Instance(CountingDocuments(documents), RecordingRealtime(), blobs_in(Path(folder), clock), clock, queue)
        chat.publisher._quiet = 0
        evening = Evening(Street(chat), digest)
        try:
            await evening.begin()
            for step in steps:
                await evening.do(step)
            await evening.end()
        finally:
            await chat.sending.settle()
            await queue.close()
            await documents.close()


@settings(max_examples=30)
@given(st.lists(STEPS, min_size=5, max_size=40), st.sampled_from([Digest.HOURLY, Digest.DAILY]))
def test_digests_are_never_too_many_never_at_night_and_never_forgotten(
    steps: list[str | timedelta], digest: Digest
) -> None:
    asyncio.run(spend(steps, digest))
