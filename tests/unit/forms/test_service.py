"""Taking a form in: what is asked of whom, and what becomes of a repeat."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from adapters.queues.sqlite import SqliteQueue
from adapters.sql.outbox import SqlOutbox
from adapters.sql.sweeping import Debts
from adapters.sql.tables import OUTBOX, SUBMISSIONS
from domain.forms.attachments import NoAttachments
from domain.forms.model import Form, Origin, Receipt
from domain.forms.service import Forms, Guards, KeyReused
from domain.kernel.errors import Invalid, Unavailable
from domain.kernel.outbox import NO_DELAY
from tests.factories import a_contact, a_referral
from tests.forms import FormBench, a_bench

NOWHERE = Origin()


class OneTimeChallenge:
    """A challenge service's rule: each solved token is good once."""

    def __init__(self, solved: Sequence[str]) -> None:
        self.solved = set(solved)
        self.asked: list[tuple[str, str | None]] = []

    async def passed(self, token: str, *, address: str | None) -> bool:
        self.asked.append((token, address))
        good = token in self.solved
        self.solved.discard(token)
        return good


class Desk:
    """The use case over a real store and queue."""

    def __init__(self, bench: FormBench, queue: SqliteQueue, challenge: OneTimeChallenge | None = None) -> None:
        self.bench = bench
        self.queue = queue
        self.debts = Debts()
        self.outbox = SqlOutbox(bench.database, queue, self.debts, bench.clock)
        self.forms = Forms(bench.store, self.outbox, NoAttachments(), challenge, bench.clock, bench.ids)

    async def submit(
        self, form: Form | None = None, *, key: str | None = None, token: str | None = None, trap: str = ""
    ) -> Receipt:
        guards = Guards(trap=trap, challenge_token=token, address="203.0.113.7")
        return await self.forms.submit(form or a_contact(), NOWHERE, guards, key=key)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[FormBench]:
    async with a_bench(tmp_path) as bench:
        yield bench


@pytest.fixture
async def queue(tmp_path: Path, bench: FormBench) -> AsyncGenerator[SqliteQueue]:
    queue = SqliteQueue(tmp_path / "queues.db", bench.clock)
    yield queue
    await queue.close()


class Statements:
    """Counts what an engine is asked."""

    def __init__(self, engine: Engine) -> None:
        self.counts: Counter[str] = Counter()
        event.listen(engine, "commit", lambda _: self.counts.update(["transactions"]))
        event.listen(engine, "before_cursor_execute", self._count)

    def _count(self, *args: object) -> None:
        self.counts[str(args[2]).split(" ", 1)[0]] += 1


async def test_a_form_costs_one_transaction_and_its_hand_over_one_more(bench: FormBench, queue: SqliteQueue) -> None:
    statements = Statements(bench.database.engine)
    desk = Desk(bench, queue)
    await desk.submit(a_referral())
    assert statements.counts["transactions"] == 2
    assert (statements.counts["INSERT"], statements.counts["UPDATE"]) == (5, 1)  # the year's counter among them
    statements.counts.clear()
    await desk.submit(a_referral())
    assert statements.counts["transactions"] == 2
    assert (statements.counts["INSERT"], statements.counts["UPDATE"]) == (4, 1)
    assert (statements.counts["DELETE"], statements.counts["SELECT"]) == (1, 1)


async def test_a_trapped_machine_costs_nothing(bench: FormBench, queue: SqliteQueue) -> None:
    statements = Statements(bench.database.engine)
    receipt = await Desk(bench, queue).submit(a_referral(), trap="x", token="none")
    assert receipt.tracking_number is not None
    assert statements.counts == Counter()


async def test_a_challenge_must_be_solved(bench: FormBench, queue: SqliteQueue) -> None:
    challenge = OneTimeChallenge(["good"])
    desk = Desk(bench, queue, challenge)
    for token in (None, "", "bad"):
        with pytest.raises(Invalid) as refused:
            await desk.submit(token=token)
        assert refused.value.faults[0].path == "challengeToken"
    await desk.submit(token="good")
    assert challenge.asked == [("bad", "203.0.113.7"), ("good", "203.0.113.7")]
    assert await bench.count(SUBMISSIONS) == 1


async def test_the_repeat_of_an_answered_form_needs_no_new_challenge(bench: FormBench, queue: SqliteQueue) -> None:
    desk = Desk(bench, queue, OneTimeChallenge(["good"]))
    first = await desk.submit(key="k", token="good")
    again = await desk.submit(key="k", token="good")
    assert again == replace(first, repeated=True)
    with pytest.raises(Invalid):
        await desk.submit(key="other", token="good")


async def test_bad_fields_are_told_before_a_challenge_is_used_up(bench: FormBench, queue: SqliteQueue) -> None:
    challenge = OneTimeChallenge(["good"])
    form = a_contact()
    with pytest.raises(Invalid):
        await Desk(bench, queue, challenge).submit(replace(form, sender=replace(form.sender, email="?")), token="good")
    assert challenge.asked == []


async def test_a_key_used_for_another_form_is_a_conflict(bench: FormBench, queue: SqliteQueue) -> None:
    desk = Desk(bench, queue)
    await desk.submit(key="k")
    with pytest.raises(KeyReused):
        await desk.submit(replace(a_contact(), message="Another."), key="k")


class QueueDown(SqliteQueue):
    """A queue that can be away."""

    down = True

    async def send(self, name: str, payload: dict[str, object], *, delay: timedelta = NO_DELAY) -> None:
        if self.down:
            raise Unavailable
        await super().send(name, payload, delay=delay)


async def test_a_queue_that_is_down_costs_the_sender_nothing(tmp_path: Path, bench: FormBench) -> None:
    queue = QueueDown(tmp_path / "queues.db", bench.clock)
    desk = Desk(bench, queue)
    await desk.submit()
    assert desk.debts.known
    assert await bench.count(OUTBOX) == 2
    bench.clock.advance(seconds=15)
    with pytest.raises(Unavailable):
        await desk.outbox.sweep()
    queue.down = False
    assert await desk.outbox.sweep() == 2
    assert await bench.count(OUTBOX) == 0
    await queue.close()


async def test_with_nothing_left_there_is_nothing_to_come_back_for(bench: FormBench, queue: SqliteQueue) -> None:
    desk = Desk(bench, queue)
    desk.debts.known = True
    assert await desk.outbox.sweep() == 0
    assert desk.debts == Debts(known=False)


async def test_what_another_instance_left_is_seen_with_the_next_form(bench: FormBench, queue: SqliteQueue) -> None:
    await bench.store.add(bench.new())  # and then that instance died
    bench.clock.advance(seconds=16)
    desk = Desk(bench, queue)
    await desk.submit()
    assert desk.debts.known
    assert await desk.outbox.sweep() == 1


async def test_a_sweep_goes_on_until_nothing_is_due(bench: FormBench, queue: SqliteQueue) -> None:
    for _ in range(5):
        await bench.add()
    bench.clock.advance(seconds=16)
    desk = Desk(bench, queue)
    assert await desk.outbox.sweep(batch=2) == 5
    assert await bench.count(OUTBOX) == 0


async def test_two_instances_number_referrals_together(tmp_path: Path, bench: FormBench, queue: SqliteQueue) -> None:
    async with a_bench(tmp_path) as other:
        other.clock.advance(seconds=1)  # ids of its own
        desks = [Desk(bench, queue), Desk(other, queue)]
        receipts = await asyncio.gather(*(desks[n % 2].submit(a_referral()) for n in range(50)))
    numbers = sorted(str(receipt.tracking_number) for receipt in receipts)
    assert numbers == [f"REF-2026-{number:06d}" for number in range(1, 51)]


async def test_two_instances_take_one_key_once(tmp_path: Path, bench: FormBench, queue: SqliteQueue) -> None:
    async with a_bench(tmp_path) as other:
        other.clock.advance(seconds=1)
        desks = [Desk(bench, queue), Desk(other, queue)]
        receipts = await asyncio.gather(*(desks[n % 2].submit(a_referral(), key="k") for n in range(10)))
    assert len({(receipt.id, receipt.tracking_number) for receipt in receipts}) == 1
    assert sum(not receipt.repeated for receipt in receipts) == 1
    assert await bench.count(SUBMISSIONS) == 1
