import asyncio

import pytest

from runtime import readiness
from runtime.readiness import Check, Readiness


class Slow:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked = 0

    async def ping(self) -> None:
        self.asked += 1
        await self.gate.wait()


async def test_what_hangs_is_down_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "TIME_LIMIT_SECONDS", 0.02)
    one, other = Slow(), Slow()
    other.gate.set()
    found = await Readiness([Check("one", True, lambda: one), Check("other", False, lambda: other)]).look()
    assert [(each.name, each.required, each.up) for each in found] == [("one", True, False), ("other", False, True)]


async def test_many_probes_at_once_are_one_round() -> None:
    slow = Slow()
    ready = Readiness([Check("slow", True, lambda: slow)])
    probes = [asyncio.create_task(ready.look()) for _ in range(5)]
    await asyncio.sleep(0)
    probes[0].cancel()  # a probe that hangs up
    slow.gate.set()
    found = [await probe for probe in probes[1:]]
    assert slow.asked == 1
    assert all(each[0].up for each in found)
    await ready.look()
    assert slow.asked == 1


async def test_a_finding_is_asked_for_anew_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    slow.gate.set()
    ready = Readiness([Check("slow", True, lambda: slow)])
    await ready.look()
    monkeypatch.setattr(readiness, "FRESH_SECONDS", -1.0)
    await ready.look()
    assert slow.asked == 2


async def test_a_part_that_cannot_be_built_is_down() -> None:
    def build() -> object:
        raise ImportError

    assert not (await Readiness([Check("broken", True, build)]).look())[0].up
