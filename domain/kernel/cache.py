"""What is shared by all instances, may be lost, and answers in one trip: request rates and session states.

With Redis, or in the process where there is only one. What is lost costs one store read, never a wrong answer:
an unknown session state is read from the store, an unknown rate starts afresh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *limit* requests per *period* for *key*, spread evenly (GCRA), all of them at once if idle before."""

    key: str
    limit: int
    period: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate. *reset_at* is the epoch second at which the whole limit is free again."""

    limit: int
    remaining: int
    reset_at: int
    retry_after: float | None = None
    """Seconds until the next request is let in; None when this one was."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """What an access token cannot know by itself. *revoked* wins over all else."""

    revoked: bool
    role: str
    verified: bool
    guest: bool = False
    """Has no address to verify, and may do what names guests only."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to one trip. *session* is None when the cache does not know it: read it from the store."""

    allowance: Allowance
    session: SessionState | None


class Cache(Protocol):
    """No method raises for a cache that is away: rates fall back to the process, states become unknown."""

    async def admit(self, rates: Sequence[Rate], *, session_id: str | None = None) -> Admission:
        """Count one request against every rate, and look the session up, in ONE round trip.

        The allowance is that of the tightest rate. When one rate refuses, none is counted.
        """
        ...

    async def learn_session(self, session_id: str, state: SessionState, ttl: timedelta) -> None:
        """Remember what was read from the store, unless something is known already (a revocation must win)."""
        ...

    async def set_sessions(self, states: dict[str, SessionState], ttl: timedelta) -> None:
        """Overwrite: a revocation, a new role, a verified e-mail. A revocation itself is final: what is known to be
        revoked stays so, whatever another request read before and sets after."""
        ...

    async def peek(self, rates: Sequence[Rate]) -> list[Allowance]:
        """The same as `admit`, counting nothing."""
        ...

    async def failures(self, keys: Sequence[str]) -> list[tuple[int, float]]:
        """For each key: the failures counted, and the seconds since the last one."""
        ...

    async def add_failure(self, keys: Sequence[str], ttl: timedelta) -> list[int]:
        """Count one failure for each key; they are forgotten *ttl* after the last. Returns the new counts."""
        ...

    async def clear_failures(self, keys: Sequence[str]) -> None: ...

    async def ping(self) -> None:
        """Raises Unavailable."""
        ...

    async def close(self) -> None: ...
