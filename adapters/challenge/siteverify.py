"""`siteverify`, as Cloudflare Turnstile, hCaptcha and reCAPTCHA all speak it: one form post, one JSON answer."""

import logging
from typing import Any, Final

import aiohttp

from adapters.resilience import Guard, Limits
from domain.kernel.errors import Unavailable

log = logging.getLogger(__name__)

SECONDS: Final = 5
CONNECTIONS: Final = 10
RETRY_AFTER_SECONDS: Final = 5.0
GUARD: Final = Limits(slots=CONNECTIONS)
PING: Final = "ping"
"""No token: the service says so, or that it does not know our secret."""


class Siteverify:
    """One attempt of at most 5 seconds: tokens serve once, so a second try would be refused anyway."""

    def __init__(self, url: str, secret: str, *, guard: Guard | None = None) -> None:
        self._url = url
        self._secret = secret
        self._guard = guard or Guard("challenge", GUARD)
        self._session: aiohttp.ClientSession | None = None

    async def passed(self, token: str, *, address: str | None) -> bool:
        """Whether the service gave out *token* for a solved challenge. Raises Unavailable."""
        more = {} if address is None else {"remoteip": address}
        return (await self._ask(token, **more)).get("success") is True

    async def ping(self) -> None:
        """Proves that the service is there and knows our secret. Raises Unavailable."""
        faults = (await self._ask(PING)).get("error-codes")
        if isinstance(faults, list) and any("secret" in str(fault) for fault in faults):
            log.error("the challenge service does not know our secret")
            raise Unavailable(retry_after=RETRY_AFTER_SECONDS)

    async def _ask(self, token: str, **more: str) -> dict[str, Any]:
        form = {"secret": self._secret, "response": token, **more}
        async with self._guard.call():
            try:
                async with self._client().post(self._url, data=form) as response:
                    response.raise_for_status()
                    answer: Any = await response.json(content_type=None)
            except (TimeoutError, aiohttp.ClientError, ValueError) as error:
                raise Unavailable(retry_after=RETRY_AFTER_SECONDS) from error
        return answer if isinstance(answer, dict) else {}

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SECONDS), connector=aiohttp.TCPConnector(limit=CONNECTIONS)
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
