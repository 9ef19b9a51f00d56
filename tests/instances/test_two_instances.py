"""Whatever meets in the middle of two instances comes out as with one."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.auth import code, cookie
from tests.instances.conftest import FORGOTTEN_PER_MINUTE, Both
from tests.world import PASSWORD

pytestmark = pytest.mark.servers


async def test_of_parallel_sign_ups_one_gets_the_address(both: Both) -> None:
    body = {"email": f"{uuid4().hex}@people.example", "password": PASSWORD, "name": "Ada"}
    replies = await asyncio.gather(*(client.post("/auth/signup", json=body) for client in both.turns(8)))
    assert sorted(reply.status_code for reply in replies) == [201, *[409] * 7]
    login = {"email": body["email"], "password": PASSWORD}
    assert [(await client.post("/auth/login", json=login)).status_code for client in (both.one, both.two)] == [200] * 2


async def test_a_refresh_that_races_gives_everyone_the_same_token(both: Both) -> None:
    ada = await both.sign_up("Ada")
    entered = await both.one.post("/auth/login", json={"email": ada.email, "password": PASSWORD})
    old = cookie(entered)
    both.one.cookies.clear()
    replies = await asyncio.gather(
        *(client.post("/auth/refresh", json={"refreshToken": old}) for client in both.turns(10))
    )
    assert [reply.status_code for reply in replies] == [200] * 10, [reply.text for reply in replies]
    [new] = {cookie(reply) for reply in replies}
    assert new != old
    both.one.cookies.clear()
    both.two.cookies.clear()
    assert (await both.two.post("/auth/refresh", json={"refreshToken": new})).status_code == 200


async def test_a_key_that_is_used_at_both_makes_one_group(both: Both) -> None:
    ada, bob = await both.sign_up("Ada"), await both.sign_up("Bob")
    body = {"type": "group", "participantIds": [bob.id], "name": "Welders"}
    headers = {**ada.bearer, "Idempotency-Key": uuid4().hex}
    replies = await asyncio.gather(
        *(client.post("/conversations", json=body, headers=headers) for client in both.turns(8))
    )
    assert {reply.status_code for reply in replies} <= {201, 409}
    [made] = {reply.json()["id"] for reply in replies if reply.status_code == 201}
    again = await both.two.post("/conversations", json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, made)
    listed = (await both.two.get("/conversations", headers=ada.bearer)).json()["items"]
    assert [conversation["id"] for conversation in listed] == [made]


async def test_messages_sent_at_both_have_one_order_without_a_gap(both: Both) -> None:
    ada, bob = await both.sign_up("Ada"), await both.sign_up("Bob")
    opened = await both.one.post(
        "/conversations", json={"type": "direct", "participantIds": [bob.id]}, headers=ada.bearer
    )
    messages = f"/conversations/{opened.json()['id']}/messages"
    replies = await asyncio.gather(
        *(
            client.post(
                messages, json={"text": f"{n}", "clientMessageId": f"{n}"}, headers=(ada, bob)[n // 2 % 2].bearer
            )
            for n, client in enumerate(both.turns(40))
        )
    )
    assert [(n, r.text[:160]) for n, r in enumerate(replies) if r.status_code != 201] == []
    assert sorted(reply.json()["seq"] for reply in replies) == list(range(1, 41))
    by_seq = {reply.json()["seq"]: reply.json()["id"] for reply in replies}
    for client, reader in ((both.one, ada), (both.two, bob)):
        page = (await client.get(messages, params={"limit": 100}, headers=reader.bearer)).json()["items"]
        assert {message["seq"]: message["id"] for message in page} == by_seq
    first = replies[0].json()
    again = await both.two.post(messages, json={"text": "0", "clientMessageId": "0"}, headers=ada.bearer)
    assert (again.json()["id"], again.json()["seq"]) == (first["id"], first["seq"])


async def test_who_was_written_to_at_both_gets_one_mail(both: Both) -> None:
    """Both sweep the outbox at the same moment, so each is handed the digest that is due."""
    ada, bob = await both.sign_up("Ada"), await both.sign_up("Bob")
    opened = await both.one.post(
        "/conversations", json={"type": "direct", "participantIds": [bob.id]}, headers=ada.bearer
    )
    messages = f"/conversations/{opened.json()['id']}/messages"
    for n, client in enumerate(both.turns(6)):
        assert (await client.post(messages, json={"text": f"{n}"}, headers=ada.bearer)).status_code == 201
    before = len(both.mails(bob.email))
    await both.next_mail(bob.email, after=before, seconds=60)
    await asyncio.sleep(11)  # another sweep of each
    [mail] = both.mails(bob.email)[before:]
    assert "6 unread messages in 1 conversation" in mail.text
    assert both.mails(ada.email)[1:] == []


async def test_what_is_due_is_sent_once_though_both_timers_tick_or_was_cancelled(both: Both) -> None:
    ada, bob = await both.sign_up("Ada"), await both.sign_up("Bob")
    body = {"type": "direct", "participantIds": [bob.id]}
    room = f"/conversations/{(await both.one.post('/conversations', json=body, headers=ada.bearer)).json()['id']}"
    due = datetime.now(UTC) + timedelta(seconds=8)
    made = await asyncio.gather(
        *(
            client.post(f"{room}/scheduled", json={"text": f"{n}", "sendAt": due.isoformat()}, headers=ada.bearer)
            for n, client in enumerate(both.turns(24))
        )
    )
    assert {reply.status_code for reply in made} == {201}, [reply.text for reply in made]
    places = [f"{room}/scheduled/{reply.json()['id']}" for reply in made]
    cancelled: set[str] = set()
    async with asyncio.timeout(40):
        while (await both.one.get(f"{room}/scheduled", params={"limit": 100}, headers=ada.bearer)).json()["items"]:
            if datetime.now(UTC) > due and len(cancelled) < 6:  # at the very moment that the timers look
                number = len(cancelled) * 4
                reply = await both.two.delete(places[number], headers=ada.bearer)
                cancelled.add(f"{number}" if reply.status_code == 204 else f"{number} too late")
            await asyncio.sleep(0.05)
    said = (await both.two.get(f"{room}/messages", params={"limit": 100}, headers=bob.bearer)).json()["items"]
    assert sorted(item["text"] for item in said) == sorted({f"{n}" for n in range(24)} - cancelled)
    statuses = [(await both.one.get(place, headers=ada.bearer)).json()["status"] for place in places]
    assert statuses == ["cancelled" if f"{n}" in cancelled else "sent" for n in range(24)]


async def test_who_is_signed_out_at_one_is_refused_by_the_other_at_once(both: Both) -> None:
    for leaving, other in ((both.one, both.two), (both.two, both.one)):
        ada = await both.sign_up("Ada")
        for client in (both.one, both.two):  # both have seen the session stand
            assert (await client.get("/users/me", headers=ada.bearer)).status_code == 200
        assert (await leaving.post("/auth/logout-all", json={}, headers=ada.bearer)).status_code == 200
        refused = await other.get("/users/me", headers=ada.bearer)
        assert (refused.status_code, code(refused)) == (401, "token_revoked")


async def test_a_new_password_at_one_ends_the_other_sessions_at_both(both: Both) -> None:
    ada = await both.sign_up("Ada")
    entered = await both.two.post("/auth/login", json={"email": ada.email, "password": PASSWORD})
    elsewhere = {"Authorization": f"Bearer {entered.json()['accessToken']}"}
    both.two.cookies.clear()
    assert (await both.one.get("/users/me", headers=elsewhere)).status_code == 200
    body = {"currentPassword": PASSWORD, "newPassword": "another long password of mine"}
    assert (await both.one.post("/auth/change-password", json=body, headers=ada.bearer)).status_code == 200
    for client in (both.one, both.two):
        refused = await client.get("/users/me", headers=elsewhere)
        assert (refused.status_code, code(refused)) == (401, "token_revoked")


async def test_rates_are_counted_together_where_there_is_redis(both: Both) -> None:
    body = {"email": "nobody@people.example"}
    statuses = [(await client.post("/auth/forgot-password", json=body)).status_code for client in both.turns(14)]
    together = FORGOTTEN_PER_MINUTE if both.pair.has_redis else 2 * FORGOTTEN_PER_MINUTE
    let_in = statuses.count(200)
    assert set(statuses) == {200, 429}
    assert together <= let_in <= together + 1  # one more when ten seconds go by meanwhile
