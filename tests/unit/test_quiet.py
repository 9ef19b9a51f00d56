"""Quiet hours, by the clock on a person's wall."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import Invalid
from domain.kernel.quiet import QuietHours

EARLIEST, LATEST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2020, 2040))
CHICAGO = QuietHours(time(22), time(7), "America/Chicago")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-01-20T03:59", False),  # 21:59
        ("2026-01-20T04:00", True),
        ("2026-01-20T12:59", True),
        ("2026-01-20T13:00", False),  # 07:00
        ("2026-07-20T03:00", True),  # 22:00 in summer
    ],
)
def test_the_wall_decides(moment: str, *, quiet: bool) -> None:
    assert CHICAGO.hold(at(moment)) is quiet


def test_they_may_lie_within_a_day() -> None:
    siesta = QuietHours(time(13), time(15), "Europe/Madrid")
    assert siesta.after(at("2026-01-20T12:30")) == at("2026-01-20T14:00")
    assert siesta.after(at("2026-01-20T14:00")) == at("2026-01-20T14:00")


def test_the_night_when_clocks_are_set_forward_ends_by_the_new_time() -> None:
    assert CHICAGO.after(at("2026-03-08T06:00")) == at("2026-03-08T12:00")  # 07:00 is an hour earlier in UTC
    gone = QuietHours(time(1), time(2, 30), "America/Chicago")  # 02:30 does not exist that night
    assert gone.after(at("2026-03-08T07:30")) == at("2026-03-08T08:30")


def test_an_end_that_comes_twice_is_the_next_one() -> None:
    early = QuietHours(time(0), time(1, 30), "America/Chicago")
    assert early.after(at("2026-11-01T05:30")) == at("2026-11-01T06:30")  # 01:30, the first
    assert early.hold(at("2026-11-01T07:10"))  # 01:10, the second
    assert early.after(at("2026-11-01T07:10")) == at("2026-11-01T07:30")


def test_a_zone_that_is_no_more_counts_as_utc() -> None:
    assert QuietHours(time(22), time(7), "Mars/Base").after(at("2026-01-20T23:00")) == at("2026-01-21T07:00")


@pytest.mark.parametrize("zone", ["Mars/Base", "", "America", "../../etc/passwd", "/etc/passwd", "x" * 65, "a\0b"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        QuietHours.of("22:00", "07:00", zone, path="p")
    assert [fault.path for fault in refused.value.faults] == ["p.timeZone"]


def test_hours_without_length_are_refused() -> None:
    with pytest.raises(Invalid):
        QuietHours.of("07:00", "07:00", "UTC", path="p")


def test_they_survive_being_kept() -> None:
    assert QuietHours.from_item(CHICAGO.to_item()) == CHICAGO


@given(
    moment=st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)),
    ends=st.tuples(st.times(), st.times()).filter(lambda two: two[0] != two[1]),
    zone=st.sampled_from(["UTC", "America/Chicago", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_they_end_within_a_day_and_later_than_they_are_asked(
    moment: datetime, ends: tuple[time, time], zone: str
) -> None:
    quiet = QuietHours(*ends, zone)
    over = quiet.after(moment)
    if quiet.hold(moment):
        assert moment < over <= moment + timedelta(hours=26)
    else:
        assert over == moment
