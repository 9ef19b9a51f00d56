"""Hashing passwords: few at a time, the same work for everyone."""

import asyncio
import threading

import argon2
import pytest

from adapters.passwords.argon2id import WAITING_FOR_EACH, Argon2Passwords, Crowded


def a_hasher(*, passes: int = 1, at_once: int = 2) -> Argon2Passwords:
    return Argon2Passwords(memory_kib=8, passes=passes, lanes=1, at_once=at_once)


async def test_a_password_proves_itself_and_nothing_else_does() -> None:
    hasher = a_hasher()
    stored = await hasher.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await hasher.hash("correct horse") != stored
    right, wrong = await hasher.verify(stored, "correct horse"), await hasher.verify(stored, "correct house")
    assert (right.holds, right.rehashed) == (True, None)
    assert (wrong.holds, wrong.rehashed) == (False, None)
    await hasher.close()


async def test_nobody_s_hash_has_the_price_of_a_real_one_and_never_holds() -> None:
    hasher = a_hasher(passes=2)
    real = argon2.extract_parameters(await hasher.hash("correct horse"))
    assert argon2.extract_parameters(hasher._decoy) == real
    for password in ("", "nobody", "correct horse"):
        assert not (await hasher.verify(None, password)).holds
    await hasher.close()


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$short", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_a_hash_that_cannot_be_read_never_holds(stored: str) -> None:
    hasher = a_hasher()
    assert not (await hasher.verify(stored, "correct horse")).holds
    await hasher.close()


async def test_raised_parameters_give_a_new_hash_to_whoever_proves_the_old_one() -> None:
    old, new = a_hasher(), a_hasher(passes=2)
    stored = await old.hash("correct horse")
    proof = await new.verify(stored, "correct horse")
    assert proof.holds
    assert proof.rehashed is not None
    assert argon2.extract_parameters(proof.rehashed).time_cost == 2
    assert (await new.verify(proof.rehashed, "correct horse")).rehashed is None
    assert (await new.verify(stored, "wrong")).rehashed is None
    await old.close()
    await new.close()


async def test_no_more_hashes_run_at_a_time_than_the_setting_says() -> None:
    hasher = a_hasher(at_once=2)
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        hasher._holds(hasher._decoy, "correct horse")
        with lock:
            running -= 1

    await asyncio.gather(*(hasher._run(work) for _ in range(12)))
    assert most <= 2
    await hasher.close()


async def test_a_crowd_is_told_to_come_back_and_the_line_moves_on() -> None:
    hasher = a_hasher(at_once=1)
    leave = asyncio.Event()

    async def stand() -> None:
        async with hasher.place():
            await leave.wait()

    line = [asyncio.create_task(stand()) for _ in range(1 + WAITING_FOR_EACH)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded) as refused:
        async with hasher.place():
            pass
    assert refused.value.retry_after == 2
    leave.set()
    await asyncio.gather(*line)
    async with hasher.place():
        pass
    await hasher.close()
