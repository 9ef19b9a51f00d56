"""What the store of forms promises, on SQLite and, where `AZURE_SQL_TEST_DSN` names a server, on Azure SQL."""

import asyncio
import os
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from adapters.sql.azure import azure_database
from adapters.sql.schema import upgrade
from adapters.sql.sqlite import sqlite_database
from adapters.sql.tables import AUDIT, METADATA, OUTBOX, SUBMISSIONS, TOPICS
from domain.forms.desk import Change, SubmissionNotFound
from domain.forms.model import Form, Submission
from domain.forms.ports import Filter, KeyTaken
from tests.factories import NOON, a_contact, a_referral, an_interest
from tests.forms import FormBench

DSN = os.environ.get("AZURE_SQL_TEST_DSN")


@pytest.mark.azure_sql
@pytest.mark.skipif(DSN is None, reason="AZURE_SQL_TEST_DSN names no server: the suite runs on SQLite only")
async def test_azure_sql_answers() -> None:
    database = azure_database(str(DSN), None)
    await database.ping()
    await database.close()


@pytest.fixture(params=["sqlite", *(["azure"] if DSN else [])])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[FormBench]:
    database = azure_database(str(DSN), None) if request.param == "azure" else sqlite_database(tmp_path)
    await upgrade(database)
    if request.param == "azure":
        for table in reversed(METADATA.sorted_tables):
            await database.write(lambda connection, table=table: connection.execute(delete(table)).close())  # type: ignore[misc]
    yield FormBench(database)
    await database.close()


@pytest.mark.parametrize("form", [a_contact(), an_interest(), a_referral()], ids=lambda form: form.type)
async def test_a_form_comes_back_as_it_was(bench: FormBench, form: Form) -> None:
    added = await bench.add(form, at=datetime(2026, 1, 20, 16, 30, 0, 123999, UTC))
    found = await bench.store.find(added.id)
    at = datetime(2026, 1, 20, 16, 30, 0, 123000, UTC)  # cut, not rounded
    assert found == replace(added, submitted_at=at, updated_at=at)
    assert found.content == form.content()
    assert (found.status, found.version, found.resolved_at) == ("pending", 1, None)


async def test_text_of_every_script_survives(bench: FormBench) -> None:
    strange = "日本 Ünïcödé \U0001f600'; DROP TABLE submissions;-- \\ % _ [ ] \" \t\n ة"
    form = replace(a_contact(), subject=strange * 2, message=strange * 60)
    added = await bench.add(form)
    found = await bench.store.find(added.id)
    assert found is not None
    assert found.content["message"] == strange * 60


async def test_the_longest_fields_fit_in_astral_characters_too(bench: FormBench) -> None:
    wide = "\U0001f600"
    form = a_referral()
    sender = replace(form.sender, name=wide * 200, organization=wide * 200)
    participant = replace(form.participant, name=wide * 200)
    added = await bench.add(
        replace(form, sender=sender, participant=participant, topics=(wide * 100,), notes=wide * 5000)
    )
    found = await bench.store.find(added.id)
    assert found is not None
    assert found.sender_name == wide * 200


async def test_audit_topics_and_tasks_are_kept_with_the_form_or_not_at_all(bench: FormBench) -> None:
    taken = bench.new(a_referral(), key="k")
    await bench.store.add(taken)
    with pytest.raises(KeyTaken):
        await bench.store.add(bench.new(a_referral(), key="k"))
    counts = [await bench.count(table) for table in (SUBMISSIONS, TOPICS, AUDIT, OUTBOX)]
    assert counts == [1, 2, 1, 1]


async def test_a_refused_referral_uses_no_number(bench: FormBench) -> None:
    await bench.store.add(bench.new(a_referral(), key="k"))
    with pytest.raises(KeyTaken):
        await bench.store.add(bench.new(a_referral(), key="k"))
    assert (await bench.add(a_referral())).tracking_number == "REF-2026-000002"


async def test_fifty_referrals_at_once_get_fifty_numbers_in_a_row(bench: FormBench) -> None:
    added = await asyncio.gather(*(bench.add(a_referral()) for _ in range(50)))
    numbers = sorted(str(submission.tracking_number) for submission in added)
    assert numbers == [f"REF-2026-{number:06d}" for number in range(1, 51)]


async def test_numbers_start_again_with_the_year_in_utc(bench: FormBench) -> None:
    eve = datetime(2026, 12, 31, 23, 59, 59, 999999, UTC)
    moments = [eve, eve + timedelta(microseconds=1), eve]
    numbers = [(await bench.add(a_referral(), at=at)).tracking_number for at in moments]
    assert numbers == ["REF-2026-000001", "REF-2027-000001", "REF-2026-000002"]


async def test_of_parallel_repeats_of_one_key_one_is_kept(bench: FormBench) -> None:
    results = await asyncio.gather(
        *(bench.store.add(bench.new(a_referral(), key="same")) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, Submission) for result in results) == 1
    assert sum(isinstance(result, KeyTaken) for result in results) == 9
    keyed = await bench.store.find_by_key("same")
    assert keyed is not None
    assert keyed.fingerprint == "f" * 64
    assert keyed.submission.tracking_number == "REF-2026-000001"


async def test_a_released_key_is_free_again(bench: FormBench) -> None:
    first = await bench.store.add(bench.new(key="k"))
    await bench.store.release_key(first.id)
    assert await bench.store.find_by_key("k") is None
    await bench.store.add(bench.new(key="k"))


async def test_pages_are_newest_first_and_follow_on(bench: FormBench) -> None:
    added = [await bench.add() for _ in range(5)]
    newest_first = [submission.id for submission in reversed(added)]
    first = await bench.store.page(Filter(), before=None, limit=3)
    second = await bench.store.page(Filter(), before=first[-1].id, limit=3)
    assert [submission.id for submission in (*first, *second)] == newest_first


async def test_filters_narrow_the_list_together(bench: FormBench) -> None:
    contact = await bench.add(a_contact())
    bench.clock.advance(days=1)
    referral = await bench.add(a_referral())
    await bench.store.change(contact.id, bench.revise(Change(status="resolved")))

    async def ids_of(wanted: Filter) -> list[str]:
        return [submission.id for submission in await bench.store.page(wanted, before=None, limit=10)]

    assert await ids_of(Filter(type="referral")) == [referral.id]
    assert await ids_of(Filter(status="resolved")) == [contact.id]
    assert await ids_of(Filter(type="referral", status="resolved")) == []
    assert await ids_of(Filter(since=bench.clock.now())) == [referral.id]
    assert await ids_of(Filter(until=bench.clock.now())) == [contact.id]
    assert await ids_of(Filter(assigned_to="nobody")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("ÉLODIE", True), ("100%_[x]\\", True), ("100__[x]", False), ("%", True), ("x]y", False), ("ada@", True)],
)
async def test_search_takes_its_text_literally_and_ignores_case(bench: FormBench, text: str, *, found: bool) -> None:
    await bench.add(replace(a_contact(), subject="Élodie wants 100%_[x]\\"))
    assert bool(await bench.store.page(Filter(text=text), before=None, limit=10)) is found


async def test_a_change_leaves_its_trace_in_history_and_audit(bench: FormBench) -> None:
    added = await bench.add()
    bench.clock.advance(minutes=1)
    await bench.store.change(added.id, bench.revise(Change(status="resolved", note="called — done"), actor_id="me"))
    found = await bench.store.find_with_history(added.id)
    assert found is not None
    submission, [entry] = found
    assert (submission.status, submission.version, submission.resolved_at) == ("resolved", 2, bench.clock.now())
    assert (entry.actor_id, entry.note, entry.at) == ("me", "called — done", bench.clock.now())
    assert entry.changes == {"status": ("pending", "resolved")}
    assert await bench.count(AUDIT) == 2


async def test_parallel_changes_all_count(bench: FormBench) -> None:
    added = await bench.add()
    await asyncio.gather(*(bench.store.change(added.id, bench.revise(Change(note=f"note {n}"))) for n in range(8)))
    found = await bench.store.find_with_history(added.id)
    assert found is not None
    assert found[0].version == 9
    assert {entry.note for entry in found[1]} == {f"note {n}" for n in range(8)}


async def test_a_change_of_something_unknown_is_not_found(bench: FormBench) -> None:
    decide = bench.revise(Change(note="?"))
    with pytest.raises(SubmissionNotFound):
        await bench.store.change(bench.ids.new(), decide)
    assert decide.asked == 0


async def test_origins_are_forgotten_and_nothing_else(bench: FormBench) -> None:
    old, young = await bench.add(), await bench.add(at=NOON + timedelta(days=1))
    assert await bench.store.forget_origins(before=NOON + timedelta(hours=1)) == 1
    assert await bench.store.forget_origins(before=NOON + timedelta(hours=1)) == 0
    kept = select(SUBMISSIONS.c.id).where(SUBMISSIONS.c.client_network.is_not(None))
    assert await bench.database.read(lambda connection: connection.execute(kept).scalars().all()) == [young.id]
    assert await bench.store.find(old.id) == old
