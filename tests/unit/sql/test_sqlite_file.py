"""What an embedded database's file says for itself: never wrongly that there is nothing to do."""

import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.sql.database import Database
from adapters.sql.schema import upgrade
from adapters.sql.sqlite import sqlite_database
from adapters.sql.sqlite_file import is_current, owes, sqlite_path
from adapters.sql.tables import OUTBOX
from tests.process import ROOT


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    database = sqlite_database(tmp_path)
    yield database
    await database.close()


async def test_a_file_that_is_not_there_is_not_made_and_not_current(tmp_path: Path) -> None:
    path = sqlite_path(tmp_path)
    assert (is_current(path), owes(path)) == (False, True)
    assert not path.exists()


async def test_a_schema_is_current_once_it_was_migrated(database: Database, tmp_path: Path) -> None:
    assert is_current(sqlite_path(tmp_path)) is False
    await upgrade(database)
    assert is_current(sqlite_path(tmp_path)) is True
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await database.write(lambda connection: connection.execute(newer).close())
    assert is_current(sqlite_path(tmp_path)) is False


async def test_a_task_is_owed_from_its_commit_to_its_deletion(database: Database, tmp_path: Path) -> None:
    await upgrade(database)
    assert owes(sqlite_path(tmp_path)) is False
    task = {"id": "1", "queue": "mail", "payload": "{}", "due_at": datetime(2026, 1, 20, tzinfo=UTC)}
    await database.write(lambda connection: connection.execute(OUTBOX.insert().values(task)).close())
    assert owes(sqlite_path(tmp_path)) is True
    await database.write(lambda connection: connection.execute(OUTBOX.delete()).close())
    assert owes(sqlite_path(tmp_path)) is False


def test_a_file_that_is_no_database_is_left_to_the_database_to_judge(tmp_path: Path) -> None:
    path = sqlite_path(tmp_path)
    path.write_bytes(b"no database" * 1000)
    assert (is_current(path), owes(path)) == (False, True)


async def test_a_writer_at_work_keeps_nobody_from_asking(database: Database, tmp_path: Path) -> None:
    await upgrade(database)
    path = sqlite_path(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert (is_current(path), owes(path)) == (True, False)


def test_a_tick_with_nothing_to_do_leaves_sql_alone(tmp_path: Path) -> None:
    """In an interpreter of its own, where nothing has imported SQLAlchemy."""
    code = f"""
import asyncio, sys
from pathlib import Path
from runtime import admin
from runtime.parts import Parts
from runtime.settings import Settings
from tests.factories import an_environment

async def live() -> None:
    parts = Parts(Settings.read(an_environment(Path({str(tmp_path)!r}))))
    await admin.run(parts, "migrate", {{}}, "")
    await parts.sql_sweep.run()
    await parts.close()

asyncio.run(live())
print("sqlalchemy" in sys.modules)
"""
    said = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
        for _ in range(2)
    ]
    assert said == ["True\n", "False\n"]  # the first one migrates
