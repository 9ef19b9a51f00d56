"""What a client is given when it signs in, signs up or refreshes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.auth.model import Session
from domain.auth.ports import AccessTokens
from domain.auth.refresh_tokens import mint_refresh_token
from domain.kernel.accounts import Account
from domain.kernel.keys import Keys


@dataclass(frozen=True, slots=True)
class Grant:
    """The two tokens of a session, and how long each is good for."""

    account: Account
    session_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_ttl: timedelta
    refresh_ttl: timedelta


class Grants:
    """Makes tokens; keeps none."""

    def __init__(self, keys: Keys, tokens: AccessTokens, access_ttl: timedelta) -> None:
        self._keys = keys
        self._tokens = tokens
        self._access_ttl = access_ttl

    async def issue(self, session: Session, account: Account, now: datetime) -> Grant:
        """The session's current tokens: a new access token, and the one refresh token of its generation."""
        keys = await self._keys.get()
        refresh_token = mint_refresh_token(
            keys.current, user_id=account.id, session_id=session.id, generation=session.generation
        )
        access_token = await self._tokens.issue(user_id=account.id, session_id=session.id, role=account.role.value)
        left = max(session.expires_at - now, timedelta())
        return Grant(account, session.id, access_token, refresh_token, self._access_ttl, left)
