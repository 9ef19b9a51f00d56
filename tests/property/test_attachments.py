"""Files and messages in two containers stay of one mind, whatever is sent, deleted, raced or cut short in between.

The store fails at random, before a write or after it, as one whose answer is lost. Afterwards, once the jobs have run:
a message that stands shows files that are there, a file is shown by one message, and of what no message shows no byte
is left.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.chat.model import Message
from domain.files.errors import FileNotFound
from domain.files.model import FILE_ID, Caller
from domain.kernel.containers import CHAT, FILES
from domain.kernel.errors import DomainError, Invalid, Unavailable
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.factories import ManualClock
from tests.world import RecordingRealtime

T = TypeVar("T")
WRITES = frozenset({"create", "upsert", "replace", "patch", "delete", "batch"})


class Flaky:
    """A document store whose writes fail now and then while it is *shaky*; half of the failed ones are done."""

    def __init__(self, inner: SqliteDocuments, chance: random.Random) -> None:
        self._inner = inner
        self._chance = chance
        self.shaky = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return self._failing(method) if name in WRITES else method

    def _failing(self, method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        async def call(*args: Any, **more: Any) -> T:
            fate = self._chance.random() if self.shaky else 1
            if fate < 0.05:
                raise Unavailable
            result = await method(*args, **more)
            if fate < 0.1:
                raise Unavailable
            return result

        return call


@dataclass
class Play:
    """Ada and Bob talk on two instances."""

    chance: random.Random
    store: Flaky
    instances: list[Instance]
    clock: ManualClock
    people: list[str] = field(default_factory=list)
    room: str = ""
    files: list[tuple[str, str]] = field(default_factory=list)
    """Whose, and which."""
    sent: dict[str, Message] = field(default_factory=dict)
    """By `clientMessageId`: what was answered."""
    asked: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    @property
    def anywhere(self) -> Instance:
        return self.chance.choice(self.instances)

    async def begin(self) -> None:
        one = self.instances[0]
        self.people = [await one.person("Ada"), await one.person("Bob")]
        self.room = await one.direct(*self.people)

    async def step(self) -> None:
        doings = (self.attach, self.repeat, self.race, self.race, self.unsay, self.remove, self.wait)
        with suppress(DomainError):
            await self.upload()
            await self.chance.choice(doings)()

    async def upload(self) -> None:
        who = self.chance.choice(self.people)
        self.files.append((who, await self.anywhere.upload(who)))

    async def attach(self) -> None:
        who = self.chance.choice(self.people)
        own = [file_id for owner, file_id in self.files if owner == who]
        chosen = self.chance.sample(own, min(len(own), self.chance.randint(1, 3)))
        if chosen:
            key = str(len(self.asked))
            self.asked[key] = (who, chosen)
            await self.send(key)

    async def repeat(self) -> None:
        if self.asked:
            await self.send(self.chance.choice(list(self.asked)))

    async def race(self) -> None:
        """Several messages at once that want one file, one of them twice."""
        if not self.files:
            return
        who, file_id = self.chance.choice(self.files[-4:])
        own = [each for owner, each in self.files[-4:] if owner == who and each != file_id]
        keys = [str(len(self.asked) + n) for n in range(3)]
        self.asked |= {key: (who, [file_id, *self.chance.sample(own, min(1, len(own)))]) for key in keys}
        await asyncio.gather(*(self.send(key) for key in [*keys, keys[0]]), return_exceptions=True)

    async def send(self, key: str) -> None:
        who, files = self.asked[key]
        message = await self.anywhere.attach(who, self.room, *files, client_message_id=key)
        first = self.sent.setdefault(key, message)
        assert message.id == first.id
        assert not message.attachments or [each.id for each in message.attachments] == files

    async def unsay(self) -> None:
        if self.sent:
            message = self.chance.choice(list(self.sent.values()))
            await self.anywhere.changes.delete(message.sender_id, message.id, moderates=False)

    async def remove(self) -> None:
        if self.files:
            who, file_id = self.chance.choice(self.files[-6:])
            await self.anywhere.files.delete(Caller(who), file_id)

    async def wait(self) -> None:
        self.clock.advance(minutes=self.chance.choice([1, 20, 70]))
        await self.jobs()

    async def jobs(self) -> None:
        for instance in self.instances:
            await instance.sending.settle()
            for job in (instance.outbox.sweep(CHAT), instance.run_tasks(), instance.sweep.run()):
                with suppress(DomainError):
                    await job

    async def has_bytes(self, file_id: str) -> bool:
        stored = await self.store.find(FILES, file_id, FILE_ID)
        if stored is None:
            return False
        return await self.instances[0].blobs.stat(f"{file_id}/{stored.item['version']}") is not None

    async def may_read(self, who: str, file_id: str) -> bool:
        try:
            return (await self.instances[0].files.get(Caller(who), file_id)).url is not None
        except FileNotFound:
            return False

    async def check(self) -> None:
        page = await self.instances[1].history.page(self.people[0], self.room, limit=100)
        shown = [each for message in page.items for each in message["attachments"]]
        ids = [each["id"] for each in shown]
        assert len(ids) == len(set(ids)), "a file is one message's only"
        standing = {each["id"] for each in shown if each["url"] is not None}
        for file_id in ids:
            there = file_id in standing
            assert await self.has_bytes(file_id) == there, file_id
            assert [await self.may_read(who, file_id) for who in self.people] == [there, there]
        said = {message["id"] for message in page.items}
        assert {message.id for message in self.sent.values()} <= said, "what was answered is there"
        for _, file_id in self.files:
            assert file_id in standing or not await self.has_bytes(file_id), "nothing is left of what no message shows"


@pytest.mark.parametrize("seed", range(12))
async def test_files_and_messages_stay_of_one_mind(tmp_path: Path, seed: int) -> None:
    chance, clock, realtime = random.Random(seed), ManualClock(), RecordingRealtime()  # noqa: S311 - not a secret
    documents = SqliteDocuments(tmp_path / "documents.db", clock)
    store, queue, blobs = (
        Flaky(documents, chance),
        SqliteQueue(tmp_path / "queues.db", clock),
        blobs_in(tmp_path, clock),
    )
    instances = [Instance(CountingDocuments(store), realtime, blobs, clock, queue) for _ in range(2)]
    play = Play(chance, store, instances, clock)
    await play.begin()
    store.shaky = True
    for _ in range(60):
        await play.step()
    store.shaky = False
    for hours in (0, 1, 2, 25, 25):
        clock.advance(timedelta(hours=hours, minutes=1))
        for _ in range(3):
            await play.jobs()
    await play.check()
    with suppress(Invalid):  # and it goes on
        await play.attach()
    await queue.close()
    await documents.close()
