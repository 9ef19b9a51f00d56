"""The model test as it is in life: two processes of the application, the realtime service, Microsoft's own client.

Eight devices of four people, each with a network of its own; processes are killed, also between what they stored and
what they were to publish. `MODEL_SEED=<seed>` tells one story again, `MODEL_SECONDS=600` a longer one: how requests
fall between each other is not part of a seed, so a failure may take several.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from tests.model.check import check_device, check_heard_only, check_the_store
from tests.model.device import Device
from tests.model.fleet import Fleet, a_fleet
from tests.model.over_http import OverHttp
from tests.model.replica import Frame
from tests.model.seeds import seeds
from tests.model.story import Story
from tests.model.wire import Wire
from tests.servers import Server

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180 + 2 * float(os.environ.get("MODEL_SECONDS", "0")))]

SECONDS: Final = float(os.environ.get("MODEL_SECONDS", "9"))
NAMES: Final = ("Ada", "Bob", "Cyd", "Dan")
WORKERS: Final = 4
QUIET_WITHIN: Final = 40.0
"""Seconds for what jobs have to make good: the slowest comes round every ten."""

FOLLOWS: Final = {"place", "tellGroup", "tell", "touch"}
"""Tasks of chat whose trace all devices wait for."""


@dataclass
class Town:
    fleet: Fleet
    story: Story
    dice: random.Random
    steady: list[Wire] = field(default_factory=list)
    wild: list[Wire] = field(default_factory=list)
    deeds: int = 0

    async def begin(self) -> None:
        self.story.people += await asyncio.gather(*(self.fleet.sign_up(name) for name in NAMES))
        await self.story.begin()
        for who in self.story.people:
            for name, wires in (("steady", self.steady), ("wild", self.wild)):
                device = Device(name, who, self._any_app, page=self.dice.choice([1, 3, 100]), pause=0.1)
                device.overheard = self._overheard
                wires.append(Wire(device, self._any_app, self.dice, self.fleet.realtime_port, loses=name == "wild"))
        await asyncio.gather(*(wire.open() for wire in self.wires))

    @property
    def wires(self) -> list[Wire]:
        return self.steady + self.wild

    def _any_app(self) -> OverHttp:
        return self.fleet.any_app(self.dice)

    def _overheard(self, device: Device, message: Frame) -> None:
        self.story.ledger.check_hearing(device.me, message, self.story.now())

    async def live(self) -> None:
        """Deeds and disasters, for as long as the story goes."""
        until = time.monotonic() + SECONDS
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(until))
            group.create_task(self._networks(until))
            group.create_task(self._disasters(until))

    async def _work(self, until: float) -> None:
        while time.monotonic() < until:
            self.deeds += 1
            dice = self.story.dice(self.deeds)
            if dice.random() < 0.1:
                await self._say_twice(dice)
            else:
                await self.story.deed(dice)
            await asyncio.sleep(dice.random() * 0.05)

    async def _say_twice(self, dice: random.Random) -> None:
        """Over a socket, and, as who got no answer does, again by a request: it is one message."""
        wire = dice.choice(self.wires)

        async def first(room: str, text: str, key: str) -> None:
            await wire.say(room, text, key)

        await self.story.send_as(wire.device.me, dice, first)

    async def _networks(self, until: float) -> None:
        """Wild devices lose their connection for 0.1 s, or for longer than the service keeps what they miss."""
        while time.monotonic() < until:
            wire = self.dice.choice(self.wild)
            wire.network.cut()
            await asyncio.sleep(self.dice.choice([0.1, 0.1, 0.5, 1, 3]))
            wire.network.mend()
            await asyncio.sleep(self.dice.random() * 0.5)

    async def _disasters(self, until: float) -> None:
        """Each once at least: the next begins when the last is mended."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill,
            self._kill_unpublished,
            self._kill_realtime,
            self._jump,
        ]
        while kinds and time.monotonic() < until:
            for disaster in self.dice.sample(kinds, len(kinds)):
                await asyncio.sleep(0.3 + self.dice.random())
                self.story.ledger.trouble = self.story.now()
                await disaster()
                self.story.ledger.trouble = self.story.now()

    async def _kill(self) -> None:
        member = self.dice.choice(self.fleet.members)
        await member.run.kill()
        await member.run.start()

    async def _kill_unpublished(self) -> None:
        """What it answers from now on is stored, and its publishing hangs; then it dies."""
        member = self.dice.choice(self.fleet.members)
        member.to_realtime.hang()
        who, room = self.story.people[0], self.story.rooms[0]
        for _ in range(3):
            await self.story.send_by(member.app, who, room, self.dice)
        await member.run.kill()
        member.to_realtime.mend()
        await member.run.start()

    async def _kill_realtime(self) -> None:
        await self.fleet.realtime.kill()
        await asyncio.sleep(self.dice.random())
        await self.fleet.realtime.start()

    async def _jump(self) -> None:
        """Minutes pass; a wild device is away for all of them."""
        wire = self.dice.choice(self.wild)
        wire.network.cut()
        self.fleet.jump(self.dice.choice([30, 70, 150]))
        await asyncio.sleep(0.2)
        wire.network.mend()

    async def rest(self) -> None:
        """Until everything that was to follow has followed."""
        for wire in self.wires:
            wire.network.mend()
        self.fleet.jump(20)  # what waits for somebody else to do it is due
        async with asyncio.timeout(QUIET_WITHIN):
            while await self._is_anything_due():  # noqa: ASYNC110 - in other processes
                await asyncio.sleep(0.3)

    async def _is_anything_due(self) -> bool:
        documents = self.fleet.documents
        marked = await documents.query_everywhere(CHAT, Query(order="publishDueAt", limit=100))
        waiting = await documents.query_everywhere(CHAT, Query(order="dueAt", eq={"type": "outbox"}, limit=1000))
        return bool(marked) or any(stored.item["payload"].get("task") in FOLLOWS for stored in waiting)

    async def check(self) -> None:
        await check_the_store(self.fleet.documents, self.story)
        app = self._any_app()
        await self._becomes_true(self.steady, lambda device: check_heard_only(device, app))
        for wire in self.wires:
            wire.device.came_back()
        await self._becomes_true(self.wires, lambda device: check_device(device, app))
        assert self.story.ledger.leaks == []

    async def _becomes_true(self, wires: list[Wire], check: Callable[[Device], Awaitable[None]]) -> None:
        """What was told last may be on its way still."""
        until = time.monotonic() + QUIET_WITHIN / 2
        for wire in wires:
            while True:
                await wire.device.settle()
                try:
                    await check(wire.device)
                    break
                except AssertionError:
                    if time.monotonic() > until:
                        raise
                await asyncio.sleep(0.2)

    async def close(self) -> None:
        for wire in self.wires:
            await wire.close()
            await wire.device.close()


@asynccontextmanager
async def a_town(seed: str, fleet: Fleet) -> AsyncGenerator[Town]:
    dice = random.Random(seed)  # noqa: S311 - the same story for the same seed
    story = Story(seed, [], lambda: fleet.any_app(dice), time.monotonic)
    town = Town(fleet, story, dice)
    try:
        await town.begin()
        yield town
    finally:
        await town.close()


@pytest.mark.parametrize("seed", seeds(1))
async def test_every_device_ends_with_what_is_stored(seed: str, cosmos_emulator: Server, tmp_path: Path) -> None:
    try:
        async with a_fleet(cosmos_emulator.url, tmp_path) as fleet, a_town(seed, fleet) as town:
            await town.live()
            await town.rest()
            await town.check()
            summary: dict[str, Any] = {
                "deeds": town.deeds,
                "messages": sum(said.answer is not None for said in town.story.ledger.said.values()),
                "heard": sum(wire.device.heard for wire in town.wires),
                "connections": sum(wire.connections for wire in town.wires),
            }
            assert min(summary.values()) > len(town.wires), summary  # else nothing was put to the proof
    except Exception as error:
        raise AssertionError(f"the story fails: MODEL_SEED={seed} tells it again") from error
