"""Whether a sign-in may open a socket."""

from domain.kernel.errors import DomainError, Unavailable
from web.access import Authenticator


class StandingSessions:
    """`domain.chat.ports.Sessions` over the edge's own.

    Asks the store, not the cache: opening a socket is rare, and the store also knows whose session it is.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def may_connect(self, user_id: str, session_id: str) -> bool:
        try:
            state = await self._authenticator.load_session(user_id, session_id)
        except Unavailable:
            raise
        except DomainError:
            return False  # there is no such session, or it is another person's
        return state.verified and not state.revoked
