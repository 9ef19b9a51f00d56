"""Brings a database's schema up to date, by the migrations of `migrations/`."""

from io import StringIO
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, text

from adapters.sql.database import Database
from adapters.sql.sqlite_file import HEAD

MIGRATIONS: Final = Path(__file__).parents[2] / "migrations"

_LOCK: Final = text(
    "EXEC sp_getapplock @Resource = 'schema', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 60000"
)


class SchemaAhead(Exception):
    """The database was brought up to date by a newer release than this one."""


async def upgrade(database: Database) -> bool:
    """Apply what is missing, all in one transaction; returns whether anything was. Two at once take turns.

    Raises SqlUnavailable, SchemaAhead.
    """
    if await database.read(_version) == HEAD:
        return False
    return await database.write(_upgrade)


def _upgrade(connection: Connection) -> bool:
    from alembic import command
    from alembic.util import CommandError

    if connection.dialect.name == "mssql":
        driver: Any = connection.connection.dbapi_connection
        driver.timeout = 0  # building an index may take longer than a request may
        connection.execute(_LOCK)
    if _version(connection) == HEAD:  # somebody else was first
        return False
    try:
        command.upgrade(_config({"connection": connection}), HEAD)
    except CommandError as error:
        raise SchemaAhead("the SQL schema is newer than this release") from error
    return True


def azure_script() -> str:
    """All migrations as one T-SQL script, for people who run their changes by hand."""
    from alembic import command

    out = StringIO()
    command.upgrade(_config({}, out), HEAD, sql=True)
    return out.getvalue()


def _config(attributes: dict[str, Any], out: StringIO | None = None) -> Any:
    from alembic.config import Config

    config = Config(output_buffer=out, attributes=attributes)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
