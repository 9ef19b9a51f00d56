"""The rows of docs/performance.md: what is measured, one window at a time, subjects taking turns."""

import asyncio
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from bench.hashing import alone
from bench.http_load import Window, load
from bench.import_time import CLOUD, everything, milliseconds_to_import
from bench.sockets import FanOut, fan_out
from bench.subject import HISTORIES, Subject

BREAKS: Final = (OSError, EOFError, AssertionError, aiohttp.ClientError)
"""What a service that ended, hung up, did not answer in time or answered something else shows as."""
PEERS: Final = ("T", "Synapse", "Parse", "ejabberd", "ejabberd-2")

Measure = dict[str, float]


@dataclass
class Results:
    """By row and subject: the figures of each window."""

    windows: dict[tuple[str, str], list[Measure]] = field(default_factory=dict)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    """What was wrong where something was: no figure of such a row counts."""

    def note(self, row: str, subject: str, figures: Measure, fault: str = "") -> None:
        self.windows.setdefault((row, subject), []).append(figures)
        print(
            f"  {row:39}{subject:11}" + "  ".join(f"{name} {value:,.2f}" for name, value in figures.items()), flush=True
        )
        if fault:
            self.fail(row, subject, fault)

    def fail(self, row: str, subject: str, fault: str) -> None:
        self.faults[row, subject] = fault
        print(f"  {row:39}{subject:11}FAILED: {fault}", flush=True)

    def median(self, row: str, subject: str, figure: str) -> float:
        return statistics.median(window[figure] for window in self.windows[row, subject])

    def ratio(self, row: str, figure: str, peer: str = "T") -> float:
        """Ours over a peer's: the median of the windows' own ratios, for neighbours in time saw the same machine."""
        pairs = zip(self.windows[row, "ours"], self.windows[row, peer], strict=True)  # who missed one has failed
        return statistics.median(ours[figure] / (theirs[figure] or 1e-9) for ours, theirs in pairs)

    def has(self, row: str, *peers: str) -> bool:
        """Whether these did it in as many windows as ours, rightly or not."""
        ours, *theirs = (len(self.windows.get((row, subject), ())) for subject in ("ours", *peers))
        return ours > 0 and all(count == ours for count in theirs)

    def rows(self) -> list[str]:
        return list(dict.fromkeys(row for row, _ in (*self.windows, *self.faults)))

    def peers(self, row: str) -> list[str]:
        """Who else did this, and did it right."""
        named = [name for at, name in self.windows if at == row and name in PEERS]
        return [name for name in named if (row, name) not in self.faults]


def figures(window: Window) -> Measure:
    return {
        "rate": window.rate,
        "cpu_ms": window.cpu_ms,
        "p50": window.percentile(50),
        "p99": window.percentile(99),
        "errors": window.errors,
    }


@dataclass(frozen=True)
class Bench:
    subjects: Sequence[Subject]
    results: Results
    windows: int
    seconds: float

    async def requests(self) -> None:
        """Everything that is asked of servers which run side by side, one of them at work at a time."""
        for at_once in (16, 64):
            await self._row(f"read, {at_once} at a time", "read", lambda subject: subject.read, at_once)
        for at_once in (1, 16, 64):
            for _ in range(self.windows):
                for subject in self._that_do("send"):
                    row = f"send, {at_once} at a time"
                    with self._judging(row, subject):
                        window = await subject.sends(at_once=at_once, seconds=self.seconds)
                        self.results.note(row, subject.name, figures(window))
        for count, room in zip(HISTORIES, (1, 2), strict=True):
            for where, before in (("newest", None), ("middle", count // 2), ("oldest", 51)):
                await self._pages(f"page of {count:,}, {where}", room, before)
        newest = f"page of {HISTORIES[-1]:,}, newest, 16 at a time"
        await self._row(newest, "page", lambda subject: lambda _: subject.page(subject.rooms[-1], None), 16)
        await self._row("catch-up of 1,000", "catch-up", lambda subject: lambda _: subject.catch_up(), 1)

    async def _pages(self, row: str, room: int, before: int | None) -> None:
        await self._row(row, "old pages", lambda subject: lambda _: subject.page(subject.rooms[room], before), 4)

    async def logins(self) -> None:
        for _ in range(self.windows):
            single, pair = alone(self.seconds)
            for subject in self._that_do("login"):
                self.results.note("argon2 alone", subject.name, {"p50": single, "rate": pair})
        await self._row("login, 1 at a time", "login", lambda subject: subject.login, 1, seconds=self.seconds * 2)
        await self._row("login, 4 at a time", "login", lambda subject: subject.login, 4, seconds=self.seconds * 2)
        for _ in range(self.windows):
            for subject in self._that_do("login"):
                await subject.sign_in()  # who signs in fifty times is signed out where they began
                quiet = await self._window(subject, subject.read, 4)
                hashing = asyncio.create_task(self._window(subject, subject.login, 4, seconds=self.seconds * 1.5))
                busy = await self._window(subject, subject.read, 4)
                await hashing
                self.results.note(
                    "reads beside 4 logins",
                    subject.name,
                    {
                        "p99_growth": busy.percentile(99) / quiet.percentile(99),
                        "rate_kept": busy.rate / quiet.rate,
                        "quiet_p99": quiet.percentile(99),
                        "p99": busy.percentile(99),
                        "errors": quiet.errors + busy.errors,
                    },
                )

    async def _row(
        self,
        row: str,
        kind: str,
        build: Callable[[Subject], Callable[[int], bytes]],
        at_once: int,
        *,
        seconds: float = 0,
    ) -> None:
        for _ in range(self.windows):
            for subject in self._that_do(kind):
                with self._judging(row, subject):
                    window = await self._window(subject, build(subject), at_once, seconds)
                    self.results.note(row, subject.name, figures(window))

    @contextmanager
    def _judging(self, row: str, subject: Subject) -> Iterator[None]:
        """A service that breaks fails the row, not the run."""
        try:
            yield
        except BREAKS as error:
            self.results.fail(row, subject.name, f"{type(error).__name__} {error}".strip()[:200].replace("\n", " "))

    def _that_do(self, kind: str) -> list[Subject]:
        return [subject for subject in self.subjects if kind in subject.rows]

    async def _window(
        self, subject: Subject, build: Callable[[int], bytes], at_once: int, seconds: float = 0
    ) -> Window:
        seconds = seconds or self.seconds
        return await load(subject.port, build, at_once=at_once, seconds=seconds, process=subject.process)

    async def fan_outs(self, sizes: Sequence[int]) -> None:
        """Each window with servers of its own, so that the memory is what these sockets take."""
        for sockets in sizes:
            for _ in range(self.windows):
                for subject in self._that_do("fan-out"):
                    if sockets > subject.most_sockets:
                        continue
                    row, full = f"fan-out to {sockets:,}", f"fan-out to {sockets:,}, eight senders"
                    with self._judging(row, subject):
                        async with subject.serving():
                            seen = await fan_out(subject, sockets, tries=subject.tries, seconds=self.seconds)
                        self.results.note(row, subject.name, _in_turn(seen), seen.fault)
                        saturated = {"deliveries": seen.deliveries, "cpu_us": seen.cpu_us, "sent_p50": seen.busy_p50_ms}
                        self.results.note(full, subject.name, saturated, seen.saturated_fault)

    async def cold_starts(self) -> None:
        for modules in (CLOUD, everything()):
            milliseconds_to_import(modules)  # compiles what was never compiled
        for _ in range(max(3, self.windows)):
            cloud, most = milliseconds_to_import(CLOUD), milliseconds_to_import(everything())
            self.results.note("imports", "ours", {"cloud_ms": cloud, "everything_ms": most, "share": cloud / most})
            for subject in self._that_do("start"):
                async with subject.serving():
                    self.results.note("cold start", subject.name, {"cpu_s": subject.process.cpu_seconds})


def _in_turn(seen: FanOut) -> Measure:
    return {
        "last_p50": seen.last_p50_ms,
        "last_p99": seen.last_p99_ms,
        "sent_p50": seen.sent_p50_ms,
        "socket_kb": seen.socket_kilobytes,
        "idle_mb": seen.idle_kilobytes / 1024,
        "open_mb": seen.open_kilobytes / 1024,
    }
