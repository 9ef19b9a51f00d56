"""Referrals of a year are numbered 1, 2, 3 … whatever happens in between."""

import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from adapters.sql.forms import add
from domain.forms.ports import KeyTaken
from tests.factories import a_contact, a_referral
from tests.forms import FormBench, a_bench

Step = Literal["refer", "repeat", "contact", "fail", "next year", "both at once"]
STEPS = st.lists(st.sampled_from(["refer", "repeat", "contact", "fail", "next year", "both at once"]), max_size=12)


class Lost(Exception):
    """The process, or the connection, went away before the commit."""


async def fail(bench: FormBench) -> None:
    new = bench.new(a_referral())

    def work(connection: Connection) -> None:
        add(connection, new)
        raise Lost

    try:
        await bench.database.write(work)
    except Lost:
        return


async def refer(bench: FormBench, key: str | None = None) -> list[str]:
    try:
        return [str((await bench.store.add(bench.new(a_referral(), key=key))).tracking_number)]
    except KeyTaken:
        return []


async def take(bench: FormBench, step: Step) -> list[str]:
    """The numbers given out by one step."""
    match step:
        case "refer":
            return await refer(bench)
        case "repeat":
            return await refer(bench, key=f"{bench.clock.now().year}")
        case "both at once":
            return [number for numbers in await asyncio.gather(refer(bench), refer(bench)) for number in numbers]
        case "contact":
            await bench.add(a_contact())
        case "fail":
            await fail(bench)
        case "next year":
            bench.clock.advance(days=366)
    return []


async def walk(steps: list[Step]) -> dict[int, list[str]]:
    given_out: dict[int, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        async with a_bench(Path(folder)) as bench:
            for step in steps:
                numbers = await take(bench, step)
                given_out[bench.clock.now().year] += numbers
    return given_out


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_numbers_of_a_year_have_no_gap_and_no_repeat(steps: list[Step]) -> None:
    for year, numbers in asyncio.run(walk(steps)).items():
        assert sorted(numbers) == [f"REF-{year}-{number:06d}" for number in range(1, len(numbers) + 1)]
