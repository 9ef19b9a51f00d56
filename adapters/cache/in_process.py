"""The cache of a single process: rates by GCRA, session states, failures. Bounded, forgetful, never away.

GCRA (ITU-T I.371, annex A) keeps one number a key: the time at which the key's whole limit will be free again. A
request moves it on by one interval; it is refused when that would put it further ahead than the period.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Generic, TypeVar

from domain.kernel.cache import Admission, Allowance, Rate, SessionState
from domain.kernel.clock import Clock

V = TypeVar("V")
MAX_ENTRIES: Final = 100_000
_EPSILON: Final = 1e-6
"""What rounding may add up to over a period, in seconds or in requests."""
_UNLIMITED: Final = Allowance(0, 0, 0)


class _Expiring(Generic[V]):
    """A map that forgets: each entry at its time, and those longest untouched when there are too many."""

    def __init__(self, max_entries: int) -> None:
        self._entries: dict[str, tuple[float, V]] = {}
        self._max_entries = max_entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: float) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= now:
            del self._entries[key]
            return None
        return entry[1]

    def put(self, key: str, value: V, expires: float, now: float) -> None:
        entries = self._entries
        entries.pop(key, None)  # to the young end
        if len(entries) >= self._max_entries:
            self._make_room(now)
        entries[key] = (expires, value)

    def drop(self, key: str) -> None:
        self._entries.pop(key, None)

    def _make_room(self, now: float) -> None:
        """A tenth at a time, so that a full map does not cost a scan a request."""
        for key in [key for key, (expires, _) in self._entries.items() if expires <= now]:
            del self._entries[key]
        spare = len(self._entries) - self._max_entries * 9 // 10
        for key in list(self._entries)[: max(0, spare)]:
            del self._entries[key]


class InProcessCache:
    """For one process. Where there are several, each counts for itself, and must not remember that a session stands
    (*remembers_sessions* false): another instance may have ended it, so every request asks the store. That a session
    was revoked is final, and always remembered.
    """

    def __init__(self, clock: Clock, *, max_entries: int = MAX_ENTRIES, remembers_sessions: bool = True) -> None:
        self._clock = clock
        self._start = clock.now().timestamp()  # times count from here: small numbers, so exact ones
        self._rates: _Expiring[float] = _Expiring(max_entries)
        self._sessions: _Expiring[SessionState] = _Expiring(max_entries)
        self._failures: _Expiring[tuple[int, float]] = _Expiring(max_entries)
        self._remembers_sessions = remembers_sessions

    def _now(self) -> float:
        return self._clock.now().timestamp() - self._start

    async def admit(self, rates: Sequence[Rate], *, session_id: str | None = None) -> Admission:
        now = self._now()
        session = None if session_id is None else self._sessions.get(session_id, now)
        judged = [self._judge(rate, now) for rate in rates]
        if all(allowance.retry_after is None for allowance, _ in judged):
            for rate, (_, free_at) in zip(rates, judged, strict=True):
                self._rates.put(rate.key, free_at, free_at, now)
        return Admission(tightest([allowance for allowance, _ in judged]), session)

    async def peek(self, rates: Sequence[Rate]) -> list[Allowance]:
        now = self._now()
        return [self._judge(rate, now)[0] for rate in rates]

    def _judge(self, rate: Rate, now: float) -> tuple[Allowance, float]:
        """What one more request would leave, and when all would be free again after it."""
        period = rate.period.total_seconds()
        interval = period / rate.limit
        free_at = max(self._rates.get(rate.key, now) or now, now)
        next_free_at = free_at + interval
        wait = next_free_at - now - period
        if wait > _EPSILON:
            return Allowance(rate.limit, 0, self._epoch(free_at), wait), free_at
        remaining = int((period - (next_free_at - now)) / interval + _EPSILON)
        return Allowance(rate.limit, min(max(0, remaining), rate.limit - 1), self._epoch(next_free_at)), next_free_at

    def _epoch(self, moment: float) -> int:
        return math.ceil(self._start + moment)

    async def learn_session(self, session_id: str, state: SessionState, ttl: timedelta) -> None:
        now = self._now()
        if not (self._remembers_sessions or state.revoked):
            return
        if self._sessions.get(session_id, now) is None:
            self._sessions.put(session_id, state, now + ttl.total_seconds(), now)

    async def set_sessions(self, states: dict[str, SessionState], ttl: timedelta) -> None:
        now = self._now()
        for session_id, state in states.items():
            known = self._sessions.get(session_id, now)
            if not state.revoked and (not self._remembers_sessions or (known is not None and known.revoked)):
                continue
            self._sessions.put(session_id, state, now + ttl.total_seconds(), now)

    async def failures(self, keys: Sequence[str]) -> list[tuple[int, float]]:
        now = self._now()
        found = [self._failures.get(key, now) for key in keys]
        return [(0, 0.0) if one is None else (one[0], now - one[1]) for one in found]

    async def add_failure(self, keys: Sequence[str], ttl: timedelta) -> list[int]:
        now = self._now()
        counts = []
        for key in keys:
            before = self._failures.get(key, now)
            count = 1 if before is None else before[0] + 1
            self._failures.put(key, (count, now), now + ttl.total_seconds(), now)
            counts.append(count)
        return counts

    async def clear_failures(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._failures.drop(key)

    async def ping(self) -> None:
        return

    async def close(self) -> None:
        return


def tightest(allowances: list[Allowance]) -> Allowance:
    """The one that refuses longest, else the one with the least left."""
    refused = [allowance for allowance in allowances if allowance.retry_after is not None]
    if refused:
        return max(refused, key=lambda allowance: allowance.retry_after or 0.0)
    return min(allowances, key=lambda allowance: allowance.remaining, default=_UNLIMITED)
