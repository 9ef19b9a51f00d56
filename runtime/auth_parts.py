"""The wiring of sign-in: each use case built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.auth.accounts import Accounts
from domain.auth.appointing import Appointing
from domain.auth.authenticator import SessionAuthenticator
from domain.auth.grants import Grants
from domain.auth.guest_sign_up import GuestSignUp
from domain.auth.guests import Guests
from domain.auth.links import Links
from domain.auth.lockout import Lockout
from domain.auth.model import SessionPolicy
from domain.auth.ports import AccessTokens, CommonPasswords, PasswordHasher
from domain.auth.recovery import Recovery
from domain.auth.refresh import Refresh
from domain.auth.revocation import Revocation
from domain.auth.sessions import Sessions
from domain.auth.sign_in import SignIn
from domain.auth.sign_up import SignUp
from domain.auth.verification import Verification

if TYPE_CHECKING:
    from runtime.parts import Parts


class AuthParts:
    """Queue, realtime service and hasher cost an import each, so they come when somebody needs them."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def policy(self) -> SessionPolicy:
        tokens = self._parts.settings.tokens
        return SessionPolicy(tokens.refresh_ttl, tokens.session_ttl, tokens.reuse_grace)

    @cached_property
    def accounts(self) -> Accounts:
        parts = self._parts
        return Accounts(parts.documents, lambda: parts.outbox, lambda: parts.users.projection, parts.clock, parts.ids)

    @cached_property
    def tokens(self) -> AccessTokens:
        from adapters.tokens.access import JwtAccessTokens

        tokens = self._parts.settings.tokens
        return JwtAccessTokens(
            self._parts.keys,
            self._parts.clock,
            issuer=tokens.issuer,
            audience=tokens.audience,
            ttl=tokens.access_ttl,
        )

    @cached_property
    def hasher(self) -> PasswordHasher:
        from adapters.passwords.argon2id import Argon2Passwords

        chosen = self._parts.settings.passwords
        return Argon2Passwords(
            memory_kib=chosen.memory_kib, passes=chosen.passes, lanes=chosen.lanes, at_once=chosen.at_once
        )

    @cached_property
    def common(self) -> CommonPasswords:
        from adapters.passwords.common import CommonPasswordList

        return CommonPasswordList()

    @cached_property
    def revocation(self) -> Revocation:
        parts = self._parts
        return Revocation(
            self.accounts,
            parts.cache,
            lambda: parts.realtime,
            lambda: parts.push.devices,
            parts.settings.tokens.access_ttl,
        )

    @cached_property
    def authenticator(self) -> SessionAuthenticator:
        return SessionAuthenticator(self.tokens, self.revocation)

    @cached_property
    def grants(self) -> Grants:
        return Grants(self._parts.keys, self.tokens, self._parts.settings.tokens.access_ttl)

    @cached_property
    def links(self) -> Links:
        parts = self._parts
        return Links(self.accounts, parts.keys, parts.cache, parts.settings.rates.account_mails)

    @cached_property
    def lockout(self) -> Lockout:
        return Lockout(self._parts.cache, free=self._parts.settings.rates.login_failures)

    @cached_property
    def sign_up(self) -> SignUp:
        return SignUp(self.accounts, self.hasher, self.common, self.grants, self.links, self._parts.keys, self.policy)

    @cached_property
    def guests(self) -> Guests:
        parts = self._parts
        return Guests(
            self.accounts,
            lambda: parts.social.reception,
            lambda: parts.users.projection,
            lambda: parts.realtime,
            self.grants,
            parts.keys,
            self.policy,
        )

    @cached_property
    def guest_sign_up(self) -> GuestSignUp:
        return GuestSignUp(self.sign_up, self.revocation)

    @cached_property
    def sign_in(self) -> SignIn:
        return SignIn(self.accounts, self.hasher, self.lockout, self.revocation, self.grants, self.policy)

    @cached_property
    def refresh(self) -> Refresh:
        return Refresh(self.accounts, self.revocation, self.grants, self._parts.keys, self.policy)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.accounts, self.revocation, self._parts.keys)

    @cached_property
    def verification(self) -> Verification:
        return Verification(self.accounts, self.links, self.revocation)

    @cached_property
    def recovery(self) -> Recovery:
        return Recovery(
            self.accounts,
            self.links,
            self.revocation,
            self.hasher,
            self.common,
            self.lockout,
            self._parts.queue,
        )

    @cached_property
    def appointing(self) -> Appointing:
        return Appointing(self.accounts, self.hasher, self.common)

    async def close(self) -> None:
        """Only the hasher holds anything of its own."""
        hasher = vars(self).get("hasher")
        if hasher is not None:
            await hasher.close()
