"""Trading a refresh token for new tokens. Walk: `docs/flows/refresh.md`."""

from dataclasses import dataclass
from datetime import datetime

from domain.auth.accounts import MAX_TRIES, Accounts, Held, HeldSession, TooBusy
from domain.auth.grants import Grant, Grants
from domain.auth.model import Client, SessionPolicy, Verdict, judge, rotate, visited
from domain.auth.records import session_item
from domain.auth.refresh_tokens import RefreshName, read_refresh_token
from domain.auth.revocation import Revocation
from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import ItemNotFound, ItemStale, Patch, Replace
from domain.kernel.errors import InvalidToken, TokenRevoked
from domain.kernel.keys import Keys


@dataclass(frozen=True)
class Refresh:
    accounts: Accounts
    revocation: Revocation
    grants: Grants
    keys: Keys
    policy: SessionPolicy

    async def refresh(self, token: str, client: Client) -> Grant:
        """The session's next tokens; within the grace, to a token just turned in, its current ones.

        One read and one conditional write. Of two that race one rotates; the other is judged anew, and repeats.

        Raises InvalidToken (not genuine, or expired), TokenRevoked (the session is over, if only because this token
        was used before: then it is over for good before this is raised), Unavailable.
        """
        name = read_refresh_token(await self.keys.get(), token)
        if name is None:
            raise InvalidToken
        for look in range(MAX_TRIES):
            try:
                grant = await self._try(name, client, first_look=look == 0)
            except ItemStale:
                continue
            if grant is not None:
                return grant
        raise TooBusy

    async def _try(self, name: RefreshName, client: Client, *, first_look: bool) -> Grant | None:
        """None when what was read may lag behind. Raises ItemStale when another write came first."""
        session, held = await self.accounts.find_with_session(name.user_id, name.session_id)
        now = self.accounts.clock.now()
        known = None if session is None else session.session
        account = None if held is None else held.account
        verdict = judge(known, account, name.generation, now, self.policy.reuse_grace)
        if verdict is Verdict.AHEAD or (verdict is Verdict.LOST and first_look):
            return None
        if verdict is Verdict.EXPIRED:
            raise InvalidToken
        if verdict in {Verdict.ENDED, Verdict.LOST} or session is None or held is None:
            raise TokenRevoked
        if verdict is Verdict.REUSED:
            # The write comes first: the session must end although, and before, this call fails.
            await self.revocation.revoke(name.user_id, name.session_id, "refresh_token_reused", client)
            raise TokenRevoked
        if verdict is Verdict.ROTATE:
            return await self._rotate(session, held, client, now)
        return await self.grants.issue(session.session, held.account, now)

    async def _rotate(self, session: HeldSession, held: Held, client: Client, now: datetime) -> Grant:
        rotated = rotate(session.session, client.ip, now, self.policy)
        documents, item = self.accounts.documents, session_item(rotated, now)
        visit = first_visit_today(held.account, now)
        try:
            if visit is None:
                await documents.replace(ACCOUNTS, item, if_match=session.etag)
            else:
                await documents.batch(ACCOUNTS, rotated.user_id, [Replace(item, if_match=session.etag), visit])
        except ItemNotFound:
            raise TokenRevoked from None
        return await self.grants.issue(rotated, held.account, now)


def first_visit_today(account: Account, now: datetime) -> Patch | None:
    """A day's first refresh counts for the streak as a sign-in does: people stay signed in for weeks."""
    if account.streak_on is not None and account.streak_on >= now.date():
        return None
    return Patch(ACCOUNT_ID, set=visited(account, now))
