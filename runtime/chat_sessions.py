"""Whether a sign-in may open a socket: the same answer that its HTTP requests get."""

from domain.kernel.cache import Cache
from domain.kernel.errors import DomainError, Unavailable
from web.access import Authenticator


class StandingSessions:
    """`domain.chat.ports.Sessions` over the edge's own: one cache trip, and one store read where that knows nothing."""

    def __init__(self, cache: Cache, authenticator: Authenticator) -> None:
        self._cache = cache
        self._authenticator = authenticator

    async def may_connect(self, user_id: str, session_id: str) -> bool:
        state = (await self._cache.admit((), session_id=session_id)).session
        if state is None:
            try:
                state = await self._authenticator.load_session(user_id, session_id)
            except Unavailable:
                raise
            except DomainError:
                return False  # there is no such session, or it is another person's
        return state.verified and not state.revoked
