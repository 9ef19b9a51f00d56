"""Quiet hours: when a person does not want to be disturbed, by the clock on their wall.

Time zones are the IANA database's, as the standard library has it: a table, like Unicode's. A zone that a later
release of it dropped counts as UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.kernel.errors import Invalid

TIME_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
MAX_ZONE_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From *start* to *end*, over midnight where *end* is earlier. *zone* is an IANA name (`America/Chicago`)."""

    start: time
    end: time
    zone: str

    @classmethod
    def of(cls, start: str, end: str, zone: str, *, path: str) -> "QuietHours":
        """From `HH:MM` twice and a zone's name; *path* leads to the three in the body. Raises Invalid."""
        if _find_zone(zone) is None:
            raise Invalid.field(f"{path}.timeZone", "unknown_time_zone", "Is not a time zone such as America/Chicago.")
        hours = cls(time.fromisoformat(start), time.fromisoformat(end), zone)
        if hours.start == hours.end:
            raise Invalid.field(f"{path}.end", "no_time", "Begins and ends at the same time.")
        return hours

    def hold(self, moment: datetime) -> bool:
        wall = moment.astimezone(self._zone).time()
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end

    def after(self, moment: datetime) -> datetime:
        """The first moment from *moment* on at which the person may be disturbed, in UTC."""
        if not self.hold(moment):
            return moment
        today = moment.astimezone(self._zone).date()
        for day in (today, today + timedelta(days=1)):
            for fold in (0, 1):  # where clocks are set back, the same wall time comes twice
                over = datetime.combine(day, self.end.replace(fold=fold), self._zone).astimezone(UTC)
                if over > moment:
                    return over
        return moment

    @property
    def _zone(self) -> tzinfo:
        return _find_zone(self.zone) or UTC

    def to_item(self) -> dict[str, str]:
        return {"start": f"{self.start:%H:%M}", "end": f"{self.end:%H:%M}", "timeZone": self.zone}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "QuietHours":
        return cls(time.fromisoformat(item["start"]), time.fromisoformat(item["end"]), item["timeZone"])


def _find_zone(name: str) -> ZoneInfo | None:
    if len(name) > MAX_ZONE_CHARS:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; a path; a folder of zones
        return None
