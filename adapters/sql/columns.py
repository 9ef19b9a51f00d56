"""Column types that mean the same on both databases."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import DateTime, Dialect, Unicode, UnicodeText
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeDecorator, TypeEngine

KEY_COLLATION: Final = "Latin1_General_100_BIN2"
"""Keys compare byte by byte, as SQLite does, whatever the database's default collation says."""


def key(length: int = 36) -> TypeEngine[str]:
    """Ids, digests, slugs: ASCII that is compared and ordered exactly."""
    return Unicode(length).with_variant(mssql.NVARCHAR(length, collation=KEY_COLLATION), "mssql")


def words(max_chars: int) -> TypeEngine[str]:
    """Text of people, up to *max_chars* code points. NVARCHAR counts UTF-16 units, and an emoji has two."""
    return Unicode(2 * max_chars)


def long_text() -> TypeEngine[str]:
    """Text or JSON of any length: NVARCHAR(max)."""
    return UnicodeText()


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as naive UTC and cut to milliseconds, which DATETIME2 would round."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kept: TypeEngine[Any] = mssql.DATETIME2(3) if dialect.name == "mssql" else DateTime()  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None, microsecond=utc.microsecond // 1000 * 1000)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)
