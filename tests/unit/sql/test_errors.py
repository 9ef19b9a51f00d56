"""Drivers' errors, as pyodbc and sqlite3 word them, and what they mean to us."""

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from adapters.sql.errors import Meaning, meaning_of

MICROSOFT = "[Microsoft][ODBC Driver 18 for SQL Server]"


def odbc(state: str, text: str, kind: type[DBAPIError] = OperationalError, *, lost: bool = False) -> SQLAlchemyError:
    return kind("SELECT 1", {}, Exception(state, f"[{state}] {MICROSOFT}{text}"), connection_invalidated=lost)


def sqlite(name: str) -> SQLAlchemyError:
    error = sqlite3.OperationalError("whatever it says")
    error.sqlite_errorname = name
    return OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (
            odbc("23000", "[SQL Server]Violation of PRIMARY KEY. (2627) (SQLExecDirectW)", IntegrityError),
            Meaning.DUPLICATE,
        ),
        (
            odbc("23000", "[SQL Server]Cannot insert duplicate key row. (2601) (SQLExecDirectW)", IntegrityError),
            Meaning.DUPLICATE,
        ),
        (
            odbc("23000", "[SQL Server]Conflicts with a FOREIGN KEY. (547) (SQLExecDirectW)", IntegrityError),
            Meaning.OTHER,
        ),
        (
            odbc("HY000", "[SQL Server]Not currently available. (40613) (SQLDriverConnect)"),
            Meaning.TRANSIENT,
        ),
        (
            odbc("42000", f"[SQL Server]Deadlock victim. (1205) (SQLExecDirectW); [01000] {MICROSOFT}More. (3621)"),
            Meaning.TRANSIENT,
        ),
        (odbc("HYT00", "Login timeout expired (0) (SQLDriverConnect)"), Meaning.AWAY),
        (odbc("HYT00", "Query timeout expired (0) (SQLExecDirectW)"), Meaning.AWAY),
        (odbc("08001", "Client unable to establish connection (-1) (SQLDriverConnect)"), Meaning.AWAY),
        (odbc("08S01", "TCP Provider: Error code 0x68 (104) (SQLExecDirectW)"), Meaning.AWAY),
        (odbc("HY000", "Protocol error in TDS stream (0) (SQLDriverConnect)"), Meaning.AWAY),
        (odbc("HY000", "Protocol error in TDS stream (0) (SQLExecDirectW)"), Meaning.OTHER),
        (odbc("42000", "whatever", lost=True), Meaning.AWAY),
        (odbc("42S02", "[SQL Server]Invalid object name 'nvarchar(64)'. (208) (SQLExecDirectW)"), Meaning.OTHER),
        (odbc("28000", "[SQL Server]Login failed for user. (18456) (SQLDriverConnect)"), Meaning.OTHER),
        (PoolTimeout("QueuePool limit reached"), Meaning.AWAY),
        (SQLAlchemyError("ours"), Meaning.OTHER),
        (sqlite("SQLITE_CONSTRAINT_UNIQUE"), Meaning.DUPLICATE),
        (sqlite("SQLITE_CONSTRAINT_PRIMARYKEY"), Meaning.DUPLICATE),
        (sqlite("SQLITE_CONSTRAINT_FOREIGNKEY"), Meaning.OTHER),
        (sqlite("SQLITE_BUSY"), Meaning.AWAY),
        (sqlite("SQLITE_BUSY_SNAPSHOT"), Meaning.AWAY),
        (sqlite("SQLITE_IOERR_WRITE"), Meaning.AWAY),
        (sqlite("SQLITE_FULL"), Meaning.AWAY),
        (sqlite("SQLITE_ERROR"), Meaning.OTHER),
    ],
)
def test_errors_mean_what_the_drivers_say(error: SQLAlchemyError, meaning: Meaning) -> None:
    assert meaning_of(error) is meaning
