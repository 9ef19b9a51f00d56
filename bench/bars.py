"""What must be reached: the bars that were set before anything was measured."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.rows import Results
from bench.worker import HELLO
from bench.worker import READ as HOSTED


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that must be reached: *value* of the results, which *holds* judges."""

    row: str
    what: str
    value: Callable[[Results], float]
    shown: str
    holds: Callable[[float], bool]
    beside: tuple[str, ...] = ()
    """Whom it needs measured, of those who are not always there."""


def _ours(row: str, figure: str) -> Callable[[Results], float]:
    return lambda results: results.median(row, "ours", figure)


def _worst(row: str, figure: str) -> Callable[[Results], float]:
    return lambda results: max(window[figure] for window in results.windows[row, "ours"])


def _ratio(row: str, figure: str, peer: str = "T") -> Callable[[Results], float]:
    return lambda results: results.ratio(row, figure, peer)


def _of_the_best(row: str, figure: str) -> Callable[[Results], float]:
    """Of a figure that is the better the smaller: against whichever peer, among those who did it right, did best."""
    return lambda results: max((results.ratio(row, figure, peer) for peer in results.peers(row)), default=float("inf"))


def _between(row: str, figure: str, other: str) -> Callable[[Results], float]:
    return lambda results: results.median(row, "ours", figure) / results.median(other, "ours", figure)


def _above(row: str, figure: str, other: str) -> Callable[[Results], float]:
    return lambda results: statistics.median(
        window[figure] - beside[figure]
        for window, beside in zip(results.windows[row, "ours"], results.windows[other, "ours"], strict=True)
    )


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
BESIDE = "reads beside 4 logins"
TEN, HUNDRED, THOUSAND = "fan-out to 10", "fan-out to 100", "fan-out to 1,000"
SATURATED = "fan-out to 1,000, eight senders"
EJABBERD = "ejabberd"
LAST = "p99 to the last, of the best peer's"
PAGE = "page of 100,000, newest, 16 at a time"
BARS: Final = (
    Bar(READ, "rate, of T's ≥ 4", _ratio(READ, "rate"), "{:.1f} x", _at_least(4), ("T",)),
    Bar(READ, "rate, of Synapse's ≥ 1.5", _ratio(READ, "rate", "Synapse"), "{:.1f} x", _at_least(1.5), ("Synapse",)),
    Bar(READ, "CPU ≤ 0.30 ms", _ours(READ, "cpu_ms"), "{:.2f} ms", _at_most(0.30)),
    Bar(READ_64, "rate, of that at 16 ≥ 0.9", _between(READ_64, "rate", READ), "{:.2f} x", _at_least(0.9)),
    Bar(READ_64, "errors = 0", _worst(READ_64, "errors"), "{:.0f}", _at_most(0)),
    Bar(ALONE, "p50, of T's ≤ 0.5", _ratio(ALONE, "p50"), "{:.2f} x", _at_most(0.5), ("T",)),
    Bar(SEND, "rate, of T's ≥ 5", _ratio(SEND, "rate"), "{:.1f} x", _at_least(5), ("T",)),
    Bar(SEND, "rate, of ejabberd's ≥ 2", _ratio(SEND, "rate", EJABBERD), "{:.1f} x", _at_least(2), (EJABBERD,)),
    Bar(SEND, "CPU, publishing included ≤ 0.5 ms", _ours(SEND, "cpu_ms"), "{:.2f} ms", _at_most(0.5)),
    Bar(SEND_64, "rate, of that at 16 ≥ 1", _between(SEND_64, "rate", SEND), "{:.2f} x", _at_least(1)),
    Bar(
        SEND_64,
        "p99, of ejabberd's ≤ 0.5",
        _ratio(SEND_64, "p99", "ejabberd"),
        "{:.2f} x",
        _at_most(0.5),
        ("ejabberd",),
    ),
    Bar(SEND_64, "errors = 0", _worst(SEND_64, "errors"), "{:.0f}", _at_most(0)),
    Bar("login, 1 at a time", "p50 above the hash alone ≤ 5 ms", _over_hash, "{:.1f} ms", _at_most(5)),
    Bar("login, 4 at a time", "rate, of argon2 on two threads ≥ 0.9", _login_rate, "{:.2f} x", _at_least(0.9)),
    Bar(BESIDE, "p99, of alone ≤ 2", _ours(BESIDE, "p99_growth"), "{:.1f} x", _at_most(2)),
    Bar(BESIDE, "rate, of alone ≥ 0.5", _ours(BESIDE, "rate_kept"), "{:.2f} x", _at_least(0.5)),
    Bar(BESIDE, "errors = 0", _worst(BESIDE, "errors"), "{:.0f}", _at_most(0)),
    Bar(TEN, f"{LAST} ≤ 0.75", _of_the_best(TEN, "last_p99"), "{:.2f} x", _at_most(0.75)),
    Bar(HUNDRED, f"{LAST} ≤ 0.75", _of_the_best(HUNDRED, "last_p99"), "{:.2f} x", _at_most(0.75)),
    Bar(THOUSAND, f"{LAST} ≤ 1", _of_the_best(THOUSAND, "last_p99"), "{:.2f} x", _at_most(1)),
    Bar(SATURATED, "deliveries ≥ 80,000/s", _ours(SATURATED, "deliveries"), "{:,.0f}/s", _at_least(80_000)),
    Bar(SATURATED, "CPU a delivery ≤ 18 µs", _ours(SATURATED, "cpu_us"), "{:.1f} µs", _at_most(18)),
    Bar(THOUSAND, "memory a socket ≤ 30 KB", _ours(THOUSAND, "socket_kb"), "{:.0f} KB", _at_most(30)),
    Bar(
        THOUSAND,
        "sender's 201, one at a time, of T's ≤ 0.2",
        _ratio(THOUSAND, "sent_p50"),
        "{:.2f} x",
        _at_most(0.2),
        ("T",),
    ),
    Bar(SATURATED, "201, of T's ≤ 0.2", _ratio(SATURATED, "sent_p50"), "{:.2f} x", _at_most(0.2), ("T",)),
    Bar(THOUSAND, "memory idle, of T's ≤ 0.8", _ratio(THOUSAND, "idle_mb"), "{:.2f} x", _at_most(0.8), ("T",)),
    Bar(THOUSAND, "memory with them, of T's ≤ 0.8", _ratio(THOUSAND, "open_mb"), "{:.2f} x", _at_most(0.8), ("T",)),
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
    Bar(PAGE, "rate, of Parse's ≥ 3", _ratio(PAGE, "rate", "Parse"), "{:.1f} x", _at_least(3), ("Parse",)),
    Bar("catch-up of 1,000", "p50 ≤ 25 ms", _ours("catch-up of 1,000", "p50"), "{:.1f} ms", _at_most(25)),
    Bar("imports", "cloud's, of everything at once ≤ 0.6", _ours("imports", "share"), "{:.2f} x", _at_most(0.6)),
    Bar("cold start", "CPU, of T's ≤ 0.75", _ratio("cold start", "cpu_s"), "{:.2f} x", _at_most(0.75), ("T",)),
    Bar(HOSTED, "CPU above a hello function's ≤ 0.35 ms", _above(HOSTED, "cpu_ms", HELLO), "{:.2f} ms", _at_most(0.35)),
)
