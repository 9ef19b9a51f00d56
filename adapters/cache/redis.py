"""The cache in Redis, for all instances: rates, session states and failures, each question one round trip.

Every change is a Lua script, so instances that meet in the middle do not undo each other; the time is Redis's own, so
their clocks need not agree. Commands are those of Redis 6.2 and older. A rate is one number, as in `in_process.py`.

Redis may be away, or lose everything. Then rates and failures are this process's own, a session's state is unknown
(read from the store), and what was to be told is kept and told first when Redis answers again: a revocation must not
be forgotten because of a broken cable.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - theirs

from adapters.cache.in_process import InProcessCache, tightest
from adapters.cache.redis_scripts import ADD_FAILURE, ADMIT, FAILURES, SET_SESSIONS
from adapters.resilience import Guard, Limits
from domain.kernel.cache import Admission, Allowance, Rate, SessionState
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

log = logging.getLogger(__name__)
T = TypeVar("T")

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 0.5
POOL: Final = 32
CHECK_IDLE_SECONDS: Final = 30
GUARD: Final = Limits(slots=POOL, patience=0.1, failures=3, rest=1.0)
UNTOLD: Final = 10_000
"""States kept for Redis while it is away; beyond that the oldest go, each at most minutes before it would expire."""


class RedisCache:
    """*url* is `redis://` or `rediss://`; *credentials* sign in where the URL holds none. Nothing is opened here."""

    def __init__(
        self, url: str, clock: Clock, *, credentials: CredentialProvider | None = None, guard: Guard | None = None
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._guard = guard or Guard("cache", GUARD)
        self._alone = InProcessCache(clock, remembers_sessions=False)
        self._clock = clock
        self._redis: Redis | None = None
        self._scripts: dict[str, AsyncScript] = {}
        self._untold: dict[str, tuple[SessionState, float]] = {}

    async def admit(self, rates: Sequence[Rate], *, session_id: str | None = None) -> Admission:
        async def ask() -> Admission:
            allowances, said = await self._judge(rates, session_id, count=True)
            return Admission(tightest(allowances), decode_state(said))

        async def alone() -> Admission:
            return await self._alone.admit(rates, session_id=session_id)

        return await self._or_alone(ask, alone)

    async def peek(self, rates: Sequence[Rate]) -> list[Allowance]:
        async def ask() -> list[Allowance]:
            return (await self._judge(rates, None, count=False))[0]

        return await self._or_alone(ask, lambda: self._alone.peek(rates))

    async def _judge(
        self, rates: Sequence[Rate], session_id: str | None, *, count: bool
    ) -> tuple[list[Allowance], bytes | None]:
        keys = [f"rate:{rate.key}" for rate in rates]
        if session_id is not None:
            keys.append(_session_key(session_id))
        arguments: list[Any] = [int(count), len(rates)]
        for rate in rates:
            arguments += [rate.limit, int(rate.period.total_seconds() * 1_000_000)]
        said = await self._run(ADMIT, keys, arguments)
        judged = [said[1 + 3 * n : 4 + 3 * n] for n in range(len(rates))]
        return [
            Allowance(rate.limit, left, math.ceil(free_at / 1e6), None if wait < 0 else max(wait, 1) / 1e6)
            for rate, (left, free_at, wait) in zip(rates, judged, strict=True)
        ], said[0]

    async def learn_session(self, session_id: str, state: SessionState, ttl: timedelta) -> None:
        async def tell() -> None:
            await self._open().set(_session_key(session_id), encode_state(state), px=_millis(ttl), nx=True)

        await self._or_alone(tell, lambda: self._alone.learn_session(session_id, state, ttl))

    async def set_sessions(self, states: dict[str, SessionState], ttl: timedelta) -> None:
        async def tell() -> None:
            await self._set([(session_id, state, _millis(ttl)) for session_id, state in states.items()])

        async def remember() -> None:
            await self._alone.set_sessions(states, ttl)
            until = self._clock.now().timestamp() + ttl.total_seconds()
            for session_id, state in states.items():
                before = self._untold.pop(session_id, None)
                kept = before[0] if before is not None and before[0].revoked else state
                self._untold[session_id] = kept, until
            for oldest in list(self._untold)[: max(0, len(self._untold) - UNTOLD)]:
                del self._untold[oldest]

        if states:
            await self._or_alone(tell, remember)

    async def _set(self, states: Sequence[tuple[str, SessionState, int]]) -> None:
        arguments = [value for _, state, millis in states for value in (encode_state(state), millis)]
        await self._run(SET_SESSIONS, [_session_key(session_id) for session_id, _, _ in states], arguments)

    async def failures(self, keys: Sequence[str]) -> list[tuple[int, float]]:
        async def ask() -> list[tuple[int, float]]:
            said = await self._run(FAILURES, [f"failed:{key}" for key in keys], [])
            return [(said[2 * n], said[2 * n + 1] / 1e6) for n in range(len(keys))]

        return await self._or_alone(ask, lambda: self._alone.failures(keys))

    async def add_failure(self, keys: Sequence[str], ttl: timedelta) -> list[int]:
        async def tell() -> list[int]:
            return list(await self._run(ADD_FAILURE, [f"failed:{key}" for key in keys], [_millis(ttl)]))

        return await self._or_alone(tell, lambda: self._alone.add_failure(keys, ttl))

    async def clear_failures(self, keys: Sequence[str]) -> None:
        await self._alone.clear_failures(keys)

        async def tell() -> None:
            await self._open().delete(*(f"failed:{key}" for key in keys))

        await self._or_alone(tell, _nothing)

    async def ping(self) -> None:
        """Raises Unavailable."""
        await self._guarded(self._open().ping)

    async def close(self) -> None:
        opened, self._redis = self._redis, None
        if opened is not None:
            await opened.aclose()
            await opened.connection_pool.aclose()

    # -- calls ----------------------------------------------------------------------------------------------------

    async def _or_alone(self, ask: Callable[[], Awaitable[T]], alone: Callable[[], Awaitable[T]]) -> T:
        async def told() -> T:
            await self._tell_untold()
            return await ask()

        try:
            return await self._guarded(told)
        except Unavailable:
            return await alone()

    async def _tell_untold(self) -> None:
        """What Redis missed comes before anything is believed of it."""
        if not self._untold:
            return
        now = self._clock.now().timestamp()
        due = dict(self._untold)
        left = [(name, state, int((until - now) * 1000)) for name, (state, until) in due.items() if until > now]
        if left:
            await self._set(left)
        for name, told in due.items():
            if self._untold.get(name) == told:
                del self._untold[name]

    async def _guarded(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._guard.call():
            try:
                return await ask()
            except (RedisError, OSError) as error:
                log.warning("redis does not answer: %s", type(error).__name__)
                raise Unavailable from error

    async def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        """One trip: the script's digest; only a Redis that was restarted needs its text."""
        redis = self._open()
        if script not in self._scripts:
            self._scripts[script] = redis.register_script(script)
        return await self._scripts[script](keys=keys, args=arguments, client=redis)

    def _open(self) -> Redis:
        if self._redis is None:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=POOL,
                timeout=READ_SECONDS,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=READ_SECONDS,
                health_check_interval=CHECK_IDLE_SECONDS,
                retry=Retry(NoBackoff(), 1, (ConnectionError,)),  # a connection that was dropped while it was idle
                **({"credential_provider": self._credentials} if self._credentials else {}),
            )
            self._redis = Redis(connection_pool=pool)
            self._scripts = {}
        return self._redis


_GUEST: Final = "g"
"""In place of whether the address is verified, as a guest has none."""


def encode_state(state: SessionState) -> str:
    standing = _GUEST if state.guest else str(int(state.verified))
    return f"{int(state.revoked)}{standing}{state.role}"


def decode_state(said: bytes | None) -> SessionState | None:
    """None for what is not known, or not understood: a later release may write more."""
    text = (said or b"").decode("utf-8", "replace")
    if len(text) < 3 or text[0] not in {"0", "1"} or text[1] not in {"0", "1", _GUEST}:  # noqa: PLR2004 - and a role
        return None
    return SessionState(revoked=text[0] == "1", verified=text[1] == "1", role=text[2:], guest=text[1] == _GUEST)


def _session_key(session_id: str) -> str:
    return f"session:{session_id}"


def _millis(duration: timedelta) -> int:
    return max(1, int(duration.total_seconds() * 1000))


async def _nothing() -> None:
    return
