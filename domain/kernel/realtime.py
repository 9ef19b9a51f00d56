"""The realtime service's port: sends to groups and people, and ends connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """Where and how one person's client connects. *url* holds a bearer token: never log it."""

    url: str
    expires_in: timedelta


class Realtime(Protocol):
    """Sends are accepted, not delivered, when a method returns. All raise Unavailable."""

    async def client_access(
        self, user_id: str, *, session_id: str, expires_in: timedelta, groups: Sequence[str] = ()
    ) -> ClientAccess: ...

    async def send_to_group(self, group: str, event: dict[str, Any]) -> None: ...

    async def send_to_user(self, user_id: str, event: dict[str, Any]) -> None: ...

    async def add_user_to_group(self, group: str, user_id: str) -> None:
        """The user's open connections join; having none is fine."""
        ...

    async def remove_user_from_group(self, group: str, user_id: str) -> None: ...

    async def close_user(self, user_id: str, *, reason: str) -> None: ...

    async def close_session(self, session_id: str, *, reason: str) -> None:
        """Close the connections that were opened by one session."""
        ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
