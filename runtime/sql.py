"""The SQL database that the settings name: opened, and its schema brought up to date."""

from typing import TYPE_CHECKING

from runtime.settings import AzureSql, Embedded, Settings

if TYPE_CHECKING:
    from adapters.sql.database import Database


def open_database(settings: Settings) -> "Database":
    """Connects on first use, not here."""
    match settings.sql:
        case Embedded(folder):
            from adapters.sql.sqlite import sqlite_database

            return sqlite_database(folder)
        case AzureSql(odbc):
            from adapters.sql.azure import azure_database, managed_identity

            return azure_database(odbc, managed_identity(settings.identity_client_id))


async def migrate(database: "Database") -> bool:
    """Bring the schema up to date; returns whether anything had to be done. Safe to run twice, or two at once.

    Raises Unavailable when the database is away, and SchemaAhead when a newer release was here before.
    """
    from adapters.sql.schema import upgrade

    return await upgrade(database)
