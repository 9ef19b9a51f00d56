"""How the Azure SDKs' asyncio clients talk: bounded connections, short time-outs, nothing read from the environment."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

CONNECT_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 55.0
"""An idle connection is kept that long: shorter than any load balancer's patience."""


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
