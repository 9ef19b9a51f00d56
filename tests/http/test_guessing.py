"""Guessing passwords: what it costs the guesser, and what it tells them."""

import asyncio
import logging

import httpx
import pytest

from adapters.passwords.argon2id import Argon2Passwords
from domain.auth.ports import Proof
from domain.kernel.accounts import Status
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Patch
from tests.auth import bearer, code, cookie, is_refused, log_in, refresh
from tests.budget import CountingCache, CountingDocuments
from tests.world import PASSWORD, World, a_world

WRONG = "not the password"
STRANGER = {"X-Forwarded-For": "198.51.100.66"}
"""The dev host appends the caller's own address, so tests of several clients set the proxy depth to 2."""


class CountingHasher(Argon2Passwords):
    checks = 0

    async def verify(self, password_hash: str | None, password: str) -> Proof:
        self.checks += 1
        return await super().verify(password_hash, password)


class Meter:
    """What one request costs."""

    def __init__(self, world: World) -> None:
        self.documents = CountingDocuments(world.parts.documents)
        self.cache = CountingCache(world.clock)
        self.hasher = CountingHasher(memory_kib=8, passes=1, lanes=1, at_once=2)
        vars(world.parts)["documents"] = self.documents
        vars(world.parts)["cache"] = self.cache
        vars(world.parts.auth)["hasher"] = self.hasher

    async def log_in(self, world: World, email: str, password: str) -> tuple[int, dict[str, int], int, int]:
        checks, trips = self.hasher.checks, self.cache.trips
        with self.documents.measure() as calls:
            reply = await log_in(world.browser(), email, password)
        return reply.status_code, dict(calls.by_kind), self.cache.trips - trips, self.hasher.checks - checks


async def test_signing_in_costs_three_store_calls_four_cache_trips_and_one_hash(world: World) -> None:
    meter = Meter(world)
    ada = await world.sign_up("ada")
    outcome = await meter.log_in(world, ada.email, PASSWORD)
    assert outcome == (200, {"find": 2, "batch": 1}, 4, 1)


async def test_an_unknown_address_costs_just_what_a_wrong_password_costs(world: World) -> None:
    meter = Meter(world)
    ada = await world.sign_up("ada")
    wrong = await meter.log_in(world, ada.email, WRONG)
    unknown = await meter.log_in(world, "nobody@people.example", WRONG)
    assert wrong == unknown == (401, {"find": 2}, 4, 1)


async def test_a_signed_in_request_costs_one_cache_trip_and_no_store_call(world: World) -> None:
    meter = Meter(world)
    ada = await world.sign_up("ada")
    await is_refused(world, ada.bearer)
    trips = meter.cache.trips
    with meter.documents.measure() as calls:
        reply = await world.browser().post("/api/v1/auth/verify-email", json={"token": "x"}, headers=ada.bearer)
    assert reply.status_code == 401, "refused before any work of its own"
    assert (calls.total, meter.cache.trips - trips) == (0, 1)


async def test_a_session_the_cache_does_not_know_costs_one_store_call(world: World) -> None:
    meter = Meter(world)
    ada = await world.sign_up("ada", verified=False)
    with meter.documents.measure() as calls:
        reply = await world.browser().get("/api/v1/conversations", headers=ada.bearer)
    assert code(reply) == "email_not_verified"
    assert dict(calls.by_kind) == {"find_many": 1}


@pytest.mark.parametrize("known", [True, False])
async def test_after_five_wrong_passwords_each_try_waits_for_known_and_unknown_alike(world: World, known: bool) -> None:
    ada = await world.sign_up("ada")
    email = ada.email if known else "nobody@people.example"
    for _ in range(5):
        assert code(await log_in(world.browser(), email, WRONG)) == "invalid_credentials"
    for password in (WRONG, PASSWORD):
        reply = await log_in(world.browser(), email, password)
        assert (reply.status_code, code(reply)) == (429, "rate_limit_exceeded")
        assert reply.headers["retry-after"] == "15"
        assert reply.json()["error"]["retryAfter"] == 15
    world.clock.advance(seconds=15)
    assert code(await log_in(world.browser(), email, WRONG)) == "invalid_credentials"
    assert (await log_in(world.browser(), email, WRONG)).headers["retry-after"] == "30"
    world.clock.advance(seconds=30)
    last = await log_in(world.browser(), email, PASSWORD)
    assert last.status_code == (200 if known else 401)


async def test_a_stranger_locks_nobody_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with a_world(tmp_path_factory.mktemp("two"), APP_TRUSTED_PROXY_DEPTH="2") as world:
        ada = await world.sign_up("ada")
        for _ in range(8):
            await log_in(world.browser(), ada.email, WRONG, headers=STRANGER)
        assert (await log_in(world.browser(), ada.email, PASSWORD, headers=STRANGER)).status_code == 429
        assert (await log_in(world.browser(), ada.email)).status_code == 200


async def test_a_guesser_with_many_addresses_is_slowed_and_the_person_at_home_is_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with a_world(tmp_path_factory.mktemp("many"), APP_TRUSTED_PROXY_DEPTH="2") as world:
        ada = await world.sign_up("ada")
        for number in range(100):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            await log_in(world.browser(), ada.email, WRONG, headers=headers)
        assert (await log_in(world.browser(), ada.email, WRONG, headers=STRANGER)).status_code == 429
        assert (await log_in(world.browser(), ada.email)).status_code == 200


async def suspend(world: World, user_id: str) -> None:
    change = Patch("account", set={"status": Status.SUSPENDED.value}, incr={"epoch": 1})
    await world.parts.documents.patch(ACCOUNTS, user_id, change)
    await world.parts.auth.revocation.settle(user_id, ())


async def test_a_suspension_is_told_only_to_who_proves_the_password(world: World) -> None:
    ada = await world.sign_up("ada")
    first = await log_in(world.browser(), ada.email)
    await suspend(world, ada.id)
    assert code(await log_in(world.browser(), ada.email, WRONG)) == "invalid_credentials"
    reply = await log_in(world.browser(), ada.email)
    assert (reply.status_code, code(reply)) == (403, "account_suspended")
    assert "set-cookie" not in reply.headers
    assert await is_refused(world, bearer(first)) == "token_revoked"
    assert code(await refresh(world, cookie(first))) == "token_revoked"


async def test_raised_parameters_are_taken_on_at_the_next_sign_in(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("raised")
    async with a_world(data) as world:
        ada = await world.sign_up("ada")
    async with a_world(data, APP_ARGON2_PASSES="2") as world:
        meter = Meter(world)
        meter.hasher = CountingHasher(memory_kib=8, passes=2, lanes=1, at_once=2)
        vars(world.parts.auth)["hasher"] = meter.hasher
        assert await meter.log_in(world, ada.email, PASSWORD) == (200, {"find": 2, "batch": 1}, 4, 1)
        held = await world.parts.auth.accounts.find(ada.id)
        assert held is not None
        assert ",t=2," in held.account.password_hash
        assert (await log_in(world.browser(), ada.email)).status_code == 200


async def test_a_burst_is_turned_away_rather_than_piled_up(world: World) -> None:
    ada = await world.sign_up("ada")
    hasher = world.parts.auth.hasher
    assert isinstance(hasher, Argon2Passwords)
    hasher._most_inside = 3
    emails = [ada.email, *(f"nobody{n}@people.example" for n in range(30))]
    replies = await asyncio.gather(*(log_in(world.browser(), email) for email in emails))
    turned_away = [reply for reply in replies if reply.status_code == 503]
    assert {code(reply) for reply in turned_away} == {"service_unavailable"}
    assert {reply.headers["retry-after"] for reply in turned_away} == {"2"}
    assert replies[0].status_code == 200
    assert (await log_in(world.browser(), emails[-1])).status_code == 401, "being turned away is no failure"


async def test_sign_in_keeps_addresses_passwords_and_tokens_out_of_the_logs(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ada = await world.sign_up("ada")
    replies: list[httpx.Response] = []
    browser = world.browser()
    replies.append(await log_in(browser, ada.email))
    replies.append(await log_in(browser, ada.email, "mistyped password"))
    replies.append(await refresh(world, cookie(replies[0])))
    await browser.post("/api/v1/auth/forgot-password", json={"email": ada.email})
    await world.run_jobs()
    reset = world.mails(to=ada.email)[-1].links[0].partition("token=")[2]
    await browser.post("/api/v1/auth/reset-password", json={"token": reset, "newPassword": "new horse, new battery"})
    await log_in(browser, "not an address", PASSWORD)
    await world.run_jobs()
    secrets = [ada.email, "people.example", PASSWORD, "mistyped password", "new horse", "not an address", reset]
    secrets += [ada.token, cookie(replies[0]), cookie(replies[2]), replies[2].json()["accessToken"]]
    assert not [secret for secret in secrets if secret in caplog.text]
    assert not [reply for reply in replies if ada.email in reply.text and reply is not replies[0]]
