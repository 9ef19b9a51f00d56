"""How we talk to Azure by its asyncio SDKs: bounded connections, short time-outs, few retries, nothing read from the
environment.

Each call goes through `ask`: behind the dependency's guard, within a time, repeated after pauses of ours. The SDKs' own
retries wait longer than a caller does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from adapters.resilience import Guard
from domain.kernel.errors import Unavailable

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

log = logging.getLogger(__name__)
T = TypeVar("T")

CONNECT_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 55.0
"""An idle connection is kept that long: shorter than any load balancer's patience, longer than most pauses in talk."""
RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Answers that may be another one in a moment."""
NOT_FOUND: Final = 404
PRECONDITION_FAILED: Final = 412


def open_transport(*, pool: int, read_seconds: float, verify: bool | str = True) -> "AioHttpTransport":
    """Needs a running event loop. *pool* connections at most; *verify* may name a certificate to trust (tests)."""
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=pool, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    return AioHttpTransport(
        session=session,
        use_env_settings=False,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        connection_verify=verify,
    )


async def ask(
    guard: Guard,
    action: Callable[[], Awaitable[T]],
    *,
    seconds: float,
    pauses: Sequence[float] = (),
    answers: frozenset[int] = frozenset(),
    retry_after: float = 1.0,
) -> T:
    """Do *action* behind *guard*, within *seconds* in all; again after each of *pauses*, so it must be safe to repeat.

    Raises Unavailable, with *retry_after*; for one of the statuses in *answers* what the SDK raised, because that is
    the service's answer and no failure. The log gets no more than the error's name and status: messages of the SDKs
    hold URLs, and those hold ids.
    """
    async with guard.call():
        try:
            async with asyncio.timeout(seconds):
                return await _tried(action, pauses)
        except (TimeoutError, AzureError, OSError) as error:
            status = getattr(error, "status_code", None)
            if status in answers and not is_of_identity(error):
                raise
            log.warning("%s does not answer: %s %s", guard.name, type(error).__name__, status or "")
            raise Unavailable(retry_after=retry_after) from error


def is_of_identity(error: BaseException) -> bool:
    """Whether we were not signed in. Its status is then the identity endpoint's, and no word of the service's."""
    return isinstance(error, ClientAuthenticationError)


async def _tried(action: Callable[[], Awaitable[T]], pauses: Sequence[float]) -> T:
    for pause in pauses:
        try:
            return await action()
        except AzureError as error:
            if isinstance(error, HttpResponseError) and error.status_code not in RETRIED:
                raise
        await asyncio.sleep(pause)
    return await action()
