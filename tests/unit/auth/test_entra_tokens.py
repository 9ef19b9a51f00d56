"""Tokens with which a service of Azure signs in, over a real socket to where their keys are published."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.tokens.entra import FRESH_FOR, UNKNOWN_EVERY, BadServiceToken, EntraTokens
from domain.kernel.errors import Unavailable
from tests.entra import AUDIENCE, PRINCIPAL, TENANT, Entra, an_entra
from tests.factories import ManualClock


class Watch:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
async def entra() -> AsyncGenerator[Entra]:
    async with an_entra() as made:
        yield made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def tokens(entra: Entra, clock: ManualClock, watch: Watch) -> AsyncGenerator[EntraTokens]:
    made = EntraTokens(TENANT, AUDIENCE, PRINCIPAL, clock, login=entra.login, now=watch)
    yield made
    await made.close()


async def test_the_service_is_known_by_either_version_of_its_token(entra: Entra, tokens: EntraTokens) -> None:
    await tokens.check(f"Bearer {entra.token()}")
    await tokens.check(f"bearer {entra.token(iss=f'https://login.microsoftonline.com/{TENANT}/v2.0')}")
    assert entra.asked == 1, "keys are kept"


@pytest.mark.parametrize(
    "changed",
    [
        {"oid": "44444444-4444-4444-8444-444444444444"},
        {"oid": None},
        {"aud": "https://management.azure.com"},
        {"aud": None},
        {"iss": "https://sts.windows.net/22222222-2222-4222-8222-222222222222/"},
        {"iss": None},
        {"exp": None},
    ],
)
async def test_a_token_of_another_or_for_another_is_refused(
    entra: Entra, tokens: EntraTokens, changed: dict[str, Any]
) -> None:
    with pytest.raises(BadServiceToken):
        await tokens.check(f"Bearer {entra.token(**changed)}")


async def test_a_token_holds_for_its_time(entra: Entra, tokens: EntraTokens, clock: ManualClock) -> None:
    token = f"Bearer {entra.token()}"
    clock.advance(minutes=64)
    await tokens.check(token)  # clocks may differ by five minutes
    clock.advance(minutes=1)
    with pytest.raises(BadServiceToken):
        await tokens.check(token)
    clock.advance(minutes=-71)
    with pytest.raises(BadServiceToken):
        await tokens.check(token)


async def test_what_is_no_token_is_refused_and_asks_nobody(entra: Entra, tokens: EntraTokens) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic abc", f"Bearer {'a' * 9000}"):
        with pytest.raises(BadServiceToken):
            await tokens.check(header)
    assert entra.asked == 0


async def test_a_forged_signature_is_refused(entra: Entra, tokens: EntraTokens) -> None:
    theirs = rsa.generate_private_key(65537, 2048)
    for forged in (
        entra.token(key=theirs),
        entra.token(key="k" * 64, algorithm="HS256"),
        entra.token(algorithm="RS512"),
    ):
        with pytest.raises(BadServiceToken):
            await tokens.check(f"Bearer {forged}")


async def test_new_keys_are_fetched_when_a_token_names_one(entra: Entra, tokens: EntraTokens, watch: Watch) -> None:
    await tokens.check(f"Bearer {entra.token()}")
    entra.turn_over("second")
    watch.time += UNKNOWN_EVERY
    await asyncio.gather(*(tokens.check(f"Bearer {entra.token()}") for _ in range(20)))
    assert entra.asked == 2


async def test_made_up_keys_cost_one_fetch_in_a_while(entra: Entra, tokens: EntraTokens, watch: Watch) -> None:
    await tokens.check(f"Bearer {entra.token()}")
    watch.time += UNKNOWN_EVERY
    theirs = rsa.generate_private_key(65537, 2048)
    for number in range(20):
        with pytest.raises(BadServiceToken):
            await tokens.check(f"Bearer {entra.token(kid=f'made-up-{number}', key=theirs)}")
    assert entra.asked == 2
    await tokens.check(f"Bearer {entra.token()}")


async def test_while_entra_is_down_known_keys_stay_good(entra: Entra, tokens: EntraTokens, watch: Watch) -> None:
    entra.down = True
    with pytest.raises(Unavailable):
        await tokens.check(f"Bearer {entra.token()}")
    entra.down = False
    await tokens.check(f"Bearer {entra.token()}")  # at once, not after a pause
    entra.down = True
    watch.time += FRESH_FOR
    await tokens.check(f"Bearer {entra.token()}")
