"""Who guesses is slowed down; who is guessed at is not locked out."""

import asyncio

import pytest

from adapters.cache.in_process import InProcessCache
from domain.auth.lockout import Lockout, LockoutPolicy
from domain.auth.model import Client
from domain.kernel.errors import RateLimited
from tests.factories import ManualClock

ADA = "a" * 64


def a_client(ip: str = "198.51.100.1") -> Client:
    return Client(ip, ip, "device")


class Door:
    """A lockout with a clock, tried as sign-in tries it."""

    def __init__(self, free: int = 5) -> None:
        self.clock = ManualClock()
        self.lockout = Lockout(InProcessCache(self.clock), free=free)

    async def wrong(self, ip: str = "198.51.100.1", *, networks: tuple[str, ...] = ()) -> None:
        attempt = await self.lockout.begin(ADA, a_client(ip))
        self.lockout.require_known_or_waited(attempt, a_client(ip), networks)
        await self.lockout.failed(attempt)

    async def right(self, ip: str = "198.51.100.1", *, networks: tuple[str, ...] = ()) -> None:
        attempt = await self.lockout.begin(ADA, a_client(ip))
        self.lockout.require_known_or_waited(attempt, a_client(ip), networks)
        await self.lockout.succeeded(attempt)

    async def wait(self, ip: str = "198.51.100.1") -> float:
        with pytest.raises(RateLimited) as refused:
            await self.wrong(ip)
        assert refused.value.retry_after is not None
        return refused.value.retry_after


def test_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    policy = LockoutPolicy(5)
    assert [policy.wait(n) for n in (0, 4, 5, 6, 7, 10, 11, 10_000)] == [0, 0, 15, 30, 60, 480, 900, 900]


async def test_five_wrong_passwords_are_free_and_each_further_one_has_to_wait() -> None:
    door = Door()
    for _ in range(5):
        await door.wrong()
    assert await door.wait() == pytest.approx(15)
    door.clock.advance(seconds=15)
    await door.wrong()
    assert await door.wait() == pytest.approx(30)
    door.clock.advance(seconds=29)
    assert await door.wait() == pytest.approx(1)
    door.clock.advance(seconds=1)
    await door.right()
    for _ in range(5):
        await door.wrong()


async def test_being_refused_does_not_lengthen_the_wait() -> None:
    door = Door()
    for _ in range(5):
        await door.wrong()
    for _ in range(20):
        await door.wait()
    assert await door.wait() == pytest.approx(15)


async def test_of_many_tries_at_once_no_more_get_in_than_of_many_in_a_row() -> None:
    door = Door()
    outcomes = await asyncio.gather(*(door.wrong() for _ in range(50)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 5
    assert all(isinstance(outcome, RateLimited) for outcome in outcomes if outcome is not None)


async def test_when_a_wait_is_over_one_try_is_let_in_not_all() -> None:
    door = Door()
    for _ in range(5):
        await door.wrong()
    door.clock.advance(seconds=15)
    outcomes = await asyncio.gather(*(door.wrong() for _ in range(10)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1


async def test_a_stranger_s_failures_do_not_hold_up_the_person() -> None:
    door = Door()
    for _ in range(5):
        await door.wrong("198.51.100.66")
    await door.right("203.0.113.7")
    assert await door.wait("198.51.100.66") == pytest.approx(15)


async def test_a_guesser_with_many_networks_is_slowed_where_the_person_was_never_seen() -> None:
    door = Door()
    for number in range(100):
        await door.wrong(f"198.51.100.{number}")
    assert 0 < await door.wait("192.0.2.200") <= 30
    await door.right("203.0.113.7", networks=("203.0.113.7",))
    door.clock.advance(seconds=30)
    await door.wrong("192.0.2.201")


async def test_an_address_no_proxy_vouches_for_is_nobody_s_own() -> None:
    door = Door()
    for number in range(100):
        await door.wrong(f"198.51.100.{number}")
    with pytest.raises(RateLimited):
        await door.right("unknown", networks=("unknown",))


async def test_failures_are_forgotten_after_an_hour() -> None:
    door = Door()
    for _ in range(5):
        await door.wrong()
    door.clock.advance(minutes=61)
    for _ in range(5):
        await door.wrong()
    assert await door.wait() == pytest.approx(15)
