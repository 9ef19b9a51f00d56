"""What an operation asks of store and realtime service as there is more of everything: `python -m bench.growth`.

Counts, by the means that the tests' budgets use, so they are the same on every machine. Beside each count stands the
median time of a few calls as a multiple of the first column's. With `--page FILE` the table is written there.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from bench.report import replace_between
from domain.chat.model import Message, message_id, partition_of
from domain.chat.records import HEAD, message_item
from domain.courses.entries import entry_item
from domain.courses.model import Stats
from domain.courses.search import Wanted
from domain.kernel.containers import CHAT, COURSES
from domain.kernel.documents import Create, Patch
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.courses import a_course, a_school
from tests.factories import NOON, ManualClock
from tests.world import RecordingRealtime

BEGIN: Final = "<!-- written by bench.growth -->"
END: Final = "<!-- end of growth -->"
TRIES: Final = 9
CONVERSATIONS: Final = (1, 10, 100, 1000)
MESSAGES: Final = (1_000, 10_000, 100_000)
COURSES_HELD: Final = (10, 1_000, 10_000, 100_000)

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
        chat = self._chat(f"conversations-{count}")
        me = await chat.person("Ada")
        others = [await chat.person(f"Person {number}") for number in range(count)]
        rooms = [await chat.direct(me, other) for other in others]
        size = f"{count:,} conversations a person"
        await self._note("list conversations", size, chat, lambda: chat.conversations.page(me, limit=20))
        await self._note("open one", size, chat, lambda: chat.conversations.get(me, rooms[0]))
        await self._note("connect a socket", size, chat, self._connect(chat, me))
        await self._note("send", size, chat, lambda: chat.say(me, rooms[0], "Hello"))
        await self._end(chat)

    def _connect(self, chat: Instance, me: str) -> Callable[[], Awaitable[list[str]]]:
        day = timedelta(days=1)
        return lambda: chat.conversations.active_ids(me, at_least=200, since=chat.clock.now() - day)

    async def messages(self, count: int) -> None:
        chat = self._chat(f"messages-{count}")
        me, other = await chat.person("Ada"), await chat.person("Bob")
        room = await chat.direct(me, other)
        await self._fill(chat, room, me, count)
        size = f"{count:,} messages"
        for where, before in (("newest", None), ("middle", count // 2), ("oldest", 51)):
            await self._note(f"{where} page of 50", size, chat, self._page(chat, me, room, before))
        await self._note(
            "catch up on 1,000", size, chat, lambda: chat.history.page(me, room, after=count - 1000, limit=1000)
        )
        await self._note("send to it", size, chat, lambda: chat.say(me, room, "Hello"))
        await self._end(chat)

    async def courses(self, count: int) -> None:
        folder = self._folder / f"courses-{count}"
        folder.mkdir()
        school, yesterday = a_school(folder), NOON - timedelta(days=1)
        for first in range(0, count, 100):
            numbers = range(first, min(first + 100, count))
            entries = [
                entry_item(a_course(number).course, Stats(), changed_at=yesterday + timedelta(milliseconds=number))
                for number in numbers
            ]
            await school.store.inner.batch(COURSES, entries[0]["pk"], [Create(entry) for entry in entries])
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

    def _chat(self, name: str) -> Instance:
        folder = self._folder / name
        folder.mkdir()
        clock = ManualClock()
        documents = CountingDocuments(SqliteDocuments(folder / "documents.db", clock))
        queue = SqliteQueue(folder / "queues.db", clock)
        return Instance(documents, RecordingRealtime(), blobs_in(folder, clock), clock, queue)

    def _page(self, chat: Instance, me: str, room: str, before: int | None) -> Operation:
        return lambda: chat.history.page(me, room, before=before)

    async def _fill(self, chat: Instance, room: str, me: str, count: int) -> None:
        pk = partition_of(room)
        for first in range(1, count + 1, 100):
            made = [
                Message(message_id(conversation_id=room, seq=seq, now=moment), room, seq, me, f"Line {seq}", moment)
                for seq, moment in ((seq, NOON + timedelta(seconds=seq)) for seq in range(first, first + 100))
            ]
            await chat.documents.inner.batch(CHAT, pk, [Create(message_item(message)) for message in made])
        await chat.documents.inner.patch(CHAT, pk, Patch(HEAD, set={"lastSeq": count, "publishedSeq": count}))

    async def _note(self, what: str, size: str, of: Instance | CountingDocuments, operation: Operation) -> None:
        store = of.documents if isinstance(of, Instance) else of
        await operation()
        if isinstance(of, Instance):
            await of.sending.settle()
            of.realtime.sent.clear()
        with store.measure() as calls:
            await operation()
        counted = str(calls.total)
        if isinstance(of, Instance):
            await of.sending.settle()
            counted += f" + {len(of.realtime.sent)} realtime" if of.realtime.sent else ""
        taken = []
        for _ in range(TRIES):
            began = time.perf_counter()
            await operation()
            taken.append((time.perf_counter() - began) * 1000)
        self.seen.append(Seen(what, size, counted, statistics.median(taken)))

    async def _end(self, chat: Instance) -> None:
        await chat.sending.settle()
        await chat.queue.close()
        await chat.documents.close()

    def lines(self) -> Iterable[str]:
        """One table for each thing that grows."""
        for group in _groups(self.seen):
            sizes = list(dict.fromkeys(seen.size for seen in group))
            yield f"| calls (time as a multiple) | {' | '.join(sizes)} |"
            yield "|---|" + "---|" * len(sizes)
            for what in dict.fromkeys(seen.what for seen in group):
                row = [seen for seen in group if seen.what == what]
                first = row[0].milliseconds
                cells = [f"{seen.calls} ({seen.milliseconds / first:.1f})" if first else seen.calls for seen in row]
                yield f"| {what} | {' | '.join(cells)} |"
            yield ""


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
        for count in MESSAGES:
            await growth.messages(count)
        for count in COURSES_HELD:
            await growth.courses(count)
    return growth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    text = "\n".join(asyncio.run(measure()).lines())
    print(text)
    if given.page:
        replace_between(given.page, BEGIN, END, text)


if __name__ == "__main__":
    main()
