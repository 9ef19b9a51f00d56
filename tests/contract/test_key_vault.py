"""The key set in Key Vault, through Microsoft's SDK over HTTPS: read once, renewed behind the scenes, turned over."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.resilience import Guard, Limits
from adapters.secrets.key_ring import KeyRing, decode_ring, encode_ring, fresh_key, turn_over
from adapters.secrets.key_vault import FRESH_FOR, UNKNOWN_EVERY, KeyVaultKeys
from domain.kernel.errors import Unavailable
from domain.kernel.keys import Key, KeySet
from tests.factories import NOON
from tests.https_services import KnownCredential, VaultService, served

OLD, NEW = Key("old", b"o" * 32), Key("new", b"n" * 32)


class Bench:
    """A vault, and the instances over it, which share a time."""

    def __init__(self, vault: VaultService) -> None:
        self.vault = vault
        self.at = 0.0
        self.made: list[KeyVaultKeys] = []

    def keys(self) -> KeyVaultKeys:
        made = KeyVaultKeys(
            self.vault.url,
            "signing-keys",
            KnownCredential,
            guard=Guard("keys", Limits(failures=1000)),
            now=lambda: self.at,
            verify=self.vault.certificate,
            verify_challenge=False,
        )
        self.made.append(made)
        return made

    def holds(self, keys: KeySet) -> None:
        self.vault.secrets["signing-keys"] = encode_ring(KeyRing(keys))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[Bench]:
    vault = VaultService()
    async with served(vault, tmp_path):
        bench = Bench(vault)
        bench.holds(KeySet(OLD))
        yield bench
        for made in bench.made:
            await made.close()


async def settled(keys: KeyVaultKeys) -> None:
    assert keys._reading is not None
    await asyncio.wait([keys._reading])


async def test_many_first_callers_are_one_reading_and_then_memory_answers(bench: Bench) -> None:
    keys = bench.keys()
    got = await asyncio.gather(*(keys.get() for _ in range(20)))
    assert {one.current for one in got} == {OLD}
    asked = bench.vault.asked
    assert asked <= 2  # the first is challenged
    await keys.get("old")
    assert bench.vault.asked == asked


async def test_an_old_set_is_renewed_behind_the_caller(bench: Bench) -> None:
    keys = bench.keys()
    await keys.get()
    bench.holds(KeySet(NEW, previous=OLD))
    bench.at = FRESH_FOR - 1
    assert (await keys.get()).current == OLD
    bench.at = FRESH_FOR
    assert (await keys.get()).current == OLD
    await settled(keys)
    assert (await keys.get()).current == NEW


async def test_an_unknown_key_is_looked_for_at_once_but_not_for_everyone_who_makes_one_up(bench: Bench) -> None:
    keys = bench.keys()
    await keys.get()
    bench.holds(KeySet(OLD, next=NEW))
    assert (await keys.get("new")).find("new") == NEW
    asked = bench.vault.asked
    for number in range(50):
        await keys.get(f"made-up-{number}")
    assert bench.vault.asked == asked
    bench.at += UNKNOWN_EVERY
    await keys.get("made-up")
    assert bench.vault.asked == asked + 1


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_while_the_vault_is_away_the_last_keys_stay_good(bench: Bench, status: int) -> None:
    keys = bench.keys()
    await keys.get()
    bench.vault.broken = status
    bench.at = FRESH_FOR * 3
    assert (await keys.get()).current == OLD
    await settled(keys)
    assert (await keys.get("unknown")).current == OLD
    with pytest.raises(Unavailable):
        await keys.ping()
    bench.vault.broken = None
    bench.holds(KeySet(NEW))
    bench.at += UNKNOWN_EVERY
    assert (await keys.get("new")).current == NEW


@pytest.mark.parametrize("text", ["", "{}", "nonsense", '{"current": {"kid": "a", "secret": "c2hvcnQ="}}'])
async def test_a_secret_that_is_no_key_set_is_unavailable_and_not_shown(
    bench: Bench, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.vault.secrets["signing-keys"] = text
    with pytest.raises(Unavailable):
        await bench.keys().get()
    assert "c2hvcnQ" not in caplog.text


async def test_a_missing_secret_is_unavailable_until_an_operator_makes_it(bench: Bench) -> None:
    del bench.vault.secrets["signing-keys"]
    keys = bench.keys()
    with pytest.raises(Unavailable):
        await keys.get()
    made = await bench.keys().change(lambda ring: ring)
    assert (await keys.get()) == made


async def test_turning_over_reaches_every_instance_without_a_restart(bench: Bench) -> None:
    running, operator = bench.keys(), bench.keys()
    await running.get()

    def step(ring: KeyRing) -> KeyRing:
        return turn_over(ring, fresh_key(), NOON, guards_for=timedelta(days=7))

    published = await operator.change(step)
    assert published.next is not None
    signing = await operator.change(step)
    assert signing.current == published.next
    assert signing.previous == OLD
    assert (await running.get(signing.current.kid)) == signing
    assert decode_ring(bench.vault.secrets["signing-keys"]).turned_at == NOON
