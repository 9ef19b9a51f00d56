"""docs/performance.md between its marks: the tables of one run, from what `bench.rows` noted."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.bars import BARS, Bar
from bench.rows import PEERS, Results

BEGIN: Final = "<!-- written by `make bench` -->"
END: Final = "<!-- end of what is written -->"
SUBJECTS: Final = ("ours", *PEERS, "hello", "SQLite", "picows", "aiohttp")
RATIOS: Final = ("rate", "cpu_ms", "p50", "p99")


def lines(results: Results, *, windows: int, seconds: float) -> Iterator[str]:
    """The Markdown between the marks."""
    yield f"{os.cpu_count()} cores, Python {platform.python_version()}, medians of windows of {seconds:g} s: {windows}."
    yield ""
    yield "| what | must be | is | |"
    yield "|---|---|---|---|"
    for bar in BARS:
        if bar.row in results.rows():
            yield f"| {bar.row} | {bar.what} | {_judged(bar, results)} |"
    yield ""
    yield "Ours over T, window by window:"
    yield ""
    yield "| what | rate | CPU | p50 | p99 |"
    yield "|---|---|---|---|---|"
    for row in results.rows():
        if results.has(row, "T") and "cpu_ms" in results.windows[row, "ours"][0]:
            yield f"| {row} | {' | '.join(f'{results.ratio(row, figure):.2f} x' for figure in RATIOS)} |"
    yield ""
    yield from _everyone(results)


def _judged(bar: Bar, results: Results) -> str:
    if fault := results.faults.get((bar.row, "ours")):
        return f"{fault.replace('|', '/')} | **failed**"
    if not results.has(bar.row, *bar.beside):
        return f"not measured: no {', '.join(bar.beside) or 'figure'} | "
    value = bar.value(results)
    return f"{bar.shown.format(value)} | {'' if bar.holds(value) else '**missed**'}"


def _everyone(results: Results) -> Iterator[str]:
    """What the medians were on that machine: a figure of one run, not to be compared with another's."""
    there = [name for name in SUBJECTS if any(name == seen for _, seen in results.windows)]
    yield "Everyone's medians: rate, p50 / p99 in ms (to the last socket, for fan-out), the server's CPU in ms."
    yield ""
    yield f"| what | {' | '.join(there)} |"
    yield "|---|" + "---|" * len(there)
    for row in results.rows():
        yield f"| {row} | {' | '.join(_medians(results, row, name) for name in there)} |"


def _medians(results: Results, row: str, name: str) -> str:
    if fault := results.faults.get((row, name)):
        return f"failed: {fault.replace('|', '/')}"
    if (row, name) not in results.windows:
        return ""
    seen = {figure: results.median(row, name, figure) for figure in results.windows[row, name][0]}
    match seen:
        case {"cpu_ms": cpu, "rate": rate, "p50": p50, "p99": p99, "errors": errors}:
            return f"{rate:,.0f}/s, {p50:.1f} / {p99:.1f}, {cpu:.2f}" + (f", {errors:.0f} errors" if errors else "")
        case {"last_p50": p50, "last_p99": p99}:
            return f"{p50:.1f} / {p99:.1f}"
        case {"deliveries": rate, "cpu_us": cpu}:
            return f"{rate:,.0f}/s, {cpu / 1000:.3f}"
    return ", ".join(f"{figure.replace('_', ' ')} {value:,.2f}" for figure, value in seen.items())


def write(page: Path, results: Results, *, windows: int, seconds: float) -> None:
    """Replace what stands between the marks."""
    replace_between(page, BEGIN, END, "\n".join(lines(results, windows=windows, seconds=seconds)))


def replace_between(page: Path, begin: str, end: str, body: str) -> None:
    """Put *body* between two marks of a page. Raises ValueError where they are not."""
    text = page.read_text("utf-8")
    before, after = text.index(begin), text.index(end)
    page.write_text(f"{text[:before]}{begin}\n{body}\n{text[after:]}", "utf-8")
