"""Ending sessions, and letting the world know: the cache that admits requests, and the sockets that are open.

The store says first: a session's `revokedAt`, or the account's epoch for all at once. What follows is safe to repeat,
so it is done right away and again by the queue `sessions`, should the process die in between.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.auth.accounts import Accounts
from domain.auth.model import REVOKED, Client, Session, stands, state_of
from domain.auth.records import SESSION_PREFIX, read_session, revoke_patch
from domain.kernel.accounts import ACCOUNT_ID
from domain.kernel.cache import Cache, SessionState
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import ItemNotFound, Patch, Query
from domain.kernel.realtime import Realtime
from domain.kernel.sessions import SessionDevices

STATE_KEPT_FOR: Final = timedelta(minutes=5)
"""How long an instance may go without asking the store about a session that stands."""
_PAGE: Final = 100


@dataclass(frozen=True)
class Revocation:
    accounts: Accounts
    cache: Cache
    realtime: Callable[[], Realtime]
    devices: Callable[[], SessionDevices]
    access_ttl: timedelta

    @property
    def _revoked_kept_for(self) -> timedelta:
        """As long as the last access token of a session can live, and a minute for clocks that differ."""
        return self.access_ttl + timedelta(minutes=1)

    async def list_sessions(self, user_id: str) -> list[Session]:
        """Every session the store still has, the newest first, dead ones too."""
        sessions: list[Session] = []
        below: str | None = None
        while True:
            query = Query(starts=SESSION_PREFIX, descending=True, below=below, limit=_PAGE)
            page = await self.accounts.documents.query(ACCOUNTS, user_id, query)
            sessions += [read_session(stored.item) for stored in page]
            if len(page) < _PAGE:
                return sessions
            below = page[-1].item["id"]

    async def revoke(self, user_id: str, session_id: str, code: str, client: Client | None) -> None:
        """End one session. Ending it again does no harm."""
        write = self.accounts.write(user_id)
        write.add(revoke_patch(session_id, write.now))
        write.note(code, client, sessionId=session_id)
        write.settle_sessions([session_id])
        with suppress(ItemNotFound):  # expired by itself
            await self.accounts.commit(write, at_once=lambda _: self.forget([session_id]))

    async def revoke_all(self, user_id: str, code: str, client: Client) -> int:
        """End every session, also those being begun just now. Returns how many stood."""
        held = await self.accounts.find(user_id)
        if held is None:
            return 0
        write = self.accounts.write(user_id)
        write.add(Patch(ACCOUNT_ID, incr={"epoch": 1}))
        write.note(code, client)
        write.settle_sessions()
        await self.accounts.commit(write)
        # Listed after the write: what is begun from now on is begun under the new epoch, or is over at its first use.
        over = await self.tell_cache(user_id)
        return sum(stands(session, held.account, write.now) for session in over)

    async def forget(self, session_ids: Sequence[str]) -> None:
        """Have these sessions' access tokens refused from now on."""
        if session_ids:
            await self.cache.set_sessions(dict.fromkeys(session_ids, REVOKED), self._revoked_kept_for)

    async def load(self, user_id: str, session_id: str) -> SessionState:
        """The session's state from the store, in one call; the cache learns it if the session stands.

        That it is over is not learned: a replica may lag behind a sign-in or a new password, and what the cache knows
        to be revoked stays so. For the same reason it is read twice, unless the session itself says so.
        """
        for _ in range(2):
            session, held = await self.accounts.find_with_session(user_id, session_id)
            known = None if session is None else session.session
            state = state_of(known, None if held is None else held.account, self.accounts.clock.now())
            if known is not None and not state.revoked:
                await self.cache.learn_session(session_id, state, self._kept_for([known]))
                return state
            if known is not None and known.revoked_at is not None:
                break
        return REVOKED

    async def tell_cache(self, user_id: str) -> list[Session]:
        """Have the cache know every session as the store has it. Returns those that are over."""
        held = await self.accounts.find(user_id)
        account = None if held is None else held.account
        sessions = await self.list_sessions(user_id)
        now = self.accounts.clock.now()
        states = {session.id: state_of(session, account, now) for session in sessions}
        over = [session for session in sessions if states[session.id].revoked]
        await self.forget([session.id for session in over])
        standing = [session for session in sessions if not states[session.id].revoked]
        if standing:
            told = {session.id: states[session.id] for session in standing}
            await self.cache.set_sessions(told, self._kept_for(standing))
        return over

    def _kept_for(self, standing: Sequence[Session]) -> timedelta:
        """Not beyond the end of any of these sessions: nobody is asked before what is remembered is forgotten."""
        now = self.accounts.clock.now()
        return min(STATE_KEPT_FOR, *(session.expires_at - now for session in standing))

    async def follow(self, user_id: str) -> None:
        """`tell_cache`, for those who need not know more."""
        await self.tell_cache(user_id)

    async def settle(self, user_id: str, session_ids: Sequence[str]) -> None:
        """The work of the queue `sessions`: cache and sockets follow the store, for *session_ids* (they were revoked)
        or, without any, for all of the person's sessions. Safe to repeat. Raises Unavailable."""
        ended = session_ids or [session.id for session in await self.tell_cache(user_id)]
        await self.forget(ended)
        for session_id in ended:
            await self.realtime().close_session(session_id, reason="signed out")
        if ended:
            await self.devices().forget_sessions(user_id, ended)
