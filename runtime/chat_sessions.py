"""Whether a sign-in may open a socket, and go on using it."""

from domain.kernel.cache import Cache, SessionState
from domain.kernel.errors import DomainError, Unavailable
from web.access import Authenticator


class StandingSessions:
    """`domain.chat.ports.Sessions` over the edge's own."""

    def __init__(self, cache: Cache, authenticator: Authenticator) -> None:
        self._cache = cache
        self._authenticator = authenticator

    async def may_connect(self, user_id: str, session_id: str) -> bool:
        """Asks the store, not the cache: opening a socket is rare, and the store also knows whose session it is."""
        try:
            state = await self._authenticator.load_session(user_id, session_id)
        except Unavailable:
            raise
        except DomainError:
            return False  # there is no such session, or it is another person's
        return _may_chat(state)

    async def stands(self, user_id: str, session_id: str) -> bool:
        """As for every request: the cache knows, or the store is asked."""
        state = (await self._cache.admit((), session_id=session_id)).session
        if state is None:
            return await self.may_connect(user_id, session_id)
        return _may_chat(state)


def _may_chat(state: SessionState) -> bool:
    return (state.verified or state.guest) and not state.revoked
