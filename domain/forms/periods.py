"""Times as staff type them into a filter."""

from datetime import date, datetime, timedelta
from typing import Final

from domain.kernel.clock import from_iso
from domain.kernel.errors import Invalid

_DAY: Final = len("2026-01-31")


def read_bound(text: str, path: str, *, day_after: bool = False) -> datetime:
    """The time that *text* names. A day is its first moment in UTC or, with *day_after*, the first after it.

    Raises Invalid, naming *path*.
    """
    try:
        if len(text) != _DAY:
            return from_iso(text)
        day = date.fromisoformat(text) + timedelta(days=int(day_after))
        return from_iso(f"{day}T00:00:00Z")
    except (ValueError, OverflowError) as error:
        raise Invalid.field(path, "time", "Must be a day (2026-01-31) or a time with its zone (ISO 8601).") from error
