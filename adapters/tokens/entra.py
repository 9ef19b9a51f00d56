"""Entra's tokens with which a service of Azure signs in to us: who it is, and that it means us.

A JWT signed with RS256 by one of the tenant's keys, which Entra publishes and turns over without notice (OpenID Connect
discovery; RFC 8725 for what to refuse). The keys are kept, and fetched again in the background; a token that names an
unknown key has them fetched at once, but not more often than `UNKNOWN_EVERY`, since anybody can send one.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import aiohttp
import jwt
from jwt.types import Options

from adapters.resilience import Guard, Limits
from domain.kernel.clock import Clock, epoch_seconds
from domain.kernel.errors import Forbidden, Unavailable

log = logging.getLogger(__name__)
LOGIN: Final = "https://login.microsoftonline.com"
ISSUERS: Final = ("https://sts.windows.net/{tenant}/", LOGIN + "/{tenant}/v2.0")
"""Which of the two depends on the version of tokens that the audience's registration asks for."""
ALGORITHM: Final = "RS256"
MAX_CHARS: Final = 8192
FRESH_FOR: Final = 6 * 3600.0
UNKNOWN_EVERY: Final = 30.0
SECONDS: Final = 3.0
RETRY_AFTER_SECONDS: Final = 5.0
GUARD: Final = Limits(slots=1, failures=3)
_CLOCKS_DIFFER_BY: Final = 300
_OPTIONS: Final[Options] = {
    "require": ["iss", "aud", "oid", "exp"],
    # Times are compared with our clock below, not with the system's.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class BadServiceToken(Forbidden):
    """Not a token of the service we expect, for us, valid now."""


class EntraTokens:
    """Takes tokens of *principal* (an object id) in *tenant* for *audience*, and no others."""

    def __init__(
        self,
        tenant: str,
        audience: str,
        principal: str,
        clock: Clock,
        *,
        login: str = LOGIN,
        guard: Guard | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys_url = f"{login}/{tenant}/discovery/v2.0/keys"
        self._issuers = [issuer.format(tenant=tenant) for issuer in ISSUERS]
        self._audience = audience
        self._principal = principal
        self._clock = clock
        self._guard = guard or Guard("entra", GUARD)
        self._now = now
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = -FRESH_FOR
        self._asked_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    async def check(self, authorization: str | None) -> None:
        """*authorization* is the request's header. Raises BadServiceToken, and Unavailable without Entra's keys."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_CHARS:
            raise BadServiceToken
        try:
            kid = str(jwt.get_unverified_header(token).get("kid", ""))
            claims = jwt.decode(
                token,
                await self._key(kid),
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuers,
                options=_OPTIONS,
            )
        except jwt.InvalidTokenError as error:
            raise BadServiceToken from error
        self._judge(claims)

    def _judge(self, claims: dict[str, Any]) -> None:
        now, ends, begins = epoch_seconds(self._clock.now()), claims["exp"], claims.get("nbf", 0)
        timely = begins - _CLOCKS_DIFFER_BY <= now < ends + _CLOCKS_DIFFER_BY
        if not timely or claims["oid"] != self._principal:
            raise BadServiceToken

    async def ping(self) -> None:
        """Raises Unavailable where Entra's keys are neither known nor to be had."""
        if self._now() - self._read_at >= FRESH_FOR:
            await asyncio.shield(self._read())
        if not self._keys:
            raise Unavailable(retry_after=RETRY_AFTER_SECONDS)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys and self._may_ask():
            await asyncio.shield(self._read())
        elif self._now() - self._read_at >= FRESH_FOR and self._may_ask():
            self._read()
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise Unavailable(retry_after=RETRY_AFTER_SECONDS)
        raise BadServiceToken

    def _may_ask(self) -> bool:
        """While a reading is under way its result is for everyone; after it, there is a pause."""
        if self._reading is not None and not self._reading.done():
            return True
        now = self._now()
        if self._keys and self._asked_at is not None and now - self._asked_at < UNKNOWN_EVERY:
            return False
        self._asked_at = now
        return True

    def _read(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._fetch())
        return self._reading

    async def _fetch(self) -> None:
        """Never raises: the last known keys stay good, and where there are none `_key` tells."""
        with suppress(Unavailable):
            async with self._guard.call():
                published = await self._published()
            self._keys = {key.key_id: key for key in published.keys if key.key_id}
            self._read_at = self._now()

    async def _published(self) -> jwt.PyJWKSet:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
                session.get(self._keys_url) as response,
            ):
                response.raise_for_status()
                return jwt.PyJWKSet.from_dict(await response.json(content_type=None))
        except (TimeoutError, aiohttp.ClientError, ValueError, AttributeError, TypeError, jwt.PyJWKSetError) as error:
            log.warning("Entra's keys are not to be had: %s", type(error).__name__)
            raise Unavailable(retry_after=RETRY_AFTER_SECONDS) from error
