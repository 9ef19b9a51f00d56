"""The model test without sockets: thousands of steps, minutes that pass at once, deaths between any two calls.

A failure names its story: `MODEL_SEED=<seed> MODEL_STEPS=<steps> pytest tests/model/test_inside.py` runs it again.
`MODEL_STORIES=200` tells more of them.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.documents.cosmos import CosmosDocuments
from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.kernel.documents import DocumentStore
from tests.chat.lounge import blobs_in
from tests.factories import ManualClock
from tests.model.app import NoAnswer
from tests.model.check import check_device, check_heard_only, check_the_store
from tests.model.device import Device
from tests.model.inside import Inside
from tests.model.replica import Frame
from tests.model.seeds import seeds, steps, tell
from tests.model.story import Story
from tests.model.switchboard import Switchboard
from tests.servers import Server

NAMES: Final = ("Ada", "Bob", "Cyd", "Dan")
PAUSES: Final = (0, 0, 0, 0.2, 3, 12, 30, 70, 400, 4000)
"""Seconds that pass after a step."""

AT_ONCE: Final = 4
"""Deeds of one step, at most."""


@dataclass
class Town:
    """Two instances, four people with three devices each: always connected, coming and going, and never connected."""

    documents: DocumentStore
    queue: SqliteQueue
    blobs: EmbeddedBlobs
    clock: ManualClock
    seed: str
    story: Story = field(init=False)
    dice: random.Random = field(init=False)
    board: Switchboard = field(init=False)
    instances: list[Inside] = field(default_factory=list)
    steady: list[Device] = field(default_factory=list)
    wild: list[Device] = field(default_factory=list)
    absent: list[Device] = field(default_factory=list)
    """Never connected: all they know is from syncing now and then."""
    retired: list[Inside] = field(default_factory=list)

    def __post_init__(self) -> None:
        moments = count(1)
        self.story = Story(self.seed, [], self.any_app, lambda: float(next(moments)))
        self.dice = self.story.dice(-1)
        self.board = Switchboard(self.dice)

    async def begin(self) -> None:
        self.instances += [self._instance(), self._instance()]
        for name in NAMES:
            self.story.people.append(await self.instances[0].chat.person(name))
        await self.story.begin()
        for who in self.story.people:
            for name, devices in (("steady", self.steady), ("wild", self.wild)):
                device = Device(name, who, self.any_app, page=self.dice.choice([1, 3, 100]))
                device.overheard = self._overheard
                devices.append(device)
                await self._connect(device)
            self.absent.append(Device("absent", who, self.any_app, page=self.dice.choice([1, 3, 100])))

    @property
    def devices(self) -> list[Device]:
        return self.steady + self.wild + self.absent

    def any_app(self) -> Inside:
        """A living one: who has died is followed by another."""
        for place, instance in enumerate(self.instances):
            if instance.life.is_over:
                self.instances[place] = self._instance()
                self.retired.append(instance)
        return self.dice.choice(self.instances)

    def _instance(self) -> Inside:
        return Inside.begin(self.documents, self.board, self.queue, self.blobs, self.clock, self.dice)

    async def step(self, number: int) -> None:
        dice = self.dice = self.story.dice(number)
        for instance in self.instances:
            instance.life.dice = dice
        self.board.dice = dice
        deeds = [self.story.deed(dice) for _ in range(dice.randrange(AT_ONCE))]
        await asyncio.gather(*deeds, self._happening(dice))
        await self._repeat_events()
        self.clock.advance(seconds=dice.choice(PAUSES))
        self.board.deliver(dice.randrange(8))
        if dice.random() < 0.3:
            with suppress(NoAnswer):
                await self.any_app().do_jobs()
        if dice.random() < 0.3:
            await asyncio.gather(*(device.settle() for device in self.devices))

    async def _happening(self, dice: random.Random) -> None:
        """What is nobody's deed."""
        what = dice.random()
        if what < 0.04:
            dice.choice(self.instances).life.calls_left = 1 + dice.randrange(6)
        elif what < 0.08:
            dice.choice(self.instances).life.fails_one_in = dice.choice([0, 5, 30])
        elif what < 0.10:
            self.board.down = not self.board.down
        elif what < 0.15:
            dice.choice(self.absent).came_back()
        elif what < 0.25:
            await self._network(dice, dice.choice(self.wild))
        if self.board.down or any(
            each.life.calls_left is not None or each.life.fails_one_in for each in self.instances
        ):
            self.story.ledger.trouble = self.story.now()

    async def _network(self, dice: random.Random, device: Device) -> None:
        connection = next((each for each in self.board.connections if each.device is device), None)
        if connection is None:
            await self._connect(device)
        elif connection.held and dice.random() < 0.5:
            connection.held = False  # in time: what waited is delivered
        elif dice.random() < 0.5:
            connection.held = True
        else:
            self.board.lose(connection)
            self.board.connections.remove(connection)

    async def _repeat_events(self) -> None:
        for connection in self.board.connections:
            if not connection.device.let_in:
                await self._tell_connected(connection.device)

    async def _connect(self, device: Device) -> None:
        with suppress(NoAnswer):
            device.let_in = False
            await self.any_app().let_in(self.board, device)
            device.came_back()
            await self._tell_connected(device)

    async def _tell_connected(self, device: Device) -> None:
        """The service repeats an event that was not answered: until then the device may hear what it should not."""
        with suppress(NoAnswer):
            await self.any_app().connected(device)
            device.let_in = True

    def _overheard(self, device: Device, message: Frame) -> None:
        self.story.ledger.check_hearing(device.me, message, self.story.now())

    async def end(self) -> None:
        """Whatever was wrong is over, and what is left to do is done."""
        self.board.down = False
        for instance in self.instances:
            instance.life.calls_left, instance.life.fails_one_in = None, 0
        for device in self.wild:
            if not any(each.device is device for each in self.board.connections):
                await self._connect(device)
        for connection in self.board.connections:
            connection.held = False
        await self._repeat_events()
        for _ in range(6):
            for instance in self.instances:
                await instance.chat.sending.settle()
            self.clock.advance(seconds=40)
            await self.any_app().do_jobs()
        while any(each.waiting for each in self.board.connections):
            self.board.deliver(100)
            await asyncio.gather(*(device.settle() for device in self.devices))

    async def close(self) -> None:
        for device in self.devices:
            await device.close()
        for instance in self.instances + self.retired:
            await instance.chat.sending.settle()


@asynccontextmanager
async def a_town(seed: str, documents: DocumentStore, folder: Path, clock: ManualClock) -> AsyncGenerator[Town]:
    queue = SqliteQueue(folder / f"queues-{uuid4()}.db", clock)
    town = Town(documents, queue, blobs_in(folder, clock), clock, seed)
    try:
        await town.begin()
        yield town
    finally:
        await town.close()
        await queue.close()


async def tell_in(documents: DocumentStore, folder: Path, clock: ManualClock, seed: str, most: int) -> None:
    async with a_town(seed, documents, folder, clock) as town:
        for number in range(most):
            await town.step(number)
        await town.end()
        people = await check_the_store(documents, town.story)
        app = town.any_app()
        for device in town.steady:
            await check_heard_only(device, app)
        for connection in town.board.connections:
            joined = {group.removeprefix("c.") for group in connection.groups if group.startswith("c.")}
            assert joined == {room for room, there in people.items() if connection.device.me in there}
        said = {(said.room, said.answer["seq"]) for said in town.story.ledger.said.values() if said.answer}
        assert said <= town.board.published
        for device in town.devices:
            device.came_back()
            await device.settle()
            await check_device(device, app)
        assert town.story.ledger.leaks == []


Opens = Callable[[ManualClock], Awaitable[DocumentStore]]


async def tell_over(opens: Opens, folder: Path, seed: str, most: int) -> None:
    async def story(seed: str, most: int) -> None:
        clock = ManualClock()
        documents = await opens(clock)
        try:
            await tell_in(documents, folder, clock, seed, most)
        finally:
            await documents.close()

    await tell(seed, steps(most), story)


@pytest.mark.parametrize("seed", seeds(4))
async def test_everybody_ends_with_what_is_stored(seed: str, tmp_path: Path) -> None:
    async def opens(clock: ManualClock) -> DocumentStore:
        return SqliteDocuments(tmp_path / f"{uuid4()}.db", clock)

    await tell_over(opens, tmp_path, seed, 400)


@pytest.mark.servers
@pytest.mark.parametrize("seed", seeds(1))
async def test_everybody_ends_with_what_cosmos_db_stores(seed: str, tmp_path: Path, cosmos_emulator: Server) -> None:
    async def opens(_: ManualClock) -> DocumentStore:
        documents = CosmosDocuments(cosmos_emulator.url, f"db-{uuid4()}", key="a2V5")
        await documents.ensure_containers()
        return documents

    await tell_over(opens, tmp_path, seed, 120)
