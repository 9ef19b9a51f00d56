"""Guests: people who ask for help before they have an account. Walk: `docs/flows/guests.md`.

A guest is an account without address and password that lives for 24 hours and is in exactly one conversation. Its end
is a task that the very batch which creates it puts into the outbox, to fall due then; whoever signs up in time
(`guest_sign_up.py`) makes it moot. Decisions: docs/adr/0161-a-guest-is-an-account-that-ends.md.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.auth.accounts import MAX_TRIES, Accounts, Held, TooBusy
from domain.auth.grants import Grant, Grants
from domain.auth.lockout import NO_NETWORK
from domain.auth.model import Client, SessionPolicy, Verdict, begin, judge, stands
from domain.auth.ports import Reception
from domain.auth.records import session_item
from domain.auth.refresh_tokens import read_refresh_token
from domain.kernel.accounts import ACCOUNT_ID, Account, Status
from domain.kernel.containers import ACCOUNTS, IDEMPOTENCY
from domain.kernel.documents import Create, Delete, Item, ItemExists, ItemNotFound, ItemStale, Patch, Query
from domain.kernel.errors import Conflict
from domain.kernel.keys import Key, Keys, digest, mac
from domain.kernel.names import clean_name
from domain.kernel.outbox import Task
from domain.kernel.people import Projector
from domain.kernel.realtime import Realtime

GUEST_LIVES: Final = timedelta(hours=24)
GUESTS_QUEUE: Final = "guests"
CLAIM_PREFIX: Final = "claim:"
"""Items that name an address's key before a guest's sign-up reserves it, so that it can be given back."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """The ids that a guest is given, the same to a request that is repeated."""

    user_id: str
    session_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Welcome:
    grant: Grant
    conversation_id: str


@dataclass(frozen=True)
class Guests:
    accounts: Accounts
    reception: Callable[[], Reception]
    projector: Callable[[], Projector]
    realtime: Callable[[], Realtime]
    grants: Grants
    keys: Keys
    policy: SessionPolicy

    async def admit(self, name: str, client: Client, *, key: str | None) -> Welcome:
        """Let somebody in, and open their conversation. One read and one batch, besides what follows them.

        Safe to repeat with the same *key* from the same network: for 24 hours it gives tokens of the same session,
        while that stands.

        Raises Invalid, NotFound (guests are not received here), Conflict (the key came with another name, or its
        session is over), Unavailable.
        """
        name = clean_name(name)
        await self.reception().require_open()
        arrival = await self._arrival(name, client, key)
        try:
            grant = await self._create(name, arrival, client)
        except ItemExists:
            grant = await self._repeat(arrival)
        return Welcome(grant, arrival.conversation_id)

    async def recognise(self, refresh_token: str) -> str | None:
        """The id of the guest whose session this is the present token of. One read, if the token is genuine."""
        name = read_refresh_token(await self.keys.get(), refresh_token)
        if name is None:
            return None
        session, held = await self.accounts.find_with_session(name.user_id, name.session_id)
        if session is None or held is None or not held.account.is_guest:
            return None
        now = self.accounts.clock.now()
        verdict = judge(session.session, held.account, name.generation, now, self.policy.reuse_grace)
        return name.user_id if verdict in {Verdict.ROTATE, Verdict.REPEAT} else None

    async def end(self, user_id: str) -> None:
        """The work of the queue `guests`: remove what there is of a guest whose time is over.

        Nothing happens to somebody who signed up meanwhile. Safe to repeat. Raises Unavailable.
        """
        held = await self._suspend(user_id)
        stays = held is not None and not held.account.is_guest
        await self._release_all(user_id, but=held.account.email_key if held and stays else None)
        if stays:
            return
        await self.realtime().close_user(user_id, reason="signed out")
        if held is not None:
            await self._delete(held)
        await self.projector().project(user_id)  # first, so that nobody lets them in again
        await self.reception().dismiss(user_id)
        await self._purge(user_id)

    async def _arrival(self, name: str, client: Client, key: str | None) -> Arrival:
        new = self.accounts.ids.new
        arrival = Arrival(new(), new(), new())
        if key is None:
            return arrival
        keys = await self.keys.get()
        item: Item = {
            "pk": f"guest:{digest(f'{client.network} {key}'.encode())}",
            "id": "guest",
            "type": "guest",
            "fingerprint": _fingerprint(keys.current, name),
            "userId": arrival.user_id,
            "sessionId": arrival.session_id,
            "conversationId": arrival.conversation_id,
            "ttl": int(GUEST_LIVES.total_seconds()),
        }
        try:
            await self.accounts.documents.create(IDEMPOTENCY, item)
        except ItemExists:
            first = await self.accounts.documents.find(IDEMPOTENCY, item["pk"], item["id"])
            if first is None or first.item["fingerprint"] not in {_fingerprint(each, name) for each in keys.accepted}:
                raise Conflict("This Idempotency-Key was used for another request.") from None
            return Arrival(first.item["userId"], first.item["sessionId"], first.item["conversationId"])
        return arrival

    async def _create(self, name: str, arrival: Arrival, client: Client) -> Grant:
        """Raises ItemExists when the account is there already."""
        write = self.accounts.write(arrival.user_id)
        account = new_guest(arrival, name, client, write.now)
        session = begin(arrival.session_id, account, client, write.now, self.policy)
        write.add(Create(account.to_item()), Create(session_item(session, write.now)))
        write.note("came_as_guest", client, sessionId=session.id)
        write.project()
        write.hold(Task(self.accounts.ids.new(), GUESTS_QUEUE, {"userId": account.id}), until=account.guest_until)
        received = write.hold(Task(self.accounts.ids.new(), "chat", _receive(arrival)))
        await self.accounts.commit(write)
        await self.accounts.do_now(received, self.reception().open(arrival.user_id, arrival.conversation_id))
        return await self.grants.issue(session, account, write.now)

    async def _repeat(self, arrival: Arrival) -> Grant:
        session, held = await self.accounts.find_with_session(arrival.user_id, arrival.session_id)
        now = self.accounts.clock.now()
        if session is None or held is None or not stands(session.session, held.account, now):
            raise Conflict("What this Idempotency-Key began is over. Use another one.")
        return await self.grants.issue(session.session, held.account, now)

    async def _suspend(self, user_id: str) -> Held | None:
        """The account, which from now on nobody signs up with, or that of who has. None: an earlier run removed it."""
        for _ in range(MAX_TRIES):
            held = await self.accounts.find(user_id)
            if held is None or not held.account.is_guest or held.account.suspended:
                return held
            mark = Patch(ACCOUNT_ID, set={"status": Status.SUSPENDED.value}, if_match=held.etag)
            with suppress(ItemStale, ItemNotFound):
                written = await self.accounts.documents.patch(ACCOUNTS, user_id, mark)
                return Held(held.account, written.etag)
        raise TooBusy

    async def _delete(self, held: Held) -> None:
        """After its addresses were given back: whoever meets a reservation goes on with the id it names (ADR 0030)."""
        try:
            await self.accounts.documents.delete(ACCOUNTS, held.account.id, ACCOUNT_ID, if_match=held.etag)
        except ItemNotFound:
            return
        except ItemStale:
            raise TooBusy from None  # an administrator has just changed it: the task comes again

    async def _release_all(self, user_id: str, *, but: str | None) -> None:
        """Addresses that sign-ups of this guest reserved, and died before they took them."""
        documents = self.accounts.documents
        for stored in await documents.query(ACCOUNTS, user_id, Query(starts=CLAIM_PREFIX, limit=1000)):
            email_key = stored.item["id"].removeprefix(CLAIM_PREFIX)
            if email_key != but:
                await self.accounts.release(email_key, user_id)
            with suppress(ItemNotFound):
                await documents.delete(ACCOUNTS, user_id, stored.item["id"])

    async def _purge(self, user_id: str) -> None:
        """Whatever else is in the partition: sessions, the trail with its addresses, tasks that are moot."""
        documents = self.accounts.documents
        while found := await documents.query(ACCOUNTS, user_id, Query(limit=_PAGE)):
            with suppress(ItemNotFound):  # one of them ended by itself: look again
                await documents.batch(ACCOUNTS, user_id, [Delete(stored.item["id"]) for stored in found])


def new_guest(arrival: Arrival, name: str, client: Client, now: datetime) -> Account:
    return Account(
        id=arrival.user_id,
        email="",
        email_key="",
        name=name,
        password_hash="",
        created_at=now,
        updated_at=now,
        status=Status.ACTIVE,
        last_login_at=now,
        login_streak=1,
        streak_on=now.date(),
        networks=() if client.network == NO_NETWORK else (client.network,),
        sessions=(arrival.session_id,),
        guest_until=now + GUEST_LIVES,
    )


def _receive(arrival: Arrival) -> dict[str, Any]:
    return {"task": "receive", "userId": arrival.user_id, "conversationId": arrival.conversation_id}


def _fingerprint(key: Key, name: str) -> str:
    return mac(key, "guest-key", name.encode()).hex()
