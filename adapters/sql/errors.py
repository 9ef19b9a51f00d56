"""What a driver's error means: the only place that knows error numbers."""

import re
from enum import Enum
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.kernel.errors import Conflict, Unavailable

RETRY_AFTER_SECONDS: Final = 5.0

UNIQUE: Final = frozenset({"2601", "2627"})
TRANSIENT: Final = frozenset(
    {
        # https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
        "40613",  # not available at the moment: a paused serverless database wakes up, or one fails over
        "40197",  # the service met an error
        "40501",  # the service is busy
        "49918",  # not enough resources for the request
        "49919",
        "49920",
        "4060",  # cannot open the database: seen while it fails over
        "4221",  # login to a replica that is not ready
        "10928",  # a limit of the service tier is reached
        "10929",
        "615",  # the database moved meanwhile
        "926",
        "1205",  # deadlock victim; the server has rolled it back
        "40143",  # the connection was lost on the service's side
        "10053",
        "10054",
        "10060",
        "233",
        "64",
    }
)
LOST_STATES: Final = ("08", "HYT")
"""SQLSTATE classes: connection errors (08xxx); logins and statements that took too long (HYT00, HYT01)."""
GENERAL_STATE: Final = "HY000"
"""What the driver says in its own name, such as of an answer that is no TDS: while connecting, nobody is there."""
SQLITE_UNIQUE: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
SQLITE_AWAY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN")

_CONNECTING: Final = "(0) (SQLDriverConnect)"
"""No number of a server's: the error is the driver's."""
_NUMBER = re.compile(r"\((\d+)\)(?= \(SQL|; \[|$)")
"""The server's error number as pyodbc writes it: `[42000] [Microsoft]… text. (40613) (SQLDriverConnect)`."""


class Duplicate(Conflict):
    """A unique key is taken."""


class SqlUnavailable(Unavailable):
    """The database did not answer, or not in time."""


class Meaning(Enum):
    DUPLICATE = "duplicate"
    TRANSIENT = "transient"
    """Refused or rolled back by the server, which says that the same may succeed in a moment."""
    AWAY = "away"
    """No answer."""
    OTHER = "other"
    """A mistake of ours: it goes on, to become a `server_error`."""


def meaning_of(error: SQLAlchemyError) -> Meaning:
    """Judge by SQLSTATE and error number (Azure SQL), or by the error's name (SQLite)."""
    if isinstance(error, PoolTimeout):
        return Meaning.AWAY
    if not isinstance(error, DBAPIError) or error.orig is None:
        return Meaning.OTHER
    name = getattr(error.orig, "sqlite_errorname", None)
    if isinstance(name, str):
        return _meaning_in_sqlite(name)
    return _meaning_in_azure([str(part) for part in error.orig.args], lost=error.connection_invalidated)


def is_duplicate(error: IntegrityError) -> bool:
    """Whether a unique key was taken, rather than another constraint broken."""
    return meaning_of(error) is Meaning.DUPLICATE


def _meaning_in_sqlite(name: str) -> Meaning:
    if name in SQLITE_UNIQUE:
        return Meaning.DUPLICATE
    return Meaning.AWAY if name.startswith(SQLITE_AWAY) else Meaning.OTHER


def _meaning_in_azure(args: list[str], *, lost: bool) -> Meaning:
    state, text = args[0] if args else "", args[-1] if args else ""
    numbers = set(_NUMBER.findall(text))
    if numbers & UNIQUE:
        return Meaning.DUPLICATE
    if numbers & TRANSIENT:
        return Meaning.TRANSIENT
    nobody_there = state == GENERAL_STATE and _CONNECTING in text
    return Meaning.AWAY if lost or nobody_there or state.startswith(LOST_STATES) else Meaning.OTHER
