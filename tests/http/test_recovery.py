"""Forgotten and changed passwords, and addresses to verify, as clients see it."""

import asyncio

import httpx
import pytest

from adapters.queues.sqlite import SqliteQueue
from tests.auth import bearer, code, cookie, is_refused, log_in, refresh, sessions_of
from tests.world import PASSWORD, Person, World, a_world

NEW = "another horse, same battery"


async def forgot(world: World, email: str) -> httpx.Response:
    return await world.browser().post("/api/v1/auth/forgot-password", json={"email": email})


async def reset(world: World, token: str, password: str = NEW) -> httpx.Response:
    body = {"token": token, "newPassword": password}
    return await world.browser().post("/api/v1/auth/reset-password", json=body)


async def reset_token(world: World, person: Person) -> str:
    """The token of the link mailed to who asked for one."""
    await forgot(world, person.email)
    await world.run_jobs()
    mail = world.mails(to=person.email)[-1]
    assert mail.links[0].startswith("http://localhost:3000/reset-password?token=")
    return mail.links[0].partition("token=")[2]


async def test_a_forgotten_password_is_set_anew_by_mail_and_every_session_ends(world: World) -> None:
    ada = await world.sign_up("ada")
    other = await log_in(world.browser(), ada.email)
    reply = await reset(world, await reset_token(world, ada))
    assert (reply.status_code, set(reply.json())) == (200, {"message"})
    for headers in (ada.bearer, bearer(other)):
        assert await is_refused(world, headers) == "token_revoked"
    assert code(await refresh(world, cookie(other))) == "token_revoked"
    assert code(await log_in(world.browser(), ada.email)) == "invalid_credentials"
    assert (await log_in(world.browser(), ada.email, NEW)).status_code == 200
    await world.run_jobs()
    assert {call[0] for call in world.realtime.calls} == {"close_session"}
    assert "password" in world.mails(to=ada.email)[-1].subject.lower()


async def test_asking_for_a_link_says_and_does_the_same_for_everyone(world: World) -> None:
    ada = await world.sign_up("ada")
    await world.run_jobs()
    queue = world.parts.queue
    assert isinstance(queue, SqliteQueue)
    answers, bodies = [], []
    for email in (ada.email, "nobody@people.example"):
        reply = await forgot(world, email)
        answers.append((reply.status_code, reply.json(), sorted(set(reply.headers) - {"x-request-id"})))
        bodies.append((await queue.peek("resets"))[-1].body)
        assert email not in bodies[-1]
    assert answers[0] == answers[1]
    assert len(await queue.peek("resets")) == 2
    assert len(bodies[0]) == len(bodies[1])
    mails = len(world.mails())
    await world.run_jobs()
    assert [mail.to for mail in world.mails()[mails:]] == [ada.email]


async def test_a_reset_link_is_good_once(world: World) -> None:
    ada = await world.sign_up("ada")
    token = await reset_token(world, ada)
    replies = await asyncio.gather(*(reset(world, token, f"{NEW} {n}") for n in range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [401] * 7
    assert {code(reply) for reply in replies if reply.status_code == 401} == {"invalid_token"}
    (winner,) = [n for n, reply in enumerate(replies) if reply.status_code == 200]
    assert (await log_in(world.browser(), ada.email, f"{NEW} {winner}")).status_code == 200


async def test_a_refused_password_does_not_use_the_link_up(world: World) -> None:
    ada = await world.sign_up("ada")
    token = await reset_token(world, ada)
    for bad in ("short", "password123", "ada@people.example"):
        reply = await reset(world, token, bad)
        assert (reply.status_code, code(reply)) == (400, "validation_error")
        assert [fault["path"] for fault in reply.json()["error"]["details"]] == ["newPassword"]
    assert (await reset(world, token)).status_code == 200


async def test_a_reset_link_dies_after_fifteen_minutes(world: World) -> None:
    ada = await world.sign_up("ada")
    token = await reset_token(world, ada)
    world.clock.advance(minutes=15)
    assert code(await reset(world, token)) == "invalid_token"


async def test_a_new_password_voids_every_link_mailed_before(world: World) -> None:
    ada = await world.sign_up("ada")
    first, second = await reset_token(world, ada), await reset_token(world, ada)
    world.clock.advance(seconds=1)
    assert (await reset(world, second)).status_code == 200
    assert code(await reset(world, first, "yet another horse 7")) == "invalid_token"


async def test_a_token_of_one_purpose_is_good_for_no_other(world: World) -> None:
    ada = await world.sign_up("ada", verified=False)
    await world.run_jobs()
    verify = world.mails(to=ada.email)[-1].links[0].partition("token=")[2]
    assert code(await reset(world, verify)) == "invalid_token"
    token = await reset_token(world, ada)
    reply = await world.client.post("/api/v1/auth/verify-email", json={"token": token})
    assert code(reply) == "invalid_token"
    for bad in ("x", "A" * 86, token[:-1], "é"):
        assert code(await reset(world, bad)) == "invalid_token"


async def test_nobody_s_mailbox_is_flooded_in_our_name(world: World) -> None:
    ada = await world.sign_up("ada")
    mails = len(world.mails())
    for _ in range(9):
        assert (await forgot(world, ada.email)).status_code == 200
    await world.run_jobs()
    assert len(world.mails()) - mails == 5


async def test_store_and_queue_never_hold_a_token(world: World) -> None:
    ada = await world.sign_up("ada")
    await forgot(world, ada.email)
    queue = world.parts.queue
    assert isinstance(queue, SqliteQueue)
    bodies = [message.body for message in await queue.peek()]
    await world.run_jobs()
    token = world.mails(to=ada.email)[-1].links[0].partition("token=")[2]
    kept = b"".join(path.read_bytes() for path in world.data.glob("documents.db*"))
    assert token.encode() not in kept
    assert not [body for body in bodies if token in body]
    assert ada.token.encode() not in kept


async def change(world: World, headers: dict[str, str], current: str, new: str = NEW) -> httpx.Response:
    body = {"currentPassword": current, "newPassword": new}
    return await world.browser().post("/api/v1/auth/change-password", json=body, headers=headers)


async def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(world: World) -> None:
    ada = await world.sign_up("ada")
    this, other = await log_in(world.browser(), ada.email), await log_in(world.browser(), ada.email)
    assert (await change(world, bearer(this), PASSWORD)).status_code == 200
    assert await is_refused(world, bearer(other)) == "token_revoked"
    assert await is_refused(world, ada.bearer) == "token_revoked"
    assert [each["current"] for each in await sessions_of(world, bearer(this))] == [True]
    assert (await refresh(world, cookie(this))).status_code == 200
    assert code(await refresh(world, cookie(other))) == "token_revoked"
    assert (await log_in(world.browser(), ada.email, NEW)).status_code == 200


async def test_changing_the_password_needs_the_present_one_and_counts_wrong_ones(world: World) -> None:
    ada = await world.sign_up("ada")
    for _ in range(5):
        assert code(await change(world, ada.bearer, "not the password")) == "invalid_credentials"
    reply = await change(world, ada.bearer, PASSWORD)
    assert (reply.status_code, code(reply)) == (429, "rate_limit_exceeded")
    assert await is_refused(world, ada.bearer) is None


async def test_a_sign_in_that_races_a_new_password_is_over_before_it_is_used(world: World) -> None:
    ada = await world.sign_up("ada")
    token = await reset_token(world, ada)
    replies = await asyncio.gather(reset(world, token), *(log_in(world.browser(), ada.email) for _ in range(4)))
    assert replies[0].status_code == 200
    for reply in replies[1:]:
        if reply.status_code == 200:
            assert await is_refused(world, bearer(reply)) == "token_revoked"


async def me_is_verified(world: World, headers: dict[str, str]) -> bool:
    reply = await world.browser().get("/api/v1/conversations", headers=headers)
    return reply.status_code != 403 or code(reply) != "email_not_verified"


async def test_verifying_the_address_opens_the_rest_at_once_to_every_session(world: World) -> None:
    ada = await world.sign_up("ada", verified=False)
    assert not await me_is_verified(world, ada.bearer)
    await world.run_jobs()
    link = world.mails(to=ada.email)[-1].links[0]
    assert link.startswith("http://localhost:7071/api/v1/auth/verify-email?token=")
    path = link.removeprefix("http://localhost:7071")
    looked = await world.browser().head(path)
    assert looked.status_code == 302
    assert not await me_is_verified(world, ada.bearer)
    for status in ("success", "invalid"):  # the second time it is used up
        reply = await world.browser().get(path)
        assert reply.status_code == 302
        assert reply.headers["location"] == f"http://localhost:3000/verify-email?status={status}"
    assert await me_is_verified(world, ada.bearer)


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=" + "A" * 86])
async def test_a_bad_link_leads_to_the_page_that_says_so(world: World, query: str) -> None:
    reply = await world.client.get(f"/api/v1/auth/verify-email{query}")
    assert reply.status_code == 302
    assert reply.headers["location"] == "http://localhost:3000/verify-email?status=invalid"


async def test_a_verification_link_dies_after_two_days_and_another_can_be_had(world: World) -> None:
    ada = await world.sign_up("ada", verified=False)
    await world.run_jobs()
    first = world.mails(to=ada.email)[-1].links[0].partition("token=")[2]
    world.clock.advance(days=2)
    browser = world.browser()
    assert code(await browser.post("/api/v1/auth/verify-email", json={"token": first})) == "invalid_token"
    headers = bearer(await log_in(browser, ada.email))
    assert (await world.browser().post("/api/v1/auth/resend-verification", headers=headers)).status_code == 202
    await world.run_jobs()
    second = world.mails(to=ada.email)[-1].links[0].partition("token=")[2]
    assert (await world.browser().post("/api/v1/auth/verify-email", json={"token": second})).status_code == 200


async def test_links_are_sent_again_so_often_and_not_to_who_is_verified(world: World) -> None:
    ada, eve = await world.sign_up("ada", verified=False), await world.sign_up("eve")
    resend = "/api/v1/auth/resend-verification"
    replies = [await world.browser().post(resend, headers=ada.bearer) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [202] * 5 + [429]
    await world.run_jobs()
    mails = len(world.mails())
    assert (await world.browser().post(resend, headers=eve.bearer)).status_code == 202
    await world.run_jobs()
    assert len(world.mails()) == mails


async def test_keys_turned_over_before_the_mail_is_written_spoil_no_link(world: World) -> None:
    from tests.http.test_refresh import turn_keys

    ada = await world.sign_up("ada", verified=False)
    for _ in range(2):
        await turn_keys(world.parts)
    await world.run_jobs()
    token = world.mails(to=ada.email)[-1].links[0].partition("token=")[2]
    assert (await world.client.post("/api/v1/auth/verify-email", json={"token": token})).status_code == 200


async def test_a_reset_message_that_comes_twice_mails_one_link(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with a_world(tmp_path_factory.mktemp("twice")) as world:
        ada = await world.sign_up("ada")
        mails = len(world.mails())
        held = await world.parts.auth.accounts.find(ada.id)
        assert held is not None
        request_id = world.parts.ids.new()
        for _ in range(2):
            await world.parts.auth.recovery.begin_reset(request_id, held.account.email_key)
        await world.run_jobs()
        assert len(world.mails()) - mails == 1
