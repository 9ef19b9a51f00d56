"""`siteverify`, as Cloudflare Turnstile, hCaptcha and reCAPTCHA all speak it: one form post, one JSON answer."""

from typing import Any, Final

import aiohttp

from domain.kernel.errors import Unavailable

SECONDS: Final = 5
CONNECTIONS: Final = 10
RETRY_AFTER_SECONDS: Final = 5.0


class Siteverify:
    """One attempt of at most 5 seconds: tokens serve once, so a second try would be refused anyway."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def passed(self, token: str, *, address: str | None) -> bool:
        """Whether the service gave out *token* for a solved challenge. Raises Unavailable."""
        form = {"secret": self._secret, "response": token}
        if address is not None:
            form["remoteip"] = address
        try:
            async with self._client().post(self._url, data=form) as response:
                response.raise_for_status()
                answer: Any = await response.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise Unavailable(retry_after=RETRY_AFTER_SECONDS) from error
        return isinstance(answer, dict) and answer.get("success") is True

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SECONDS), connector=aiohttp.TCPConnector(limit=CONNECTIONS)
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
