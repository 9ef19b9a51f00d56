"""NCRONTAB, the timer trigger's schedule: `{second} {minute} {hour} {day} {month} {day-of-week}`, in UTC.

https://github.com/atifaziz/NCrontab, as the timer extension uses it: six fields, or five with the second at 0. Each
field is a list of `*`, `n`, `a-b`, each with an optional `/step`; months and weekdays also by their English
names. A day must match day, month AND weekday.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: Final = {4: {name: n for n, name in enumerate(_MONTHS, 1)}, 5: {name: n for n, name in enumerate(_WEEKDAYS)}}
_RANGES: Final = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_PART: Final = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_HORIZON: Final = timedelta(days=366 * 8 + 1)
"""29 February comes at least every eight years."""


class ScheduleFaulty(ValueError):
    """Not a schedule the timer trigger would take."""


@dataclass(frozen=True, slots=True)
class Schedule:
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""

    @classmethod
    def read(cls, text: str) -> "Schedule":
        """Raises ScheduleFaulty."""
        fields = text.split()
        if len(fields) == len(_RANGES) - 1:
            fields.insert(0, "0")
        if len(fields) != len(_RANGES):
            raise ScheduleFaulty(f"schedule '{text}' has {len(fields)} fields, not 6")
        try:
            return cls(*(_read_field(field, position) for position, field in enumerate(fields)))
        except ValueError as error:
            raise ScheduleFaulty(f"schedule '{text}': {error}") from error

    def next_after(self, moment: datetime) -> datetime:
        """The first time after *moment*. Raises ScheduleFaulty for a day that never comes."""
        at = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        last = at + _HORIZON
        while at < last:
            if at.month not in self.months or at.day not in self.days or at.isoweekday() % 7 not in self.weekdays:
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in self.seconds:
                at += timedelta(seconds=1)
            else:
                return at
        raise ScheduleFaulty("this schedule names a day that never comes")


def _read_field(field: str, position: int) -> frozenset[int]:
    values: set[int] = set()
    for part in field.split(","):
        least, most = _RANGES[position]
        found = _PART.fullmatch(part)
        if found is None or (found[1] == "*" and found[2]):
            raise ValueError(f"cannot read '{field}'")
        step = int(found[3] or 1)
        if step < 1:
            raise ValueError(f"a step of 0 in '{field}'")
        if found[1] != "*":
            least = _read_value(found[1], position)
            most = _read_value(found[2], position) if found[2] else (most if found[3] else least)
        if least > most:
            raise ValueError(f"'{part}' runs backwards")
        values.update(range(least, most + 1, step))
    return frozenset(values)


def _read_value(text: str, position: int) -> int:
    value = int(text) if text.isdecimal() else _NAMES.get(position, {}).get(text[:3].lower())
    least, most = _RANGES[position]
    if value is None or not least <= value <= most:
        raise ValueError(f"'{text}' is not between {least} and {most}")
    return value
