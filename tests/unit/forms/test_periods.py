"""Days and times in a filter."""

from datetime import UTC, datetime

import pytest

from domain.forms.periods import read_bound
from domain.kernel.errors import Invalid


def test_a_day_begins_at_midnight_utc_and_ends_with_the_next() -> None:
    assert read_bound("2026-01-31", "from") == datetime(2026, 1, 31, tzinfo=UTC)
    assert read_bound("2026-01-31", "to", day_after=True) == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_time_is_exact_and_in_any_zone() -> None:
    assert read_bound("2026-01-31T01:30:00+02:00", "to", day_after=True) == datetime(2026, 1, 30, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-01-31T01:30", "0001-01-01T00:00+14:00", "9999-12-31"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_bound(text, "to", day_after=True)
    assert refused.value.faults[0].path == "to"
