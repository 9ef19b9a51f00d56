"""Telling the world that an account's sessions changed: the cache that admits requests, and the open sockets."""

from collections.abc import Sequence
from typing import Final, Protocol

from domain.kernel.outbox import Task

SESSIONS: Final = "sessions"
"""The queue of `settle_sessions_task`."""


class SessionDevices(Protocol):
    """What a sign-in had beside its cookies: browsers that are pushed to."""

    async def forget_sessions(self, user_id: str, session_ids: Sequence[str]) -> None:
        """Those sign-ins are over. Safe to repeat. Raises Unavailable."""
        ...


def settle_sessions_task(user_id: str, session_ids: Sequence[str] = (), *, task_id: str) -> Task:
    """For the outbox, in the batch that changes them: these sessions were revoked; or, without any, all of a person's

    sessions may have to end, or to know a new role.
    """
    return Task(task_id, SESSIONS, {"userId": user_id, "sessionIds": list(session_ids)})
