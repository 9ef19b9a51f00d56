"""What `make bench` holds a fan-out to, and what it says of what it did not measure."""

from pathlib import Path
from typing import Any

import pytest

from bench.http_load import Window, body_of, is_whole, length_of
from bench.limits import Client
from bench.receivers import fault
from bench.report import lines
from bench.rows import Bench, Results
from bench.subject import Subject, text_of

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


class Sound(Subject):
    """Answers sends, and nothing else is asked of it."""

    name = "ours"
    rows = frozenset({"send"})

    def serving(self) -> Any:
        raise NotImplementedError

    async def prepare(self) -> None:
        raise NotImplementedError

    async def sends(self, *, at_once: int, seconds: float, first: int = 0) -> Window:
        return Window(seconds=seconds, asked=first + at_once, taken_ms=[2.0] * at_once)


class Broken(Sound):
    """Hangs up as soon as two ask at a time."""

    name = "ejabberd"

    async def sends(self, *, at_once: int, seconds: float, first: int = 0) -> Window:
        if at_once > 1:
            raise ConnectionResetError("it hung up")
        return await super().sends(at_once=at_once, seconds=seconds, first=first)


async def test_a_service_that_breaks_fails_its_rows_and_not_the_run(tmp_path: Path) -> None:
    bench = Bench([Sound(tmp_path), Broken(tmp_path)], Results(), windows=2, seconds=1)
    await bench.requests()
    assert bar_of(bench.results, "rate, of ejabberd's ≥ 2").endswith("| not measured: no ejabberd |  |")
    page = list(lines(bench.results, windows=2, seconds=1))
    [everyone] = [line for line in page if line.startswith("| send, 16") and "/s" in line]
    assert "failed: ConnectionResetError it hung up" in everyone


WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
IN_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [WITH_LENGTH, IN_CHUNKS])
def test_an_answer_is_whole_with_its_last_byte_and_not_before(answer: bytes) -> None:
    cut = [answer[:end] for end in range(len(answer))]
    assert not any(is_whole(part, length_of(part)) for part in cut)
    assert is_whole(answer, length_of(answer))
    assert body_of(answer) == b"hello"


def test_an_answer_without_a_body_is_whole_with_its_head() -> None:
    assert is_whole(b"HTTP/1.1 204 No Content\r\n\r\n", length_of(b"HTTP/1.1 204 No Content\r\n\r\n"))


async def test_an_acknowledgement_cut_in_two_is_heard_once() -> None:
    client, heard = Client([(b"", b"")]), list[int]()
    client.acknowledged = heard.append
    frames = b"".join(b"\x81\x13@@bench@@%010d" % number for number in range(3))
    for end in range(len(frames)):
        client.listen(frames[end : end + 1])
    assert heard == [0, 1, 2]
