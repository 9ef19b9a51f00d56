"""A password that was forgotten, or is to be changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.auth.accounts import MAX_TRIES, Accounts, Held, TooBusy
from domain.auth.errors import InvalidCredentials
from domain.auth.links import Links
from domain.auth.lockout import Lockout
from domain.auth.model import Client
from domain.auth.passwords import clean_password, normal_password
from domain.auth.ports import CommonPasswords, PasswordHasher
from domain.auth.records import session_item_id
from domain.auth.revocation import Revocation
from domain.auth.verification import verified
from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.addresses import clean_email
from domain.kernel.clock import to_iso
from domain.kernel.documents import ItemExists, ItemNotFound, ItemStale, Patch
from domain.kernel.errors import InvalidToken, RateLimited
from domain.kernel.links import Purpose
from domain.kernel.outbox import Queue

RESET_WITHIN: Final = timedelta(minutes=15)
RESETS_QUEUE: Final = "resets"


@dataclass(frozen=True)
class Recovery:
    accounts: Accounts
    links: Links
    revocation: Revocation
    hasher: PasswordHasher
    common: CommonPasswords
    lockout: Lockout
    queue: Queue

    async def forget(self, email: str) -> None:
        """Take the request, and look at nothing: whether there is such an account is found out behind the answer.

        So one durable message is all that happens, whoever asks for whom. Raises Invalid, Unavailable.
        """
        key = clean_email(email).key
        await self.queue.send(RESETS_QUEUE, {"requestId": self.accounts.ids.new(), "emailKey": key})

    async def begin_reset(self, request_id: str, email_key: str) -> None:
        """The work of the queue `resets`: mail a link, if the account exists and may sign in. Safe to repeat."""
        user_id = await self.accounts.find_reserved(email_key)
        held = None if user_id is None else await self.accounts.find(user_id)
        if held is None or held.account.suspended:
            return
        user_id = held.account.id
        try:
            await self.links.require_mailable(user_id, Purpose.RESET_PASSWORD)
        except RateLimited:
            return
        write = self.accounts.write(user_id)
        write.mail_link(await self.links.make(user_id, Purpose.RESET_PASSWORD, lasts=RESET_WITHIN, link_id=request_id))
        write.note("password_reset_requested")
        try:
            await self.accounts.commit(write)
        except ItemExists:
            return  # the message came twice

    async def reset(self, token: str, new_password: str, client: Client) -> None:
        """Set a new password by a mailed link, and end every session.

        A link that led here proves the address too. A password that is refused does not use it up.
        Raises InvalidToken, Invalid, Unavailable.
        """
        held, _ = await self.links.open(token, Purpose.RESET_PASSWORD)
        clean = self._clean(new_password, held.account)
        async with self.hasher.place():
            password_hash = await self.hasher.hash(clean)
        for _ in range(MAX_TRIES):
            held, use_up = await self.links.open(token, Purpose.RESET_PASSWORD)
            account = held.account
            write = self.accounts.write(account.id)
            changes = new_secret(account, password_hash, write.now)
            if not account.email_verified:
                changes |= verified(account, write.now)
                write.project()
            write.add(use_up, Patch(ACCOUNT_ID, set=changes, if_match=held.etag))
            write.note("password_reset", client)
            write.mail_change("password_changed")
            write.settle_sessions()
            try:
                return await self.accounts.commit(write, at_once=self.revocation.follow)
            except ItemNotFound:
                raise InvalidToken from None  # used by a twin meanwhile
            except ItemStale:
                continue
        raise TooBusy

    async def prove(self, user_id: str, password: str, client: Client) -> Held:
        """The account, if *password* is its present one; wrong ones are counted as at sign-in.

        Raises InvalidCredentials, RateLimited, Unavailable.
        """
        held = await self.accounts.find(user_id)
        if held is None:
            raise InvalidCredentials
        async with self.hasher.place():
            attempt = await self.lockout.begin(held.account.email_key, client)
            proof = await self.hasher.verify(held.account.password_hash or None, normal_password(password))
        if not proof.holds:
            raise InvalidCredentials
        await self.lockout.succeeded(attempt)
        return held

    async def change(
        self, user_id: str, session_id: str, current_password: str, new_password: str, client: Client
    ) -> None:
        """Set a new password by proving the present one, and end the other sessions.

        Raises InvalidCredentials, Invalid, RateLimited, Unavailable.
        """
        held = await self.prove(user_id, current_password, client)
        clean = self._clean(new_password, held.account)
        async with self.hasher.place():
            password_hash = await self.hasher.hash(clean)
        proven = held.account.password_changed_at
        for _ in range(MAX_TRIES):
            if held.account.password_changed_at != proven:
                raise InvalidCredentials  # changed meanwhile: what was proven is no longer the password
            account = held.account
            write = self.accounts.write(user_id)
            changes = new_secret(account, password_hash, write.now)
            keep = Patch(session_item_id(session_id), set={"epoch": changes["epoch"]})
            write.add(Patch(ACCOUNT_ID, set=changes, if_match=held.etag), keep)
            write.note("password_changed", client, sessionId=session_id)
            write.mail_change("password_changed")
            write.settle_sessions()
            try:
                return await self.accounts.commit(write, at_once=self.revocation.follow)
            except ItemNotFound:
                raise InvalidCredentials from None  # the session or the account went meanwhile
            except ItemStale:
                held = await self.accounts.find(user_id) or held
        raise TooBusy

    def _clean(self, password: str, account: Account) -> str:
        return clean_password(password, self.common, about=(account.name, account.email), path="newPassword")


def new_secret(account: Account, password_hash: str, now: datetime) -> dict[str, Any]:
    """The account's members that a new password changes: raising the epoch ends every session."""
    return {
        "passwordHash": password_hash,
        "passwordChangedAt": to_iso(now),
        "epoch": account.epoch + 1,
    }
