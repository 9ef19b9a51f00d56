"""Work that nobody waits for: what follows an answer that stands already."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from domain.kernel.errors import DomainError

CLOSE_WITHIN: Final = 2.0
"""Seconds that stopping waits for what runs behind; an outbox or a mark in the store has the rest."""


class Behind:
    """One per process. What is run here may fail or be cut short: it is repaired elsewhere, or was only a hint."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Return when all of it is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Return within two seconds; what is not done by then is cancelled."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN):
                await self.settle()
        await cancel_all(self._tasks)


async def cancel_all(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel, and wait until each has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _quietly(work: Coroutine[Any, Any, object]) -> None:
    with suppress(DomainError):
        await work
