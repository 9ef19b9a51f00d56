"""Azure SQL would understand all we say: every statement of the application, and the migrations."""

import inspect
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.schema import CreateIndex, CreateTable

from adapters.queues.sqlite import SqliteQueue
from adapters.sql.forms import SqlForms
from adapters.sql.outbox import SqlOutbox
from adapters.sql.schema import _LOCK, azure_script, upgrade
from adapters.sql.sqlite import sqlite_database
from adapters.sql.sweeping import Debts
from adapters.sql.tables import METADATA
from domain.forms.desk import Change
from domain.forms.ports import Filter
from tests.factories import NOON, ManualClock, a_referral, an_interest
from tests.forms import FormBench
from tests.tsql import check_tsql, recorded, to_tsql


class Used:
    """Passes calls on to *inner* and remembers the names of its methods."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.names.add(name)
        return getattr(self._inner, name)


def methods(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


async def test_every_statement_of_the_application_is_t_sql(tmp_path: Path) -> None:
    database = sqlite_database(tmp_path)
    await upgrade(database)
    bench, queue = FormBench(database), SqliteQueue(tmp_path / "queues.db", ManualClock())
    store, outbox = (
        Used(SqlForms(database)),
        Used(SqlOutbox(database, queue, Debts(), ManualClock(NOON + timedelta(hours=1)))),
    )
    wanted = Filter("referral", "pending", "someone", NOON, NOON, "text")
    with recorded(database.engine) as statements:
        new = bench.new(a_referral(), key="k")
        submission = await store.add(new)  # type: ignore[operator]
        await store.add(bench.new(an_interest()))  # type: ignore[operator]
        await store.find(submission.id)  # type: ignore[operator]
        await store.find_with_history(submission.id)  # type: ignore[operator]
        await store.find_by_key("k")  # type: ignore[operator]
        await store.release_key(submission.id)  # type: ignore[operator]
        await store.page(wanted, before="z", limit=5)  # type: ignore[operator]
        await store.page(Filter(), before=None, limit=5)  # type: ignore[operator]
        await store.change(submission.id, bench.revise(Change(status="reviewed", note="n")))  # type: ignore[operator]
        await store.forget_origins(before=NOON)  # type: ignore[operator]
        await outbox.hand_over(new.tasks)  # type: ignore[operator]
        await outbox.sweep()  # type: ignore[operator]
        await database.ping()
    await database.close()
    await queue.close()
    assert store.names == methods(SqlForms)
    assert outbox.names == methods(SqlOutbox)
    assert len(statements) > 12
    for statement in statements.values():
        check_tsql(statement)
    [count] = [statement for statement in statements.values() if statement.startswith("UPDATE referral_counters")]
    assert "OUTPUT inserted.last_number" in count  # counting and reading are one statement, which keeps the row locked


def batches() -> list[str]:
    return [batch.strip() for batch in re.split(r"^GO$", azure_script(), flags=re.MULTILINE) if batch.strip()]


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: batch.splitlines()[0][:60])
def test_the_migrations_are_t_sql(batch: str) -> None:
    check_tsql(batch.replace("VARCHAR(32)", "NVARCHAR(32)"))  # Alembic's own table


def test_the_lock_of_the_migrations_is_t_sql() -> None:
    check_tsql(str(_LOCK))


def test_the_migrations_make_on_azure_what_the_tables_say() -> None:
    def plain(sql: str) -> str:
        return " ".join(sql.replace(";", " ").split())

    script = plain(azure_script())
    for table in METADATA.sorted_tables:
        assert plain(to_tsql(CreateTable(table))) in script
        for index in table.indexes:
            assert plain(to_tsql(CreateIndex(index))) in script


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM t ORDER BY id LIMIT 5",
        "SELECT strftime('%Y', at) FROM t",
        "INSERT INTO t (a) VALUES (1) RETURNING a",
        "SELECT a FROM t WHERE (a, b) > (1, 2)",
        "SELECT a FROM t WHERE b IS 1",
        "SELECT a::int FROM t",
        "CREATE TABLE t (a VARCHAR(max))",
        "SELECT FROM WHERE",
    ],
)
def test_what_is_not_t_sql_is_found(sql: str) -> None:
    with pytest.raises(AssertionError):
        check_tsql(sql)
