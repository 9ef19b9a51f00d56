"""What chat needs from elsewhere."""

from typing import Protocol


class Sessions(Protocol):
    async def may_connect(self, user_id: str, session_id: str) -> bool:
        """True while the session stands and its account is active and verified. Raises Unavailable."""
        ...
