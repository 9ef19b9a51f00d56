"""A dependency that does not answer is left alone, then asked by one caller, whose answer decides for all."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from adapters.resilience import Circuit, NotAsked
from domain.kernel.errors import Unavailable
from runtime.parts import Parts
from runtime.settings import Settings
from tests.faults.dependencies import FAILURES, Builder, Dependency
from tests.unit.test_settings import SOUND

SERVED = ["documents", "cache", "blobs", "queue"]
"""By servers that Node or Debian has; the others are ours."""
OTHERS = ["keys", "mail_by_azure", "mail_by_smtp", "realtime", "challenge", "entra"]
REST = 1.0
CALLERS = 5
SLOTS = 2


@pytest.fixture
def builder(request: pytest.FixtureRequest, tmp_path: Path) -> Builder:
    return Builder(request, tmp_path)


NAMES = [*(pytest.param(name, marks=pytest.mark.servers) for name in SERVED), *OTHERS]


@pytest.fixture(params=NAMES)
async def dependency(request: pytest.FixtureRequest, builder: Builder) -> AsyncGenerator[Dependency]:
    async with builder.build(request.param) as dependency:
        yield dependency


def state(dependency: Dependency) -> Circuit:
    """Asked anew each time, which a type checker cannot know of a property."""
    return dependency.guard.circuit


async def fail(dependency: Dependency) -> int:
    """One call that fails; how many connections it took."""
    before = dependency.way.accepted
    with pytest.raises(Unavailable):
        await dependency.part.ping()
    return dependency.way.accepted - before


async def crowd(dependency: Dependency) -> list[object]:
    """Several callers at once; what each got."""
    return list(await asyncio.gather(*(dependency.part.ping() for _ in range(CALLERS)), return_exceptions=True))


async def test_it_is_left_alone_probed_by_one_and_used_again(dependency: Dependency, builder: Builder) -> None:
    dependency.way.cut()
    most = max([await fail(dependency) for _ in range(FAILURES)])
    assert state(dependency) is Circuit.OPEN
    assert await fail(dependency) == 0

    builder.moment.at += REST
    assert state(dependency) is Circuit.HALF_OPEN
    before = dependency.way.accepted
    assert all(isinstance(got, Unavailable) for got in await crowd(dependency))
    assert 1 <= dependency.way.accepted - before <= most  # as many as one caller alone
    assert state(dependency) is Circuit.OPEN

    dependency.way.mend()
    builder.moment.at += REST  # a failed probe has doubled it
    assert await fail(dependency) == 0
    builder.moment.at += REST
    assert any(not isinstance(got, Exception) for got in await crowd(dependency))
    assert state(dependency) is Circuit.CLOSED
    assert not any(isinstance(got, Exception) for got in await crowd(dependency))


@pytest.mark.parametrize("name", NAMES)
async def test_one_that_hangs_holds_its_slots_and_the_others_hear_so_at_once(builder: Builder, name: str) -> None:
    builder.limits = {"slots": SLOTS, "patience": 0.05, "failures": 100}
    async with builder.build(name) as dependency:
        await dependency.part.ping()  # connected, as in a process that has run for a while
        if name == "entra":
            dependency.part._read_at = -float("inf")  # so that it is asked again
        dependency.way.hang()
        before = dependency.way.open_connections
        calls = [asyncio.create_task(dependency.part.ping()) for _ in range(SLOTS + CALLERS)]
        await asyncio.sleep(0.2)
        told = [call for call in calls if call.done()]
        if name != "entra":  # whose callers share one fetch
            assert [type(call.exception()) for call in told] == [NotAsked] * CALLERS
        assert dependency.way.open_connections <= before + SLOTS
        dependency.way.mend()
        await asyncio.gather(*calls, return_exceptions=True)
        assert state(dependency) is Circuit.CLOSED


async def test_who_is_not_asked_is_told_when_to_come_again(builder: Builder) -> None:
    async with builder.build("challenge") as challenge:
        challenge.way.cut()
        for _ in range(FAILURES):
            await fail(challenge)
        with pytest.raises(NotAsked) as refused:
            await challenge.part.passed("token", address=None)
        assert refused.value.retry_after == REST


async def test_the_cloud_is_wired_behind_guards_and_all_of_them_are_in_readyz() -> None:
    challenge = {"APP_CHALLENGE_VERIFY_URL": "https://challenge.example/v", "APP_CHALLENGE_SECRET": "hush"}
    parts = Parts(Settings.read({**SOUND, **challenge}))
    checks = {check.name: check for check in parts.readiness._checks}
    for check in checks.values():
        check.part()
    assert set(parts.guards) == set(checks)
    assert parts.readiness._guards is parts.guards
    assert {name for name in checks if name != "mail"} | {"mail_by_azure", "mail_by_smtp"} == {
        *SERVED,
        *OTHERS,
        "sql",  # tests/faults/test_odbc.py, with Microsoft's driver
    }
    await parts.close()
