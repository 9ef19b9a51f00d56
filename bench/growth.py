"""What an operation asks of store and realtime service as there is more of everything: `python -m bench.growth`.

Counts, by the means that the tests' budgets use, so they are the same on every machine; one that grows with what there
is, and is not in GROWS, is an error. Beside each count stands the median time of a few calls, and as a multiple of the
first column's. With `--page FILE` the table is written there.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from bench.bulk import fill_conversations, fill_courses, fill_messages
from bench.report import replace_between
from domain.courses.search import Wanted
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.courses import a_school
from tests.factories import NOON, ManualClock
from tests.world import RecordingRealtime

BEGIN: Final = "<!-- written by bench.growth -->"
END: Final = "<!-- end of growth -->"
TRIES: Final = 9
CONVERSATIONS: Final = (1, 100, 1_000, 10_000)
PARTICIPANTS: Final = (10, 100, 500)
MESSAGES: Final = (1_000, 10_000, 100_000, 1_000_000)
COURSES_HELD: Final = (10, 1_000, 10_000, 100_000)
GROWS: Final = frozenset({"catalogue, first request"})
"""A call for each thousand courses, once an hour and process: docs/adr/0050-catalogue-snapshot.md."""

Operation = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One operation at one size."""

    what: str
    size: str
    calls: str
    milliseconds: float


class Growth:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen: list[Seen] = []

    async def conversations(self, count: int) -> None:
        async with self._chat(f"conversations-{count}") as chat:
            me, other = await chat.person("Ada"), await chat.person("Bob")
            room = await chat.direct(me, other)
            await fill_conversations(chat.documents.inner, chat.ids, me, other, count - 1, chat.clock.now())
            size, day = f"{count:,} conversations a person", timedelta(days=1)
            cursor = chat.sync.begin()
            await self._note("list conversations", size, chat, lambda: chat.conversations.page(me, limit=20))
            await self._note("open one", size, chat, lambda: chat.conversations.get(me, room))
            since = chat.clock.now() - day
            await self._note(
                "connect a socket", size, chat, lambda: chat.conversations.active_ids(me, at_least=200, since=since)
            )
            await self._note("sync, nothing new", size, chat, lambda: chat.sync.page(me, cursor, limit=100))
            await self._note("send", size, chat, lambda: chat.say(me, room, "Hello"))

    async def participants(self, count: int) -> None:
        async with self._chat(f"participants-{count}") as chat:
            people = [await chat.person(f"Person {number}") for number in range(count)]
            me, *others = people
            room = await chat.group(me, *others)
            await chat.sending.settle()  # more than ninety are let in behind the answer
            chat.clock.advance(timedelta(days=1))
            size, cursor = f"{count:,} participants", chat.sync.begin()
            await self._note("send to the group", size, chat, lambda: chat.say(me, room, "Hello"))
            await self._note("list with the group", size, chat, lambda: chat.conversations.page(me, limit=20))
            await self._note("open the group", size, chat, lambda: chat.conversations.get(me, room))
            await self._note("page of the group", size, chat, self._page(chat, me, room, None))
            await self._note("sync with the group", size, chat, lambda: chat.sync.page(me, cursor, limit=100))

    async def messages(self, count: int) -> None:
        async with self._chat(f"messages-{count}") as chat:
            me, other = await chat.person("Ada"), await chat.person("Bob")
            room = await chat.direct(me, other)
            await fill_messages(chat.documents.inner, room, (me, other), count, began=NOON, text="Line")
            size = f"{count:,} messages"
            for where, before in (("newest", None), ("middle", count // 2), ("oldest", 51)):
                await self._note(f"{where} page of 50", size, chat, self._page(chat, me, room, before))
            await self._note(
                "catch up on 1,000", size, chat, lambda: chat.history.page(me, room, after=count - 1000, limit=1000)
            )
            await self._note("send to it", size, chat, lambda: chat.say(me, room, "Hello"))

    async def courses(self, count: int) -> None:
        folder = self._folder / f"courses-{count}"
        folder.mkdir()
        school = a_school(folder)
        await fill_courses(school.store.inner, count, changed_at=NOON - timedelta(days=1))
        size = f"{count:,} courses"
        with school.store.measure() as calls:
            await school.catalogue.snapshot()
        self.seen.append(Seen("catalogue, first request", size, str(calls.total), 0.0))

        async def page() -> None:
            await school.catalogue.page(Wanted(), page=1, limit=20)

        await self._note("catalogue page", size, school.store, page)
        school.clock.advance(timedelta(seconds=31))
        with school.store.measure() as calls:
            await page()
        self.seen.append(Seen("catalogue page, 30 s later", size, str(calls.total), 0.0))
        await school.store.close()

    @asynccontextmanager
    async def _chat(self, name: str) -> AsyncGenerator[Instance]:
        folder = self._folder / name
        folder.mkdir()
        clock = ManualClock()
        documents = CountingDocuments(SqliteDocuments(folder / "documents.db", clock))
        queue = SqliteQueue(folder / "queues.db", clock)
        chat = Instance(documents, RecordingRealtime(), blobs_in(folder, clock), clock, queue)
        try:
            yield chat
        finally:
            await chat.sending.settle()
            await queue.close()
            await documents.close()

    def _page(self, chat: Instance, me: str, room: str, before: int | None) -> Operation:
        return lambda: chat.history.page(me, room, before=before)

    async def _note(self, what: str, size: str, of: Instance | CountingDocuments, operation: Operation) -> None:
        store = of.documents if isinstance(of, Instance) else of
        await operation()
        if isinstance(of, Instance):
            await of.sending.settle()
            of.realtime.sent.clear()
            of.realtime.calls.clear()
        with store.measure() as calls:
            await operation()
        counted = str(calls.total)
        if isinstance(of, Instance):
            await of.sending.settle()
            told = len(of.realtime.sent) + len(of.realtime.calls)
            counted += f" + {told} realtime" if told else ""
        taken = []
        for _ in range(TRIES):
            began = time.perf_counter()
            await operation()
            taken.append((time.perf_counter() - began) * 1000)
        self.seen.append(Seen(what, size, counted, statistics.median(taken)))

    def lines(self) -> Iterable[str]:
        """One table for each thing that grows."""
        for group in _groups(self.seen):
            sizes = list(dict.fromkeys(seen.size for seen in group))
            yield f"| calls (time, and as a multiple) | {' | '.join(sizes)} |"
            yield "|---|" + "---|" * len(sizes)
            for what in dict.fromkeys(seen.what for seen in group):
                row = [seen for seen in group if seen.what == what]
                yield f"| {what} | {' | '.join(_cell(seen, row[0]) for seen in row)} |"
            yield ""


def _cell(seen: Seen, first: Seen) -> str:
    if not first.milliseconds:
        return seen.calls
    return f"{seen.calls} ({seen.milliseconds:.1f} ms, {seen.milliseconds / first.milliseconds:.1f})"


def growing(seen: Iterable[Seen]) -> dict[str, list[str]]:
    """The counts of the operations that cost more calls where there is more, though they should not."""
    counts: dict[str, list[str]] = {}
    for one in seen:
        counts.setdefault(one.what, []).append(one.calls)
    return {what: calls for what, calls in counts.items() if len(set(calls)) > 1 and what not in GROWS}


def _groups(seen: Iterable[Seen]) -> Iterable[list[Seen]]:
    grouped: dict[str, list[Seen]] = {}
    for one in seen:
        grouped.setdefault(one.size.partition(" ")[2], []).append(one)
    return grouped.values()


async def measure() -> Growth:
    with tempfile.TemporaryDirectory() as folder:
        growth = Growth(Path(folder))
        for count in CONVERSATIONS:
            await growth.conversations(count)
        for count in PARTICIPANTS:
            await growth.participants(count)
        for count in MESSAGES:
            await growth.messages(count)
        for count in COURSES_HELD:
            await growth.courses(count)
    return growth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    growth = asyncio.run(measure())
    text = "\n".join(growth.lines())
    print(text)
    if given.page:
        replace_between(given.page, BEGIN, END, text)
    if more := growing(growth.seen):
        raise SystemExit(f"These cost more calls where there is more: {more}")


if __name__ == "__main__":
    main()
