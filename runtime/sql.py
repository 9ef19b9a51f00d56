"""The SQL database that the settings name: opened, and its schema brought up to date."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.resilience import Guard
from adapters.sql import sqlite_file
from runtime.services import AzureSql, Embedded
from runtime.settings import Settings

if TYPE_CHECKING:
    from adapters.sql.database import Database


def open_database(settings: Settings, guard: Callable[..., Guard]) -> "Database":
    """Connects on first use, not here."""
    match settings.sql:
        case Embedded(folder):
            from adapters.sql.sqlite import sqlite_database

            return sqlite_database(folder)
        case AzureSql(odbc) as chosen:
            from adapters.sql.azure import GUARD, azure_database, managed_identity
            from adapters.sql.slots import SlotsTaken

            identity = settings.identity_client_id
            token = managed_identity(identity, production=settings.production) if chosen.by_identity else None
            return azure_database(odbc, token, guard=guard("sql", GUARD, answered=(SlotsTaken,)))


def is_current(settings: Settings) -> bool:
    """Whether the schema needs nothing, as an embedded database's file tells. Elsewhere only the database can."""
    return isinstance(settings.sql, Embedded) and sqlite_file.is_current(sqlite_file.sqlite_path(settings.sql.folder))


async def migrate(database: "Database") -> bool:
    """Bring the schema up to date; returns whether anything had to be done. Safe to run twice, or two at once.

    Raises Unavailable when the database is away, and SchemaAhead when a newer release was here before.
    """
    from adapters.sql.schema import upgrade

    return await upgrade(database)
