"""A guest signs up: the same person and the same conversation, now with an address and a password.

Reservation and account are in two partitions, and the account is there already, so `sign_up.py`'s way to go on after
a crash does not do. Here the guest's partition names the address first (a *claim*, in a batch that holds only while
the account is a guest's), then the address is reserved for this very person, then one batch makes the account what any
sign-up makes, under a new epoch: the guest's sessions end with it. What a crash leaves is given back by the task that
ends guests, which runs for those who signed up as well.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from domain.auth.accounts import MAX_TRIES, Held, TooBusy
from domain.auth.errors import UserExists
from domain.auth.grants import Grant
from domain.auth.guests import CLAIM_PREFIX
from domain.auth.model import Client, Session, begin
from domain.auth.records import session_item
from domain.auth.revocation import Revocation
from domain.auth.sign_up import Request, SignUp
from domain.auth.verification import VERIFY_WITHIN
from domain.kernel.accounts import Account, Status
from domain.kernel.clock import to_iso
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Create, Delete, Item, ItemNotFound, ItemStale, Operation, Replace, Upsert
from domain.kernel.errors import TokenRevoked
from domain.kernel.links import Purpose


@dataclass(frozen=True)
class GuestSignUp:
    plain: SignUp
    revocation: Revocation

    async def sign_up(
        self, guest_id: str, email: str, name: str, password: str, client: Client, *, key: str | None
    ) -> Grant:
        """Give the guest's account an address that waits to be verified, and begin a session in place of the guest's.

        Safe to repeat with the same *key*, by the guest or, as their session is over by then, by anybody who proves
        the password. An address whose sign-up died half-way is somebody else's here: `user_exists`.

        Raises Invalid, UserExists, Conflict (the key came with another body), TokenRevoked (the guest's time is over),
        Unavailable.
        """
        wanted = self.plain.clean(email, name, password, key)
        async with self.plain.hasher.place():
            session_id = await self.plain.claim_key(wanted)
            password_hash = await self.plain.hasher.hash(wanted.password)
            for _ in range(MAX_TRIES):
                claim, held = await self.plain.accounts.find_with(guest_id, CLAIM_PREFIX + wanted.email.key)
                if held is not None and held.account.email_key == wanted.email.key:
                    return await self.plain.repeat(wanted, guest_id, session_id)  # a twin was quicker
                if held is None or not held.account.is_guest or held.account.suspended:
                    await self.plain.accounts.release(wanted.email.key, guest_id)
                    raise TokenRevoked
                with suppress(ItemStale, ItemNotFound):
                    if claim is None:
                        held = await self._claim(held, wanted.email.key)
                    if await self.plain.accounts.reserve(wanted.email.key, guest_id) != guest_id:
                        raise UserExists
                    return await self._write(held, wanted, session_id, password_hash, client)
        raise TooBusy

    async def _claim(self, held: Held, email_key: str) -> Held:
        """Say which address is about to be reserved. Raises ItemStale, ItemNotFound when the account has moved on."""
        accounts, account = self.plain.accounts, held.account
        claim: Item = {
            "pk": account.id,
            "id": CLAIM_PREFIX + email_key,
            "type": "claim",
            "createdAt": to_iso(accounts.clock.now()),
        }
        steps: list[Operation] = [Replace(account.to_item(), if_match=held.etag), Upsert(claim)]
        written, _ = await accounts.documents.batch(ACCOUNTS, account.id, steps)
        return held if written is None else Held(account, written.etag)

    async def _write(self, held: Held, wanted: Request, session_id: str, password_hash: str, client: Client) -> Grant:
        """Raises ItemStale, ItemNotFound."""
        accounts = self.plain.accounts
        write = accounts.write(held.account.id)
        now = write.now
        account = signed_up(held.account, wanted, password_hash, session_id, now)
        session: Session = begin(session_id, account, client, now, self.plain.policy)
        write.add(
            Replace(account.to_item(), if_match=held.etag),
            Create(session_item(session, now)),
            Delete(CLAIM_PREFIX + wanted.email.key),
        )
        write.note("signed_up", client, sessionId=session_id)
        write.mail_link(await self.plain.links.make(account.id, Purpose.VERIFY_EMAIL, lasts=VERIFY_WITHIN))
        write.settle_sessions()
        write.project()
        await accounts.commit(write, at_once=self.revocation.follow)
        return await self.plain.grants.issue(session, account, now)


def signed_up(guest: Account, wanted: Request, password_hash: str, session_id: str, now: datetime) -> Account:
    """The guest's account with what a sign-up brings. The new epoch ends the guest's sessions."""
    return replace(
        guest,
        email=wanted.email.text,
        email_key=wanted.email.key,
        name=wanted.name,
        password_hash=password_hash,
        status=Status.PENDING,
        updated_at=now,
        version=guest.version + 1,
        epoch=guest.epoch + 1,
        last_login_at=now,
        sessions=(session_id,),
        sign_up_session=session_id,
        guest_until=None,
    )
