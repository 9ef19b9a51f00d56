"""Sockets that send without waiting, and learn which of their messages were acknowledged."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from bench.http_load import ANSWER_SECONDS, Window, rested
from bench.process import Costs
from bench.receivers import Audience, Receiver, Steps


class Speaker(Receiver, ABC):
    """*acknowledged* is called with the number of each message that was."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(Audience(), steps)
        self.acknowledged: Callable[[int], None] = lambda _: None

    @abstractmethod
    def say(self, number: int) -> None:
        """Send the message of that number."""

    async def send_one(self, number: int) -> None:
        """Return once it is acknowledged. Raises TimeoutError."""
        back = asyncio.Event()
        self.acknowledged = lambda _: back.set()
        self.say(number)
        async with asyncio.timeout(ANSWER_SECONDS):
            await back.wait()


async def in_flight(speakers: Sequence[Speaker], *, at_once: int, seconds: float, first: int, process: Costs) -> Window:
    """As `bench.http_load.load` counts, with *at_once* messages on the way at any time, spread over the speakers."""
    window, asked_at, done = Window(), dict[int, float](), asyncio.Event()
    cpu, began = process.cpu_seconds, time.perf_counter()

    def say(speaker: Speaker) -> None:
        window.asked += 1
        asked_at[first + window.asked] = time.perf_counter()
        speaker.say(first + window.asked)

    def listens(speaker: Speaker) -> Callable[[int], None]:
        def acknowledged(number: int) -> None:
            window.taken_ms.append((time.perf_counter() - asked_at.pop(number)) * 1000)
            if time.perf_counter() - began < seconds:
                say(speaker)
            elif not asked_at:
                done.set()

        return acknowledged

    for speaker in speakers:
        speaker.acknowledged = listens(speaker)
    for place in range(at_once):
        say(speakers[place % len(speakers)])
    async with asyncio.timeout(seconds + ANSWER_SECONDS):
        await done.wait()
    window.seconds = time.perf_counter() - began
    window.cpu_seconds = await rested(process) - cpu
    return window
