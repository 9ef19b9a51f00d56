"""What `make bench` holds a fan-out to, and what it says of what it did not measure."""

import pytest

from bench.receivers import fault
from bench.report import lines
from bench.rows import Results
from bench.subject import text_of

SEQ = rb'"seq": ?(\d+)'


def heard(*numbers: int, seqs: tuple[int, ...] = ()) -> bytes:
    """What a socket hears when it hears these messages."""
    given = seqs or tuple(range(7, 7 + len(numbers)))
    frames = (f'{{"seq": {seq}, "text": "{text_of(number)}"}}' for number, seq in zip(numbers, given, strict=True))
    return "".join(frames).encode()


@pytest.mark.parametrize(
    ("sockets", "wrong"),
    [
        ([heard(1, 2, 3), heard(1, 2, 3)], ""),
        ([heard(1, 2, 3), heard(1, 3)], "socket 1 lost 1 of 3 messages and heard 0 others"),
        ([heard(1, 2, 3), b""], "socket 1 lost 3 of 3 messages and heard 0 others"),
        ([heard(1, 2, 3, 4)], "socket 0 lost 0 of 3 messages and heard 1 others"),
        ([heard(1, 2, 2, 3)], "socket 0 heard a message twice"),
        ([heard(1, 3, 2)], "socket 0 heard them in another order than they were sent"),
        ([heard(1, 2, 3), heard(1, 3, 2)], "socket 1 heard them in another order than socket 0"),
        ([heard(1, 2, 3, seqs=(7, 9, 8))], "socket 0 heard them in another order than the service numbered them"),
    ],
)
def test_what_the_sockets_heard_is_judged(sockets: list[bytes], wrong: str) -> None:
    assert fault(sockets, (1, 2, 3), in_turn=True, order=SEQ) == wrong


def test_messages_of_several_senders_may_come_in_any_order_that_is_one_for_all() -> None:
    assert fault([heard(2, 1, 3), heard(2, 1, 3)], (1, 2, 3), in_turn=False, order=SEQ) == ""
    assert "another order than socket 0" in fault([heard(2, 1), heard(1, 2)], (1, 2), in_turn=False, order=None)


def results_of(**rates: float) -> Results:
    results = Results()
    for name, rate in rates.items():
        figures = {"rate": rate, "cpu_ms": 1.0, "p50": 1.0, "p99": 2.0, "errors": 0.0}
        results.note("read, 16 at a time", name, figures)
    return results


def bar_of(results: Results, what: str) -> str:
    [line] = [line for line in lines(results, windows=1, seconds=1) if f"| {what}" in line]
    return line


def test_a_bar_is_judged_against_the_peer_it_names() -> None:
    results = results_of(ours=3000, T=1000, Synapse=1000)
    assert bar_of(results, "rate, of T's ≥ 4").endswith("| 3.0 x | **missed** |")
    assert bar_of(results, "rate, of Synapse's ≥ 1.5").endswith("| 3.0 x |  |")


def test_a_peer_that_was_not_measured_is_named_and_passes_nothing() -> None:
    line = bar_of(results_of(ours=3000, T=1000), "rate, of Synapse's ≥ 1.5")
    assert line.endswith("| not measured: no Synapse |  |")


def test_a_row_of_ours_that_was_not_right_has_failed_whatever_its_rate() -> None:
    results = results_of(ours=9000, T=1000)
    results.faults["read, 16 at a time", "ours"] = "socket 3 heard a message twice"
    assert bar_of(results, "rate, of T's ≥ 4").endswith("| socket 3 heard a message twice | **failed** |")


def test_a_peer_that_was_not_right_is_not_the_best_one() -> None:
    results = Results()
    for name, last in (("ours", 3.0), ("T", 4.0), ("Parse", 1.0)):
        figures = {"last_p50": last, "last_p99": last, "sent_p50": 1.0}
        results.note("fan-out to 10", name, figures, "lost some" if name == "Parse" else "")
    assert bar_of(results, "p99 to the last, of the best peer's ≤ 0.75").endswith("| 0.75 x |  |")
