"""The sessions of one person: seeing them, and signing out of one or all."""

from dataclasses import dataclass

from domain.auth.accounts import Accounts
from domain.auth.model import Client, Session, stands
from domain.auth.refresh_tokens import read_refresh_token
from domain.auth.revocation import Revocation
from domain.kernel.errors import NotFound
from domain.kernel.keys import Keys


@dataclass(frozen=True)
class Sessions:
    accounts: Accounts
    revocation: Revocation
    keys: Keys

    async def list_standing(self, user_id: str) -> list[Session]:
        """Where the person is signed in, the latest sign-in first."""
        held = await self.accounts.find(user_id)
        if held is None:
            return []
        now = self.accounts.clock.now()
        return [s for s in await self.revocation.list_sessions(user_id) if stands(s, held.account, now)]

    async def revoke(self, user_id: str, session_id: str, client: Client) -> None:
        """Sign out one of the person's own devices. Raises NotFound for any other session, and one that is over."""
        if not await self._stands(user_id, session_id):
            raise NotFound
        await self.revocation.revoke(user_id, session_id, "session_revoked", client)

    async def log_out(self, refresh_token: str | None, caller: tuple[str, str] | None, client: Client) -> None:
        """End the session of a genuine refresh token, else that of *caller* (person, session). Neither: nothing.

        Safe to repeat. An old refresh token does as well: whoever holds one may always end the session.
        """
        if refresh_token:
            name = read_refresh_token(await self.keys.get(), refresh_token)
            if name is not None:
                caller = name.user_id, name.session_id
        if caller is not None and await self._stands(*caller):
            await self.revocation.revoke(*caller, "signed_out", client)

    async def log_out_everywhere(self, user_id: str, client: Client) -> int:
        """End them all, the caller's own too. Returns how many stood."""
        return await self.revocation.revoke_all(user_id, "signed_out_everywhere", client)

    async def _stands(self, user_id: str, session_id: str) -> bool:
        session, held = await self.accounts.find_with_session(user_id, session_id)
        if session is None or held is None:
            return False
        return stands(session.session, held.account, self.accounts.clock.now())
