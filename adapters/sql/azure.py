"""Azure SQL through Microsoft's ODBC driver, signed in to with a managed identity."""

import struct
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event

from adapters.resilience import Guard, Limits
from adapters.sql.database import Database
from adapters.sql.errors import RETRY_AFTER_SECONDS, SqlUnavailable
from adapters.sql.slots import Slots

TOKEN_SCOPE: Final = "https://database.windows.net/.default"  # noqa: S105 - a scope's name
SQL_COPT_SS_ACCESS_TOKEN: Final = 1256  # msodbcsql.h
SLOTS: Final = 5
LOGIN_SECONDS: Final = 15
STATEMENT_SECONDS: Final = 15
IDLE_AFTER: Final = timedelta(minutes=5)
GUARD: Final = Limits(slots=64, failures=8, rest=2.0)
"""`Slots` bounds what runs; this bounds who waits, and leaves a server alone that does not come back."""

Token = Callable[[], str]
"""Gives a valid access token; called in a thread for each new connection, so it caches."""


def token_attributes(token: str) -> dict[int, bytes]:
    """The connection attribute that carries an Entra token: its length, then UTF-16-LE (Microsoft's ODBC docs)."""
    raw = token.encode("utf-16-le")
    return {SQL_COPT_SS_ACCESS_TOKEN: struct.pack(f"<I{len(raw)}s", len(raw), raw)}


def managed_identity(client_id: str | None, *, production: bool = True) -> Token:
    """Tokens of the user-assigned identity *client_id*, or of the system-assigned one. Outside *production*: of
    whoever the developer is signed in as. The driver blocks, so this credential is not the one of `identity.py`."""
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    credential = (
        ManagedIdentityCredential(client_id=client_id)
        if production
        else DefaultAzureCredential(managed_identity_client_id=client_id)
    )

    def token() -> str:
        try:
            return str(credential.get_token(TOKEN_SCOPE).token)  # azure-identity caches and renews it
        except ClientAuthenticationError as error:  # also: there is no identity to be had
            raise SqlUnavailable(retry_after=RETRY_AFTER_SECONDS) from error

    return token


def azure_engine(odbc: str, token: Token | None) -> Engine:
    """An engine for the ODBC connection string *odbc*, which holds no credentials when *token* gives them."""
    import pyodbc  # needs the system's unixODBC, which a developer's machine may lack

    pyodbc.pooling = False  # SQLAlchemy pools; a second pool below would hold connections that were let go
    engine = create_engine(
        URL.create("mssql+pyodbc", query={"odbc_connect": odbc}),
        pool_size=SLOTS,
        max_overflow=2,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1500,  # below the 30 minutes after which Azure's gateway drops an idle connection
        pool_use_lifo=True,  # so that connections beyond the present need grow old and go
        hide_parameters=True,
        connect_args={"timeout": LOGIN_SECONDS},
    )
    if token is not None:

        def sign_in(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
            options["attrs_before"] = token_attributes(token())

        event.listen(engine, "do_connect", sign_in)
    event.listen(engine, "connect", _limit)
    return engine


def azure_database(
    odbc: str, token: Token | None, *, patience: timedelta = timedelta(seconds=10), guard: Guard | None = None
) -> Database:
    slots = Slots(SLOTS, patience=patience, name="sql")
    return Database(azure_engine(odbc, token), reads=slots, writes=slots, idle_after=IDLE_AFTER, guard=guard)


def _limit(connection: Any, _record: Any) -> None:
    connection.timeout = STATEMENT_SECONDS
