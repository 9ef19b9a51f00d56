"""What Azure SQL would be sent, and whether it would understand: there is no server to ask.

Every statement is compiled as for Azure SQL and parsed as T-SQL. The parser lets pass what other databases know, so a
list of such words is searched for besides.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import sqlfluff
from sqlalchemy import ClauseElement, Dialect, Engine, TextClause, event
from sqlalchemy.dialects.mssql import pyodbc
from sqlalchemy.schema import ExecutableDDLElement

AZURE_SQL_VERSION: Final = (12, 0, 2000, 8)
FOREIGN: Final = re.compile(
    r"\b(strftime|group_concat|string_to_array|RETURNING|LIMIT|OFFSET|NULLS\s+(?:FIRST|LAST)|ILIKE|ON\s+CONFLICT"
    r"|AUTOINCREMENT|PRAGMA|BOOLEAN|TRUE|FALSE|IFNULL|GLOB|N?TEXT|DATETIME)\b"
    r"|\b(NOW|FORMAT)\s*\(|\bVARCHAR\(|::|\|\||\bIS\s+(?:NOT\s+)?[01]\b|\([\w.]+,\s*[\w.]+\)\s*[<>=]",
    re.IGNORECASE,
)
"""Other databases' words, types SQL Server gave up or that lose what people type, and row comparisons."""


def azure_dialect() -> Dialect:
    """The dialect as it is after a connection to Azure SQL told its version."""
    dialect: Any = pyodbc.dialect()  # type: ignore[no-untyped-call]
    dialect.server_version_info = AZURE_SQL_VERSION
    dialect._setup_version_attributes()
    return cast("Dialect", dialect)


def to_tsql(clause: ClauseElement, columns: list[str] | None = None) -> str:
    """*clause* as Azure SQL gets it; *columns* are those of the parameters of an insert without values."""
    if isinstance(clause, ExecutableDDLElement):
        return str(clause.compile(dialect=azure_dialect()))
    compiled = clause.compile(dialect=azure_dialect(), column_keys=columns, compile_kwargs={"render_postcompile": True})
    return re.sub(r"(?<!:):(\w+)", r"@\1", str(compiled))


def check_tsql(sql: str) -> None:
    """Raises AssertionError for what is not T-SQL."""
    foreign = [found[0] for found in FOREIGN.finditer(re.sub(r"'[^']*'", "''", sql))]
    assert not foreign, f"{foreign} in {sql}"
    try:
        sqlfluff.parse(sql, dialect="tsql")
    except sqlfluff.api.APIParsingError as error:
        raise AssertionError(f"{error} in {sql}") from error


@contextmanager
def recorded(engine: Engine) -> Iterator[dict[str, str]]:
    """The statements executed in the block: as T-SQL, by their text on the engine's own database."""
    statements: dict[str, str] = {}

    def remember(_: Any, clause: Any, many: Any, single: dict[str, Any], options: Any) -> None:
        if isinstance(clause, ClauseElement) and not isinstance(clause, TextClause):
            statements[str(clause)] = to_tsql(clause, list(many[0] if many else single) or None)

    event.listen(engine, "before_execute", remember)
    try:
        yield statements
    finally:
        event.remove(engine, "before_execute", remember)
