"""A bounded number of threads for a blocking driver, and a bounded wait for one of them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar

from domain.kernel.errors import Unavailable

T = TypeVar("T")

RETRY_AFTER_SECONDS: Final = 2.0


class SlotsTaken(Unavailable):
    """Every slot stayed busy for as long as a request waits for one."""

    message = "Too much is going on at the moment. Try again shortly."


class Slots:
    """At most *count* pieces of work at once; others wait in turn, up to *patience*, and the event loop never does.

    A slot is free again when its thread is done, not when the caller stopped waiting: a driver that hangs holds its
    slot and nothing else.
    """

    def __init__(self, count: int, *, patience: timedelta, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._free = asyncio.Semaphore(count)
        self._patience = patience.total_seconds()

    async def run(self, work: Callable[[], T]) -> T:
        """Run *work* in a thread. Raises SlotsTaken, and whatever *work* raises."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError as error:
            raise SlotsTaken(retry_after=RETRY_AFTER_SECONDS) from error
        try:
            future = self._threads.submit(work)
        except BaseException:  # the pool is closed
            self._free.release()
            raise
        loop = asyncio.get_running_loop()

        def release(_: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._free.release)

        future.add_done_callback(release)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for the work that runs; there is no more after it."""
        self._threads.shutdown(wait=True)
