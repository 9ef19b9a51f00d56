"""docs/performance.md between its marks: the table of one run, from what `bench.rows` noted."""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.rows import Results

BEGIN: Final = "<!-- written by `make bench` -->"
END: Final = "<!-- end of what is written -->"


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that must be reached: *value* of the results, which *holds* judges."""

    row: str
    what: str
    value: Callable[[Results], float]
    shown: str
    holds: Callable[[float], bool]


def _ours(row: str, figure: str) -> Callable[[Results], float]:
    return lambda results: results.median(row, "ours", figure)


def _ratio(row: str, figure: str) -> Callable[[Results], float]:
    return lambda results: results.ratio(row, figure)


def _between(row: str, figure: str, other: str) -> Callable[[Results], float]:
    return lambda results: results.median(row, "ours", figure) / results.median(other, "ours", figure)


def _over_hash(results: Results) -> float:
    return results.median("login, 1 at a time", "ours", "p50") - results.median("argon2 alone", "ours", "p50")


def _login_rate(results: Results) -> float:
    return results.median("login, 4 at a time", "ours", "rate") / results.median("argon2 alone", "ours", "rate")


def _at_most(limit: float) -> Callable[[float], bool]:
    return lambda value: value <= limit


def _at_least(limit: float) -> Callable[[float], bool]:
    return lambda value: value >= limit


READ, READ_64 = "read, 16 at a time", "read, 64 at a time"
ALONE, SEND, SEND_64 = "send, 1 at a time", "send, 16 at a time", "send, 64 at a time"
BESIDE, THOUSAND = "reads beside 4 logins", "fan-out to 1,000"
BARS: Final = (
    Bar(READ, "rate, of T's ≥ 4", _ratio(READ, "rate"), "{:.1f} x", _at_least(4)),
    Bar(READ, "CPU ≤ 0.30 ms", _ours(READ, "cpu_ms"), "{:.2f} ms", _at_most(0.30)),
    Bar(READ_64, "rate, of that at 16 ≥ 0.9", _between(READ_64, "rate", READ), "{:.2f} x", _at_least(0.9)),
    Bar(READ_64, "errors = 0", _ours(READ_64, "errors"), "{:.0f}", _at_most(0)),
    Bar(ALONE, "p50, of T's ≤ 0.5", _ratio(ALONE, "p50"), "{:.2f} x", _at_most(0.5)),
    Bar(SEND, "rate, of T's ≥ 5", _ratio(SEND, "rate"), "{:.1f} x", _at_least(5)),
    Bar(SEND, "CPU, publishing included ≤ 0.5 ms", _ours(SEND, "cpu_ms"), "{:.2f} ms", _at_most(0.5)),
    Bar(SEND_64, "rate, of that at 16 ≥ 1", _between(SEND_64, "rate", SEND), "{:.2f} x", _at_least(1)),
    Bar(SEND_64, "errors = 0", _ours(SEND_64, "errors"), "{:.0f}", _at_most(0)),
    Bar("login, 1 at a time", "p50 above the hash alone ≤ 5 ms", _over_hash, "{:.1f} ms", _at_most(5)),
    Bar("login, 4 at a time", "rate, of argon2 on two threads ≥ 0.9", _login_rate, "{:.2f} x", _at_least(0.9)),
    Bar(BESIDE, "p99, of alone ≤ 2", _ours(BESIDE, "p99_growth"), "{:.1f} x", _at_most(2)),
    Bar(BESIDE, "rate, of alone ≥ 0.5", _ours(BESIDE, "rate_kept"), "{:.2f} x", _at_least(0.5)),
    Bar(
        "fan-out to 10",
        "p99 to the last, of T's ≤ 0.75",
        _ratio("fan-out to 10", "last_p99"),
        "{:.2f} x",
        _at_most(0.75),
    ),
    Bar(
        "fan-out to 100",
        "p99 to the last, of T's ≤ 0.75",
        _ratio("fan-out to 100", "last_p99"),
        "{:.2f} x",
        _at_most(0.75),
    ),
    Bar(THOUSAND, "p99 to the last, of T's ≤ 1", _ratio(THOUSAND, "last_p99"), "{:.2f} x", _at_most(1)),
    Bar(THOUSAND, "deliveries ≥ 80,000/s", _ours(THOUSAND, "deliveries"), "{:,.0f}/s", _at_least(80_000)),
    Bar(THOUSAND, "CPU a delivery ≤ 18 µs", _ours(THOUSAND, "cpu_us"), "{:.1f} µs", _at_most(18)),
    Bar(THOUSAND, "memory a socket ≤ 30 KB", _ours(THOUSAND, "socket_kb"), "{:.0f} KB", _at_most(30)),
    Bar(THOUSAND, "sender's 201, of T's ≤ 0.2", _ratio(THOUSAND, "sent_p50"), "{:.2f} x", _at_most(0.2)),
    Bar(THOUSAND, "memory idle, of T's ≤ 0.8", _ratio(THOUSAND, "idle_mb"), "{:.2f} x", _at_most(0.8)),
    Bar(THOUSAND, "memory with them, of T's ≤ 0.8", _ratio(THOUSAND, "open_mb"), "{:.2f} x", _at_most(0.8)),
    *(
        Bar(
            f"page of 100,000, {where}",
            "CPU, of that at 10,000 ≤ 1.1",
            _between(f"page of 100,000, {where}", "cpu_ms", f"page of 10,000, {where}"),
            "{:.2f} x",
            _at_most(1.1),
        )
        for where in ("newest", "middle", "oldest")
    ),
    Bar("catch-up of 1,000", "p50 ≤ 25 ms", _ours("catch-up of 1,000", "p50"), "{:.1f} ms", _at_most(25)),
    Bar("cold start", "CPU, of T's ≤ 0.75", _ratio("cold start", "cpu_s"), "{:.2f} x", _at_most(0.75)),
)
FIGURES: Final = (("rate", "a second"), ("cpu_ms", "CPU"), ("p50", "p50"), ("p99", "p99"))


def lines(results: Results, *, windows: int, seconds: float) -> Iterator[str]:
    """The Markdown between the marks."""
    yield f"{os.cpu_count()} cores, Python {platform.python_version()}, medians of {windows} windows of {seconds:g} s."
    yield ""
    yield "| what | must be | is | |"
    yield "|---|---|---|---|"
    for bar in BARS:
        if results.has(bar.row):
            value = bar.value(results)
            yield f"| {bar.row} | {bar.what} | {bar.shown.format(value)} | {'' if bar.holds(value) else '**missed**'} |"
    yield ""
    yield "Ours over T, window by window, and what the medians were on that machine:"
    yield ""
    yield "| what | rate | CPU | p50 | p99 | ours: CPU, p50, p99 | T: CPU, p50, p99 |"
    yield "|---|---|---|---|---|---|---|"
    for row in dict.fromkeys(row for row, _ in results.windows):
        if results.has(row) and "cpu_ms" in results.windows[row, "ours"][0]:
            ratios = " | ".join(f"{results.ratio(row, figure):.2f} x" for figure, _ in FIGURES)
            yield f"| {row} | {ratios} | {_medians(results, row, 'ours')} | {_medians(results, row, 'T')} |"


def _medians(results: Results, row: str, subject: str) -> str:
    return ", ".join(f"{results.median(row, subject, figure):.2f} ms" for figure in ("cpu_ms", "p50", "p99"))


def write(page: Path, results: Results, *, windows: int, seconds: float) -> None:
    """Replace what stands between the marks."""
    replace_between(page, BEGIN, END, "\n".join(lines(results, windows=windows, seconds=seconds)))


def replace_between(page: Path, begin: str, end: str, body: str) -> None:
    """Put *body* between two marks of a page. Raises ValueError where they are not."""
    text = page.read_text("utf-8")
    before, after = text.index(begin), text.index(end)
    page.write_text(f"{text[:before]}{begin}\n{body}\n{text[after:]}", "utf-8")
