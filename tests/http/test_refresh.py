"""Trading refresh tokens, as clients see it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.secrets.files import FileKeys
from adapters.secrets.key_ring import fresh_key, turn_over
from domain.kernel.documents import Stored
from runtime.parts import Parts
from tests.auth import OURS, bearer, code, cookie, is_cleared, is_refused, log_in, refresh, sessions_of
from tests.budget import CountingDocuments
from tests.world import World, a_world


async def test_a_browser_trades_its_cookie_for_the_next_ones(world: World) -> None:
    ada = await world.sign_up("ada")
    browser = world.browser()
    first = cookie(await log_in(browser, ada.email))
    reply = await browser.post("/api/v1/auth/refresh", headers=OURS)
    assert reply.status_code == 200
    assert set(reply.json()) == {"accessToken"}
    assert cookie(reply, "accessToken") == reply.json()["accessToken"]
    assert cookie(reply) != first
    assert await is_refused(world, bearer(reply)) is None


async def test_a_client_without_cookies_is_given_the_next_token_in_the_body(world: World) -> None:
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    reply = await refresh(world, token)
    assert set(reply.json()) == {"accessToken", "refreshToken"}
    assert reply.json()["refreshToken"] == cookie(reply) != token
    assert (await refresh(world, reply.json()["refreshToken"])).status_code == 200


async def test_without_a_token_there_is_nothing_to_trade(world: World) -> None:
    reply = await world.client.post("/api/v1/auth/refresh")
    assert (reply.status_code, code(reply)) == (401, "missing_token")


async def test_what_is_not_genuine_is_refused_and_the_cookies_go(world: World) -> None:
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    for bad in ("x", token[:-1] + ("A" if token[-1] != "A" else "B"), token + "A"):
        reply = await refresh(world, bad)
        assert (reply.status_code, code(reply)) == (401, "invalid_token")
        assert is_cleared(reply)
    assert (await refresh(world, token)).status_code == 200


async def test_twin_tabs_are_given_the_same_successor(world: World) -> None:
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    replies = await asyncio.gather(*(refresh(world, token) for _ in range(16)))
    assert {reply.status_code for reply in replies} == {200}
    (successor,) = {cookie(reply) for reply in replies}
    world.clock.advance(seconds=9)
    assert cookie(await refresh(world, token)) == successor
    world.clock.advance(seconds=60)
    assert (await refresh(world, successor)).status_code == 200


async def test_a_late_replay_ends_the_session_its_tokens_and_its_sockets(world: World) -> None:
    ada = await world.sign_up("ada")
    stolen = cookie(await log_in(world.browser(), ada.email))
    owner = await refresh(world, stolen)
    (session,) = [each for each in await sessions_of(world, bearer(owner)) if each["current"]]
    world.clock.advance(seconds=11)
    reply = await refresh(world, stolen)
    assert (reply.status_code, code(reply)) == (401, "token_revoked")
    assert is_cleared(reply)
    assert await is_refused(world, bearer(owner)) == "token_revoked"
    assert code(await refresh(world, cookie(owner))) == "token_revoked"
    await world.run_jobs()
    assert {call[:2] for call in world.realtime.calls} == {("close_session", session["id"])}
    # The other sign-in of the same person goes on.
    assert await is_refused(world, ada.bearer) is None


async def test_a_replay_that_races_the_owner_still_ends_the_session(world: World) -> None:
    ada = await world.sign_up("ada")
    stolen = cookie(await log_in(world.browser(), ada.email))
    current = cookie(await refresh(world, stolen))
    world.clock.advance(seconds=11)
    replies = await asyncio.gather(*(refresh(world, token) for token in (current, stolen) * 5))
    assert {code(reply) for reply in replies[1::2]} == {"token_revoked"}
    for reply in replies[::2]:
        if reply.status_code == 200:
            assert code(await refresh(world, cookie(reply))) == "token_revoked"


async def test_a_revocation_holds_after_the_process_is_gone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ada = await world.sign_up("ada")
        reply = await log_in(world.browser(), ada.email)
        await world.client.post("/api/v1/auth/logout", headers=bearer(reply))
    async with a_world(tmp_path) as later:
        assert await is_refused(later, bearer(reply)) == "token_revoked"
        assert code(await refresh(later, cookie(reply))) == "token_revoked"
        assert await is_refused(later, ada.bearer) is None


async def test_a_session_slides_for_seven_days_and_ends_after_thirty(world: World) -> None:
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    world.clock.advance(days=7)
    assert code(await refresh(world, token)) in {"invalid_token", "token_revoked"}
    token = cookie(await log_in(world.browser(), ada.email))
    for _ in range(4):
        world.clock.advance(days=6)
        token = cookie(await refresh(world, token))
    world.clock.advance(days=5)
    last = await refresh(world, token)
    assert "max-age=86400" in last.headers.get_list("set-cookie")[1].lower()
    world.clock.advance(days=1)
    assert code(await refresh(world, cookie(last))) in {"invalid_token", "token_revoked"}


async def turn_keys(parts: Parts) -> None:
    assert isinstance(parts.keys, FileKeys)
    clock, guards_for = parts.clock, parts.settings.tokens.refresh_ttl
    await parts.keys.change(lambda ring: turn_over(ring, fresh_key(), clock.now(), guards_for=guards_for))


async def test_turning_the_keys_over_signs_nobody_out(world: World) -> None:
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    for _ in range(2):  # published, then current
        await turn_keys(world.parts)
        assert await is_refused(world, ada.bearer) is None
        token = cookie(await refresh(world, token))
        world.clock.advance(seconds=11)
    world.clock.advance(days=6)
    token = cookie(await refresh(world, token))
    world.clock.advance(days=2)
    for _ in range(2):
        await turn_keys(world.parts)
    assert (await refresh(world, token)).status_code == 200


async def test_a_refresh_is_one_read_and_one_conditional_write(world: World) -> None:
    counting = CountingDocuments(world.parts.documents)
    vars(world.parts)["documents"] = counting
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    with counting.measure() as calls:
        reply = await refresh(world, token)
    assert dict(calls.by_kind) == {"find_many": 1, "replace": 1}
    world.clock.advance(days=1)
    with counting.measure() as calls:
        await refresh(world, cookie(reply))
    assert dict(calls.by_kind) == {"find_many": 1, "batch": 1}, "the day's first use counts for the streak"


async def test_the_streak_grows_with_each_day_s_first_use(world: World) -> None:
    ada = await world.sign_up("ada")
    token = cookie(await log_in(world.browser(), ada.email))
    for _ in range(3):
        world.clock.advance(days=1)
        token = cookie(await refresh(world, token))
    held = await world.parts.auth.accounts.find(ada.id)
    assert held is not None
    assert held.account.login_streak == 4


class Lagging(CountingDocuments):
    """A replica behind the others: so many times it shows *frozen*."""

    frozen: list[Stored | None] | None = None
    times = 0
    last: list[Stored | None]

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        if self.frozen is not None and self.times > 0:
            self.times -= 1
            return self.frozen
        self.last = await super().find_many(container, keys)
        return self.last


async def test_a_replica_that_lags_behind_ends_no_session(world: World) -> None:
    lagging = Lagging(world.parts.documents)
    vars(world.parts)["documents"] = lagging
    ada = await world.sign_up("ada")
    first = cookie(await log_in(world.browser(), ada.email))
    second = cookie(await refresh(world, first))
    lagging.frozen, lagging.times = lagging.last, 1  # as it was before that refresh
    assert cookie(await refresh(world, first)) == second
    lagging.times = 2
    third = await refresh(world, second)
    assert third.status_code == 200
    lagging.frozen, lagging.times = [None, None], 1  # as if the sign-in were yet to arrive
    fourth = await refresh(world, cookie(third))
    assert fourth.status_code == 200
    behind, lagging.times = lagging.last, 1
    assert await is_refused(world, bearer(fourth)) is None
    lagging.frozen, lagging.times = behind, 1000
    reply = await refresh(world, cookie(fourth))
    assert (reply.status_code, code(reply), "set-cookie" in reply.headers) == (503, "service_unavailable", False)
    lagging.times = 0
    assert (await refresh(world, cookie(fourth))).status_code == 200


steps = st.lists(st.tuples(st.floats(0, 15), st.integers(0, 3)), min_size=1, max_size=12)


@given(steps=steps)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_over_any_history_only_a_late_replay_ends_a_session(world: World, steps: list[tuple[float, int]]) -> None:
    """Each step waits some seconds, then presents one of the last four tokens."""
    email = f"{world.parts.ids.new()}@people.example"
    body = {"email": email, "password": "correct horse battery staple", "name": "P"}
    issued = [cookie(await world.browser().post("/api/v1/auth/signup", json=body))]
    turned_in: dict[str, float] = {}
    elapsed = 0.0
    for wait, back in steps:
        world.clock.advance(seconds=wait)
        elapsed += wait
        token = issued[max(0, len(issued) - 1 - back)]
        age = elapsed - turned_in.get(token, elapsed)
        if 9.9 < age < 10.1:
            return  # the clock keeps microseconds, the store milliseconds
        reply = await refresh(world, token)
        if token in turned_in and age > 10:
            assert code(reply) == "token_revoked"
            for each in issued:
                assert code(await refresh(world, each)) == "token_revoked"
            return
        assert reply.status_code == 200
        if token in turned_in:
            assert cookie(reply) == issued[-1]
        else:
            turned_in[token] = elapsed
            assert cookie(reply) not in issued
            issued.append(cookie(reply))
