from datetime import UTC, datetime

import pytest

from devhost.schedule import Schedule, ScheduleFaulty

START = datetime(2026, 1, 20, 12, 34, 56, 789000, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * * *", "2026-01-20 12:34:57"),
        ("*/10 * * * * *", "2026-01-20 12:35:00"),
        ("0 */5 * * * *", "2026-01-20 12:35:00"),
        ("*/5 * * * *", "2026-01-20 12:35:00"),
        ("0 0 * * * *", "2026-01-20 13:00:00"),
        ("0 30 3 * * *", "2026-01-21 03:30:00"),
        ("30 5,35 * * * *", "2026-01-20 12:35:30"),
        ("0 0 9-17 * * *", "2026-01-20 13:00:00"),
        ("0 0 9 * * Mon-Fri", "2026-01-21 09:00:00"),
        ("0 0 9 * * 0", "2026-01-25 09:00:00"),
        ("0 0 0 1 feb *", "2026-02-01 00:00:00"),
        ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 0 13 * friday", "2026-02-13 00:00:00"),
        ("0 5/20 * * * *", "2026-01-20 12:45:00"),
    ],
)
def test_the_next_time(text: str, expected: str) -> None:
    assert Schedule.read(text).next_after(START) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "60 * * * * *", "* * 24 * * *", "0 0 0 0 * *", "x * * * * *", "*/0 * * * * *", "5-1 * * * * *"],
)
def test_what_the_timer_trigger_would_refuse(text: str) -> None:
    with pytest.raises(ScheduleFaulty):
        Schedule.read(text)


def test_a_day_that_never_comes() -> None:
    with pytest.raises(ScheduleFaulty, match="never"):
        Schedule.read("0 0 0 30 2 *").next_after(START)
