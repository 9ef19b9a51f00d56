"""Migrations: they give what the tables say, once, and not half."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from adapters.sql.database import Database
from adapters.sql.schema import MIGRATIONS, SchemaAhead, upgrade
from adapters.sql.sqlite import sqlite_database
from adapters.sql.sqlite_file import HEAD
from adapters.sql.tables import METADATA
from runtime import admin
from runtime.parts import Parts
from runtime.settings import Settings
from tests.factories import an_environment


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    database = sqlite_database(tmp_path)
    yield database
    await database.close()


async def test_the_migrations_make_the_tables_the_application_uses(database: Database) -> None:
    await upgrade(database)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    assert await database.read(differences) == []


def test_the_newest_migration_is_the_one_we_ask_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_a_second_time_nothing_is_to_do(database: Database) -> None:
    assert await upgrade(database) is True
    assert await upgrade(database) is False


async def test_a_migration_that_fails_leaves_nothing_behind(database: Database) -> None:
    await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE outbox (id INTEGER)").close())
    with pytest.raises(Exception, match="already exists"):
        await upgrade(database)
    assert await database.read(lambda connection: inspect(connection).get_table_names()) == ["outbox"]


async def test_an_older_release_leaves_a_newer_schema_alone(database: Database) -> None:
    await upgrade(database)
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await database.write(lambda connection: connection.execute(newer).close())
    with pytest.raises(SchemaAhead):
        await upgrade(database)


async def test_an_operator_migrates_what_the_settings_name(tmp_path: Path) -> None:
    parts = Parts(Settings.read(an_environment(tmp_path)))
    assert await admin.run(parts, "migrate", {}, "") == (0, "the SQL schema was brought up to date")
    assert await admin.run(parts, "migrate", {}, "") == (0, "the SQL schema is up to date")
    assert (tmp_path / "sql.db").exists()
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await parts.sql.write(lambda connection: connection.execute(newer).close())
    assert await admin.run(parts, "migrate", {}, "") == (1, "the SQL schema is newer than this release")
    await parts.close()


async def test_an_operator_gets_the_script_for_azure(tmp_path: Path) -> None:
    parts = Parts(Settings.read(an_environment(tmp_path)))
    status, script = await admin.run(parts, "sql-script", {}, "")
    assert status == 0
    assert script.index("CREATE TABLE submissions") < script.index("INSERT INTO alembic_version")
    await parts.close()
