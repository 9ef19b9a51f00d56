"""What the embedded store's two decisions are worth, in one run: `python -m bench.store`.

Writes: many in one transaction, against a transaction each. Reads: in the event loop, against a thread.
Ratios of medians; nothing is asserted, because the figures are this machine's.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from adapters.documents import sqlite_commit
from adapters.documents.sqlite import SqliteDocuments
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query

SECONDS = 1.0
WINDOWS = 3
WRITERS = 64


def an_item(item_id: str) -> dict[str, object]:
    return {"pk": "conversation", "id": item_id, "text": "x" * 500, "sender": "0190f2b0-0000-7000-8000-000000000000"}


async def rate(work: Callable[[], Awaitable[object]], *, at_once: int) -> float:
    """How often *work* is done in a second by *at_once* callers: the median of some windows."""

    async def one_caller(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            await work()
            count += 1
        return count

    rates = []
    for _ in range(WINDOWS):
        begun = time.perf_counter()
        counts = await asyncio.gather(*(one_caller(begun + SECONDS) for _ in range(at_once)))
        rates.append(sum(counts) / (time.perf_counter() - begun))
    return statistics.median(rates)


async def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # not /tmp, which may be memory
        store = SqliteDocuments(Path(folder) / "documents.db")
        numbers = iter(range(10**9))

        async def write() -> None:
            await store.create(CHAT, an_item(f"m:{next(numbers):09}"))

        async def read() -> None:
            await store.find(CHAT, "conversation", "m:000000005")

        async def read_in_thread() -> None:
            await asyncio.to_thread(store._find, CHAT, "conversation", "m:000000005")  # noqa: SLF001 - the comparison

        async def page() -> None:
            await store.query(CHAT, "conversation", Query(limit=50))

        grouped, alone = await rate(write, at_once=WRITERS), await rate(write, at_once=1)
        most = sqlite_commit.MOST_WRITES_A_GROUP
        vars(sqlite_commit)["MOST_WRITES_A_GROUP"] = 1
        apart = await rate(write, at_once=WRITERS)
        vars(sqlite_commit)["MOST_WRITES_A_GROUP"] = most
        looped, threaded = await rate(read, at_once=1), await rate(read_in_thread, at_once=1)
        pages = await rate(page, at_once=1)
        await store.close()
    print(f"{'durable writes, 64 at a time, in groups':45}{grouped:10,.0f}/s{grouped / apart:8.1f} x")
    print(f"{'durable writes, 64 at a time, one by one':45}{apart:10,.0f}/s{1:8.1f} x")
    print(f"{'durable writes, one at a time':45}{alone:10,.0f}/s{alone / apart:8.1f} x")
    print(f"{'point reads in the loop':45}{looped:10,.0f}/s{looped / threaded:8.1f} x")
    print(f"{'point reads in a thread':45}{threaded:10,.0f}/s{1:8.1f} x")
    print(f"{'pages of 50':45}{pages:10,.0f}/s")


if __name__ == "__main__":
    asyncio.run(main())
