"""Guests: let in for a day, into one conversation; they sign up in place, or are gone."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.queues.sqlite import SqliteQueue
from domain.auth.guests import GUEST_LIVES
from domain.kernel.accounts import reservation_key
from domain.kernel.addresses import clean_email
from domain.kernel.containers import ACCOUNTS, CHAT, DIRECTORY
from domain.kernel.documents import DocumentStore, Item, Operation, Patch, Query, Stored
from domain.kernel.errors import Unavailable
from domain.kernel.people import person_key
from tests.auth import code, refresh
from tests.budget import CountingDocuments
from tests.guests import Guest, a_guest, come, guest_of, receive_guests
from tests.http.test_users import an_admin
from tests.world import PASSWORD, Person, World, a_world

CHATS = "/api/v1/conversations"
KEY = {"Idempotency-Key": "3f1c6a52-6b1e-4d0b-9f0e-0d5a0a7f0c11"}
EMAIL = "gil@people.example"


@pytest.fixture
async def host(world: World) -> Person:
    """Somebody who receives guests."""
    host = await world.sign_up("hanna")
    receive_guests(world, host)
    return host


async def send(world: World, who: Person, room: str, text: str = "hello") -> httpx.Response:
    return await world.client.post(f"{CHATS}/{room}/messages", json={"text": text}, headers=who.bearer)


async def get(world: World, who: Person, path: str) -> httpx.Response:
    return await world.client.get(f"/api/v1/{path}", headers=who.bearer)


async def sign_up(world: World, who: Person, email: str = EMAIL, **headers: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD, "name": "Gil Grant"}
    async with world.browser() as browser:
        return await browser.post("/api/v1/auth/signup", json=body, headers=who.bearer | headers)


async def back(world: World, person: Person) -> Person:
    """The same person, signed in anew: tokens do not last a day."""
    async with world.browser() as browser:
        reply = await browser.post("/api/v1/auth/login", json={"email": person.email, "password": PASSWORD})
    return replace(person, token=reply.json()["accessToken"])


async def holds(world: World, guest: Guest) -> list[str]:
    """Ids of what the store has of a guest's account."""
    found = await world.parts.documents.query(ACCOUNTS, guest.id, Query(limit=100))
    return [stored.item["id"] for stored in found]


async def won_by_one(world: World, guest: Guest, email: str, reply: httpx.Response) -> None:
    """Of a sign-up and the guest's end: the account is there with its address, or neither is.

    Whose session had ended before the sign-up came is a stranger by then, and has an account of their own.
    """
    kept = "account" in await holds(world, guest)
    stored = await world.parts.documents.find(ACCOUNTS, *reservation_key(clean_email(email).key))
    owner = None if stored is None else stored.item["userId"]
    if reply.status_code == 201:
        assert owner == reply.json()["user"]["id"]
        assert (owner == guest.id) is kept
    else:
        assert (reply.status_code, owner, kept) == (401, None, False)


async def a_day_later(world: World) -> None:
    world.clock.advance(GUEST_LIVES + timedelta(seconds=1))
    await world.run_jobs("sweep_outbox")
    await world.run_jobs("sweep_outbox")


async def test_nobody_is_let_in_unless_the_setting_says_so(world: World) -> None:
    reply = await come(world)
    assert (reply.status_code, code(reply)) == (404, "not_found")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("hosts", ["nobody", "01890a5d-ac96-774b-bcce-b302099a8057,x"])
async def test_hosts_are_ids(tmp_path: Path, hosts: str) -> None:
    with pytest.raises(Exception, match="APP_GUEST_HOSTS"):
        async with a_world(tmp_path, APP_GUEST_HOSTS=hosts):
            pass


async def test_while_no_host_is_there_nobody_comes(world: World, host: Person) -> None:
    admin = await an_admin(world)
    body = {"status": "suspended"}
    await world.client.patch(f"/api/v1/admin/users/{host.id}", json=body, headers=admin.bearer)
    reply = await come(world)
    assert (reply.status_code, code(reply)) == (503, "service_unavailable")


async def test_a_guest_talks_with_the_hosts_at_once(world: World, host: Person) -> None:
    guest = await a_guest(world)
    assert (await send(world, guest, guest.room, "I need help")).status_code == 201
    assert (await send(world, host, guest.room, "We are here, @gil")).json()["mentions"] == [guest.id]
    listed = (await get(world, guest, "conversations")).json()["items"]
    assert [row["id"] for row in listed] == [guest.room]
    people = (await get(world, host, f"conversations/{guest.room}")).json()["participants"]
    assert {(each["userId"], each["name"], each["role"]) for each in people} == {
        (guest.id, "Gil", "member"),
        (host.id, "Hanna", "admin"),
    }
    me = (await get(world, guest, "users/me")).json()
    until = "2026-01-21T12:00:00.000Z"
    assert (me["email"], me["role"], me["emailVerified"], me["guestUntil"]) == (None, "user", False, until)
    assert "guestUntil" not in (await get(world, host, "users/me")).json()


async def test_nobody_finds_a_guest_or_brings_them_elsewhere(world: World, host: Person) -> None:
    guest, bob = await a_guest(world), await world.sign_up("bob")
    assert (await get(world, host, "users?query=gil")).json()["items"] == []
    for body in (
        {"type": "direct", "participantIds": [guest.id]},
        {"type": "group", "participantIds": [bob.id, guest.id], "name": "Welders"},
    ):
        reply = await world.client.post(CHATS, json=body, headers=host.bearer)
        assert (reply.status_code, code(reply)) == (400, "validation_error")
    group = {"type": "group", "participantIds": [bob.id], "name": "Welders"}
    room = (await world.client.post(CHATS, json=group, headers=host.bearer)).json()["id"]
    reply = await world.client.post(f"{CHATS}/{room}/participants", json={"userIds": [guest.id]}, headers=host.bearer)
    assert (reply.status_code, code(reply)) == (400, "validation_error")


async def test_hosts_bring_others_of_the_staff_in(world: World, host: Person) -> None:
    guest, bob = await a_guest(world), await world.sign_up("bob")
    url = f"{CHATS}/{guest.room}/participants"
    assert (await world.client.post(url, json={"userIds": [bob.id]}, headers=guest.bearer)).status_code == 403
    assert (await world.client.post(url, json={"userIds": [bob.id]}, headers=host.bearer)).status_code == 200
    assert (await send(world, bob, guest.room)).status_code == 201


async def test_a_guest_who_was_put_out_may_be_let_in_again_there(world: World, host: Person) -> None:
    guest = await a_guest(world)
    url = f"{CHATS}/{guest.room}/participants"
    assert (await world.client.delete(f"{url}/{guest.id}", headers=host.bearer)).status_code == 204
    assert (await send(world, guest, guest.room)).status_code == 403
    assert (await get(world, guest, "conversations")).json()["items"] == []
    assert (await world.client.post(url, json={"userIds": [guest.id]}, headers=host.bearer)).status_code == 200
    assert (await send(world, guest, guest.room)).status_code == 201


async def test_an_end_waits_for_the_realtime_service(world: World, host: Person) -> None:
    guest = await a_guest(world)
    world.clock.advance(GUEST_LIVES)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(world.realtime), "close_user", _away)
        with pytest.raises(Unavailable):
            await world.parts.auth.guests.end(guest.id)
    assert (await get(world, guest, "conversations")).status_code == 401
    await world.parts.auth.guests.end(guest.id)
    assert await holds(world, guest) == []
    people = (await get(world, await back(world, host), f"conversations/{guest.room}")).json()["participants"]
    assert [each["userId"] for each in people] == [host.id]


async def _away(*_: object, **__: object) -> None:
    raise Unavailable


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}, {"name": "\u200b"}, {"name": "x" * 101}, {"x": 1}])
@pytest.mark.usefixtures("host")
async def test_a_name_is_needed(world: World, body: dict[str, Any]) -> None:
    reply = await world.browser().post("/api/v1/auth/guest", json=body)
    assert (reply.status_code, code(reply)) == (400, "validation_error")


async def test_who_is_signed_in_comes_no_second_time(world: World, host: Person) -> None:
    guest = await a_guest(world)
    for who in (guest, host):
        reply = await come(world, **who.bearer)
        assert (reply.status_code, code(reply)) == (409, "conflict")


@pytest.mark.usefixtures("host")
async def test_five_a_minute_from_one_address(world: World) -> None:
    statuses = [(await come(world)).status_code for _ in range(6)]
    assert statuses == [201] * 5 + [429]


async def test_a_repeat_is_the_same_guest(world: World, host: Person) -> None:
    first, again = guest_of(await come(world, **KEY)), guest_of(await come(world, **KEY))
    assert (first.id, first.room, first.refresh_token) == (again.id, again.room, again.refresh_token)
    assert len((await get(world, host, "conversations")).json()["items"]) == 1
    other = await come(world, "Eve", **KEY)
    assert (other.status_code, code(other)) == (409, "conflict")


async def test_parallel_repeats_make_one_guest(world: World, host: Person) -> None:
    replies = await asyncio.gather(*(come(world, **KEY) for _ in range(4)))
    assert len({guest_of(reply).id for reply in replies}) == 1
    assert len((await get(world, host, "conversations")).json()["items"]) == 1


@pytest.mark.usefixtures("host")
async def test_tokens_are_renewed_and_end_with_the_day(world: World) -> None:
    guest = await a_guest(world)
    world.clock.advance(timedelta(hours=20))
    renewed = await refresh(world, guest.refresh_token)
    assert renewed.status_code == 200
    world.clock.advance(timedelta(hours=3, minutes=59))
    last = await refresh(world, renewed.cookies["refreshToken"])
    bearer = {"Authorization": f"Bearer {last.json()['accessToken']}"}
    assert (await world.client.get(CHATS, headers=bearer)).status_code == 200
    world.clock.advance(timedelta(minutes=1, seconds=1))
    reply = await world.client.get(CHATS, headers=bearer)
    assert (reply.status_code, code(reply)) == (401, "token_revoked"), "before any job has run"
    assert (await refresh(world, last.cookies["refreshToken"])).status_code == 401


async def test_after_a_day_nothing_but_what_was_said_is_left(world: World, host: Person) -> None:
    guest = await a_guest(world)
    await send(world, guest, guest.room, "I need help")
    world.realtime.sent.clear()
    await a_day_later(world)
    assert await holds(world, guest) == []
    assert ("close_user", guest.id, "signed out") in world.realtime.calls
    left = {"conversationId": guest.room, "userId": guest.id}
    events = [(where, event["data"]) for where, event in world.realtime.sent if event["event"] == "participant.left"]
    assert (f"group:c.{guest.room}", left) in events
    person = await world.parts.documents.find(CHAT, *person_key(guest.id))
    assert person is not None
    assert (person.item["name"], person.item["status"]) == ("Former guest", "erased")
    host = await back(world, host)
    said = (await get(world, host, f"conversations/{guest.room}/messages")).json()["items"]
    assert [(each["senderId"], each["text"]) for each in said] == [(guest.id, "I need help")]
    people = (await get(world, host, f"conversations/{guest.room}")).json()
    assert [each["userId"] for each in people["participants"]] == [host.id]
    assert people["formerParticipants"] == [{"userId": guest.id, "name": "Former guest", "avatar": None}]
    assert "Gil" not in str(people)
    found = await world.parts.documents.query(DIRECTORY, "people", Query(limit=100))
    assert "gil" not in str([stored.item for stored in found])
    await world.parts.auth.guests.end(guest.id)
    assert await holds(world, guest) == []


class Broken(CountingDocuments):
    """Fails at the n-th write, once."""

    def __init__(self, inner: DocumentStore, fail_at: int) -> None:
        super().__init__(inner)
        self.left = fail_at

    async def _break(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Unavailable

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        await self._break()
        return await super().batch(container, pk, operations)

    async def create(self, container: str, item: Item) -> Stored:
        await self._break()
        return await super().create(container, item)

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        await self._break()
        await super().delete(container, pk, item_id, if_match=if_match)

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        await self._break()
        return await super().patch(container, pk, change)

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        await self._break()
        return await super().replace(container, item, if_match=if_match)


@asynccontextmanager
async def breaking(world: World, fail_at: int) -> AsyncGenerator[Broken]:
    """Meanwhile the store fails once, at the n-th write to accounts and conversations."""
    whole = world.parts.documents
    broken = Broken(whole, fail_at)
    world.parts.auth.accounts.documents = broken
    vars(world.parts.chat.groups)["_documents"] = broken
    yield broken
    world.parts.auth.accounts.documents = whole
    vars(world.parts.chat.groups)["_documents"] = whole


@pytest.mark.parametrize("fail_at", range(1, 7))
async def test_an_end_that_is_cut_off_anywhere_is_finished(world: World, host: Person, fail_at: int) -> None:
    """And an address that a sign-up of the guest's had reserved never gives the guest's id to anybody else."""
    guest = await a_guest(world)
    whole = world.parts.documents
    async with breaking(world, 3):
        assert (await sign_up(world, guest)).status_code == 503
    world.clock.advance(GUEST_LIVES)
    async with breaking(world, fail_at) as broken:
        with suppress(Unavailable):
            await world.parts.auth.guests.end(guest.id)
    assert broken.left <= 0, "there are fewer places to be cut off at"
    stranger = {"email": EMAIL, "password": PASSWORD, "name": "Gil"}
    meanwhile = await world.browser().post("/api/v1/auth/signup", json=stranger)
    assert meanwhile.status_code in {201, 409}
    await world.parts.auth.guests.end(guest.id)
    await world.run_jobs("sweep_outbox")
    assert await holds(world, guest) == []
    if meanwhile.status_code == 409:
        meanwhile = await world.browser().post("/api/v1/auth/signup", json=stranger)
    assert meanwhile.status_code == 201
    assert meanwhile.json()["user"]["id"] != guest.id
    people = (await get(world, await back(world, host), f"conversations/{guest.room}")).json()["participants"]
    assert [each["userId"] for each in people] == [host.id]
    assert whole is world.parts.documents


async def test_a_conversation_that_was_not_opened_at_once_is_opened_by_the_queue(world: World, host: Person) -> None:
    async with breaking(world, 2) as broken:  # the account's batch, then the conversation's
        guest = await a_guest(world)
    assert broken.left == 0
    assert (await get(world, guest, f"conversations/{guest.room}")).status_code == 404
    world.clock.advance(timedelta(seconds=20))
    await world.run_jobs("sweep_outbox")
    assert (await get(world, guest, f"conversations/{guest.room}")).status_code == 200
    assert len((await get(world, host, "conversations")).json()["items"]) == 1


async def test_a_guest_signs_up_in_place(world: World, host: Person) -> None:
    guest = await a_guest(world)
    await send(world, guest, guest.room, "before")
    reply = await sign_up(world, guest)
    assert reply.status_code == 201, reply.text
    assert reply.json()["user"]["id"] == guest.id
    gil = Person(guest.id, EMAIL, PASSWORD, "Gil Grant", reply.json()["accessToken"])
    old = await get(world, guest, "conversations")
    assert (old.status_code, code(old)) == (401, "token_revoked"), "the guest's own tokens end"
    assert (await refresh(world, guest.refresh_token)).status_code == 401
    waiting = await get(world, gil, "conversations")
    assert (waiting.status_code, code(waiting)) == (403, "email_not_verified")
    await world.run_jobs()
    token = world.mails(to=EMAIL)[-1].links[0].partition("token=")[2]
    await world.client.post("/api/v1/auth/verify-email", json={"token": token})
    assert [row["id"] for row in (await get(world, gil, "conversations")).json()["items"]] == [guest.room]
    assert [each["text"] for each in (await get(world, gil, f"conversations/{guest.room}/messages")).json()["items"]]
    await a_day_later(world)
    logged_in = await world.browser().post("/api/v1/auth/login", json={"email": EMAIL, "password": PASSWORD})
    assert logged_in.json()["user"]["id"] == guest.id
    bearer = {"Authorization": f"Bearer {logged_in.json()['accessToken']}"}
    assert (await world.client.get(f"{CHATS}/{guest.room}", headers=bearer)).status_code == 200
    found = (await get(world, await back(world, host), "users?query=grant")).json()["items"]
    assert [each["id"] for each in found] == [guest.id]


@pytest.mark.usefixtures("host")
async def test_a_browser_signs_up_in_place_when_only_its_refresh_cookie_is_left(world: World) -> None:
    guest, other = await a_guest(world), await a_guest(world)
    world.clock.advance(timedelta(minutes=16))
    body = {"email": EMAIL, "password": PASSWORD, "name": "Gil"}
    cookie = {"Cookie": f"refreshToken={guest.refresh_token}"}
    ours = {"Origin": "http://localhost:7071"}
    reply = await world.browser().post("/api/v1/auth/signup", json=body, headers=cookie | ours)
    assert (reply.status_code, reply.json()["user"]["id"]) == (201, guest.id)
    for number, headers in enumerate(
        [
            {"Cookie": f"refreshToken={other.refresh_token}"},
            {"Cookie": f"refreshToken={other.refresh_token}", "Origin": "https://evil.example"},
            {"Cookie": "refreshToken=nonsense"} | ours,
            cookie | ours,  # of the session that signing up has ended
        ]
    ):
        stranger = body | {"email": f"gil.{number}@people.example"}
        reply = await world.browser().post("/api/v1/auth/signup", json=stranger, headers=headers)
        assert reply.status_code == 201, headers
        assert reply.json()["user"]["id"] not in {guest.id, other.id}
        world.clock.advance(timedelta(seconds=30))


@pytest.mark.usefixtures("host")
async def test_signing_up_may_be_repeated_when_the_answer_was_lost(world: World) -> None:
    guest = await a_guest(world)
    first, again = await sign_up(world, guest, **KEY), await sign_up(world, guest, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["user"] == again.json()["user"]
    assert first.cookies["refreshToken"] == again.cookies["refreshToken"]


@pytest.mark.usefixtures("host")
async def test_signing_up_twice_at_once_is_signing_up_once(world: World) -> None:
    guest = await a_guest(world)
    same = await asyncio.gather(*(sign_up(world, guest, **KEY) for _ in range(3)))
    assert {reply.status_code for reply in same} <= {201, 401}
    assert len({reply.json()["user"]["id"] for reply in same if reply.status_code == 201}) == 1
    other = await a_guest(world)
    emails = ["one@people.example", "two@people.example"]
    both = await asyncio.gather(*(sign_up(world, other, email) for email in emails))
    taken = [email for email, reply in zip(emails, both, strict=True) if reply.status_code == 201]
    assert len(taken) == 1
    left = next(email for email in emails if email not in taken)
    stored = await world.parts.documents.find(ACCOUNTS, *reservation_key(clean_email(left).key))
    assert stored is None, "the other address is anybody's"


async def test_an_address_that_is_taken_stays_taken(world: World, host: Person) -> None:
    guest = await a_guest(world)
    reply = await sign_up(world, guest, host.email)
    assert (reply.status_code, code(reply)) == (409, "user_exists")
    assert (await send(world, guest, guest.room)).status_code == 201, "the guest goes on as one"
    assert (await sign_up(world, guest)).status_code == 201


@pytest.mark.usefixtures("host")
async def test_an_address_reserved_before_a_crash_is_given_back(world: World) -> None:
    guest = await a_guest(world)
    whole = world.parts.documents
    async with breaking(world, 4):  # the key's, the claim's and the reservation's writes, and then no more
        assert (await sign_up(world, guest, **KEY)).status_code == 503
    mine = await whole.find(ACCOUNTS, *reservation_key(clean_email(EMAIL).key))
    assert mine is not None
    stranger = {"email": EMAIL, "password": PASSWORD, "name": "Gil"}
    assert (await world.browser().post("/api/v1/auth/signup", json=stranger)).status_code == 409
    await a_day_later(world)
    assert (await world.browser().post("/api/v1/auth/signup", json=stranger)).status_code == 201


@pytest.mark.usefixtures("host")
async def test_who_signed_up_with_another_address_gives_the_first_back(world: World) -> None:
    guest = await a_guest(world)
    whole = world.parts.documents
    async with breaking(world, 3):
        assert (await sign_up(world, guest)).status_code == 503
    assert (await sign_up(world, guest, "gil.grant@people.example")).status_code == 201
    await a_day_later(world)
    assert await whole.find(ACCOUNTS, *reservation_key(clean_email(EMAIL).key)) is None
    taken = await whole.find(ACCOUNTS, *reservation_key(clean_email("gil.grant@people.example").key))
    assert taken is not None
    assert not [each for each in await holds(world, guest) if each.startswith("claim:")]


@pytest.mark.usefixtures("host")
async def test_a_day_that_ends_while_signing_up_lets_one_of_them_win(world: World) -> None:
    for _ in range(3):
        guest = await a_guest(world)
        email = f"{guest.id}@people.example"
        reply, _ = await asyncio.gather(sign_up(world, guest, email), world.parts.auth.guests.end(guest.id))
        await won_by_one(world, guest, email, reply)
        world.clock.advance(timedelta(minutes=2))


@pytest.mark.usefixtures("host")
async def test_an_administrator_suspends_a_guest_and_no_more(world: World) -> None:
    guest, admin = await a_guest(world), await an_admin(world)
    url = f"/api/v1/admin/users/{guest.id}"
    listed = await world.client.get("/api/v1/admin/users?query=gil", headers=admin.bearer)
    assert [(row["email"], row["guestUntil"] is not None) for row in listed.json()["items"]] == [(None, True)]
    for body in ({"role": "mentor"}, {"status": "pending_verification"}):
        reply = await world.client.patch(url, json=body, headers=admin.bearer)
        assert (reply.status_code, code(reply)) == (409, "conflict")
    assert (await world.client.patch(url, json={"status": "suspended"}, headers=admin.bearer)).status_code == 200
    assert (await get(world, guest, "conversations")).status_code == 401
    assert (await world.client.patch(url, json={"status": "active"}, headers=admin.bearer)).status_code == 200
    assert (await refresh(world, guest.refresh_token)).status_code == 401
    await a_day_later(world)
    assert await holds(world, guest) == []


@pytest.mark.usefixtures("host")
async def test_no_mail_is_written_to_a_guest(world: World) -> None:
    guest = await a_guest(world)
    await send(world, guest, guest.room)
    before = len(world.mails())
    await a_day_later(world)
    await world.run_jobs()
    assert len(world.mails()) == before
    assert isinstance(world.parts.queue, SqliteQueue)
