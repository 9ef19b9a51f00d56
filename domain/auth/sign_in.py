"""Signing in with e-mail address and password. Walk: `docs/flows/sign-in.md`.

An address nobody has costs the same store calls, the same cache trips and the same hash as one with a wrong password,
and answers the same.
"""

from dataclasses import dataclass
from typing import Any, Final

from domain.auth.accounts import Accounts, Held
from domain.auth.errors import AccountSuspended, InvalidCredentials
from domain.auth.grants import Grant, Grants
from domain.auth.lockout import NO_NETWORK, Lockout
from domain.auth.model import Client, Session, SessionPolicy, begin, keep_latest, visited
from domain.auth.passwords import normal_password
from domain.auth.ports import PasswordHasher
from domain.auth.records import revoke_patch, session_item
from domain.auth.revocation import Revocation
from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.addresses import clean_email
from domain.kernel.clock import to_iso
from domain.kernel.documents import Create, ItemNotFound, ItemStale, Patch

MAX_NETWORKS: Final = 8


@dataclass(frozen=True)
class SignIn:
    accounts: Accounts
    hasher: PasswordHasher
    lockout: Lockout
    revocation: Revocation
    grants: Grants
    policy: SessionPolicy

    async def login(self, email: str, password: str, client: Client) -> Grant:
        """Begin a session, and end the oldest of a person who has too many. Three store calls, three cache trips.

        Raises:
            Invalid: the address cannot be one.
            InvalidCredentials: no such account, or not its password.
            RateLimited: too many wrong passwords for this address, here or everywhere.
            AccountSuspended: told only after the password was proven.
            Unavailable: too many are signing in at the moment.
        """
        key = clean_email(email).key
        async with self.hasher.place():
            attempt = await self.lockout.begin(key, client)
            held = await self.accounts.find_by_email(key)
            self.lockout.require_known_or_waited(attempt, client, held.account.networks if held else ())
            stored_hash = held.account.password_hash if held else None
            proof = await self.hasher.verify(stored_hash or None, normal_password(password))
        if held is None or not proof.holds:
            await self.lockout.failed(attempt)
            raise InvalidCredentials
        await self.lockout.succeeded(attempt)
        if held.account.suspended:
            raise AccountSuspended
        return await self._begin(held, client, proof.rehashed)

    async def _begin(self, held: Held, client: Client, rehashed: str | None) -> Grant:
        """One batch. The account's etag guards a new hash only: should the password be changed meanwhile, the epoch
        this session begins under is over, and so is the session."""
        now, account = self.accounts.clock.now(), held.account
        session = begin(self.accounts.ids.new(), account, client, now, self.policy)
        kept, surplus = keep_latest(session.id, account.sessions, now - self.policy.session_ttl)
        changes = {**signed_in(account, client, session), "sessions": list(kept)}
        while True:
            change = Patch(ACCOUNT_ID, set=changes)
            if rehashed is not None:
                change = Patch(ACCOUNT_ID, set={**changes, "passwordHash": rehashed}, if_match=held.etag)
            try:
                await self._write(session, client, change, surplus)
            except ItemStale:
                rehashed = None  # somebody wrote to the account: the next sign-in upgrades the hash
            except ItemNotFound:
                if not surplus:
                    raise InvalidCredentials from None  # erased between the two calls
                surplus = ()  # one of them had ended by itself
            else:
                return await self.grants.issue(session, account, now)

    async def _write(self, session: Session, client: Client, change: Patch, surplus: tuple[str, ...]) -> None:
        write = self.accounts.write(session.user_id)
        write.add(Create(session_item(session, write.now)), change)
        write.note("signed_in", client, sessionId=session.id)
        if surplus:
            write.add(*(revoke_patch(session_id, write.now) for session_id in surplus))
            write.settle_sessions(surplus)
        await self.accounts.commit(write, at_once=lambda _: self.revocation.forget(surplus))


def signed_in(account: Account, client: Client, session: Session) -> dict[str, Any]:
    """The account's members that a sign-in changes."""
    known = () if client.network == NO_NETWORK else (client.network,)
    others = tuple(network for network in account.networks if network not in known)
    return {
        "lastLoginAt": to_iso(session.created_at),
        **visited(account, session.created_at),
        "networks": [*known, *others][:MAX_NETWORKS],
    }
