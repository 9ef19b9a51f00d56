"""Signing up. Walk: `docs/flows/sign-in.md`.

The address is decided by a reservation in a partition of its own, the account by a creation in the partition of the
person the reservation names. Whoever finds a reservation without its account (a sign-up that died half-way, or one
still going on) goes on with the same person's id, and of all who do so exactly one creates the account.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.auth.accounts import Accounts
from domain.auth.errors import UserExists
from domain.auth.grants import Grant, Grants
from domain.auth.links import Links
from domain.auth.lockout import NO_NETWORK
from domain.auth.model import Client, SessionPolicy, begin, stands
from domain.auth.passwords import clean_password
from domain.auth.ports import CommonPasswords, PasswordHasher
from domain.auth.records import session_item
from domain.auth.verification import VERIFY_WITHIN
from domain.kernel.accounts import Account
from domain.kernel.addresses import EmailAddress, clean_email
from domain.kernel.containers import IDEMPOTENCY
from domain.kernel.documents import Create, Item, ItemExists
from domain.kernel.errors import Conflict, Invalid
from domain.kernel.keys import Keys, digest, mac
from domain.kernel.links import Purpose
from domain.kernel.names import clean_name

KEY_KEPT_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for, cleaned. *key* is their `Idempotency-Key`."""

    email: EmailAddress
    name: str
    password: str = field(repr=False)
    key: str | None


@dataclass(frozen=True)
class SignUp:
    accounts: Accounts
    hasher: PasswordHasher
    common: CommonPasswords
    grants: Grants
    links: Links
    keys: Keys
    policy: SessionPolicy

    async def sign_up(self, email: str, name: str, password: str, client: Client, *, key: str | None) -> Grant:
        """Create an account that waits for its address to be verified, and begin its first session.

        Safe to repeat with the same *key*: for 24 hours whoever proves the same password gets tokens of the same
        session again (none are stored, so they are made anew).

        Raises Invalid, UserExists, Conflict (the key came with another body), Unavailable (too many at the moment).
        """
        wanted = self.clean(email, name, password, key)
        async with self.hasher.place():
            session_id = await self.claim_key(wanted)
            user_id = await self.accounts.reserve(wanted.email.key)
            if await self.accounts.find(user_id) is None:
                password_hash = await self.hasher.hash(wanted.password)
                try:
                    return await self._create(wanted, user_id, session_id, password_hash, client)
                except ItemExists:
                    pass  # somebody else's sign-up for this address was first, or our own twin
            return await self.repeat(wanted, user_id, session_id)

    def clean(self, email: str, name: str, password: str, key: str | None) -> Request:
        """Raises Invalid, with every fault at once."""
        Invalid.raise_all(
            lambda: clean_email(email),
            lambda: clean_name(name),
            lambda: clean_password(password, self.common, about=(name, email), path="password"),
        )
        address = clean_email(email)
        name = clean_name(name)
        clean = clean_password(password, self.common, about=(name, address.canonical), path="password")
        return Request(address, name, clean, key)

    async def claim_key(self, wanted: Request) -> str:
        """The id of the session to begin: that of the first request with this key, if there was one.

        The password is no part of what is compared here: a digest of it would be weaker than its hash. It is proven
        by `repeat`.
        """
        session_id = self.accounts.ids.new()
        if wanted.key is None:
            return session_id
        said = f"{wanted.email.key}\n{wanted.name}".encode()
        fingerprint = mac((await self.keys.get()).current, "sign-up-key", said).hex()
        item: Item = {
            "pk": f"sign-up:{digest(wanted.key.encode())}",
            "id": "sign-up",
            "type": "sign-up",
            "fingerprint": fingerprint,
            "sessionId": session_id,
            "ttl": int(KEY_KEPT_FOR.total_seconds()),
        }
        documents = self.accounts.documents
        try:
            await documents.create(IDEMPOTENCY, item)
        except ItemExists:
            first = await documents.find(IDEMPOTENCY, item["pk"], item["id"])
            if first is None or first.item["fingerprint"] not in await self._fingerprints(said):
                raise Conflict("This Idempotency-Key was used for another request.") from None
            return str(first.item["sessionId"])
        return session_id

    async def _fingerprints(self, said: bytes) -> set[str]:
        """Under every key: a rotation between the two requests makes no difference."""
        return {mac(key, "sign-up-key", said).hex() for key in (await self.keys.get()).accepted}

    async def _create(
        self, wanted: Request, user_id: str, session_id: str, password_hash: str, client: Client
    ) -> Grant:
        """Raises ItemExists when the account is there already."""
        write = self.accounts.write(user_id)
        now = write.now
        account = replace(
            new_account(user_id, wanted.email, wanted.name, password_hash, now),
            last_login_at=now,
            login_streak=1,
            streak_on=now.date(),
            networks=() if client.network == NO_NETWORK else (client.network,),
            sessions=(session_id,),
            sign_up_session=session_id,
        )
        session = begin(session_id, account, client, now, self.policy)
        write.add(Create(account.to_item()), Create(session_item(session, now)))
        write.note("signed_up", client, sessionId=session_id)
        write.mail_link(await self.links.make(user_id, Purpose.VERIFY_EMAIL, lasts=VERIFY_WITHIN))
        write.project()
        await self.accounts.commit(write)
        return await self.grants.issue(session, account, now)

    async def repeat(self, wanted: Request, user_id: str, session_id: str) -> Grant:
        """The answer to a request that was carried out before. Raises UserExists when it was somebody else's."""
        if wanted.key is None:
            raise UserExists
        session, held = await self.accounts.find_with_session(user_id, session_id)
        now = self.accounts.clock.now()
        if held is None or session is None or held.account.sign_up_session != session_id:
            raise UserExists
        proof = await self.hasher.verify(held.account.password_hash, wanted.password)
        if not proof.holds:
            raise Conflict("This Idempotency-Key was used for another request.")
        if not stands(session.session, held.account, now):
            raise UserExists
        return await self.grants.issue(session.session, held.account, now)


def new_account(user_id: str, email: EmailAddress, name: str, password_hash: str, now: datetime) -> Account:
    """As yet unverified, and never signed in to."""
    return Account(
        id=user_id,
        email=email.text,
        email_key=email.key,
        name=name,
        password_hash=password_hash,
        created_at=now,
        updated_at=now,
    )
