"""What chat needs from elsewhere."""

from typing import Protocol


class Pictures(Protocol):
    async def may_use(self, user_id: str, file_id: str) -> bool:
        """Whether *file_id* is a completed upload of this person's, of the category `avatar`."""
        ...


class Sessions(Protocol):
    async def may_connect(self, user_id: str, session_id: str) -> bool:
        """True while the session stands and its account is active and verified. Raises Unavailable."""
        ...

    async def stands(self, user_id: str, session_id: str) -> bool:
        """The same for a session that is known to be this person's: one cache trip, mostly. Raises Unavailable."""
        ...
