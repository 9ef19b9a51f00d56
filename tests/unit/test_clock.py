"""Moments as text: in UTC, to the millisecond, and in the order of time."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.clock import from_iso, to_iso

ZONES = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.one_of(ZONES, st.just(UTC)))  # noqa: DTZ001 - the zone follows


@given(MOMENTS)
def test_a_moment_comes_back_in_utc_without_its_microseconds(moment: datetime) -> None:
    kept = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert from_iso(to_iso(moment)) == kept
    assert from_iso(to_iso(moment)).tzinfo is UTC


@given(MOMENTS, MOMENTS)
def test_the_order_of_texts_is_that_of_times(one: datetime, other: datetime) -> None:
    if one <= other:
        assert to_iso(one) <= to_iso(other)


def test_it_is_written_as_javascript_writes_it() -> None:
    assert to_iso(datetime(2026, 1, 20, 16, 30, tzinfo=UTC)) == "2026-01-20T16:30:00.000Z"
    assert to_iso(datetime(2026, 1, 20, 16, 30, 0, 999_999, tzinfo=UTC)) == "2026-01-20T16:30:00.999Z"
