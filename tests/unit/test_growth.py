"""What there is more of does not cost more calls: the sizes of `bench.growth`, small."""

from pathlib import Path

from bench.growth import Growth, Seen, growing


async def test_what_grows_costs_no_more_calls(tmp_path: Path) -> None:
    growth = Growth(tmp_path)
    for few, many, measure in (
        (1, 60, growth.conversations),
        (3, 120, growth.participants),
        (1_000, 1_200, growth.messages),
        (10, 150, growth.courses),
    ):
        await measure(few)
        await measure(many)
    assert growing(growth.seen) == {}
    assert len(growth.seen) > 30


def test_a_count_that_grows_is_named() -> None:
    seen = [Seen("list", "1 thing", "2", 0.1), Seen("list", "9 things", "10", 0.1), Seen("send", "1 thing", "1", 0.1)]
    assert growing(seen) == {"list": ["2", "10"]}
