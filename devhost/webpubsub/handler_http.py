"""The HTTP client that asks event handlers. aiohttp comes with the first question: see `http.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Final

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from devhost.webpubsub.abuse_protection import Unreachable
from devhost.webpubsub.connection import EventFailed

ASKING: Final = aiohttp.ClientTimeout(total=10)
AT_ONCE: Final = 64
"""Events under way; later ones wait. Each connection that is kept open costs both ends 25 KB: 512 of them were a
third of what a thousand sockets took."""
MAX_ANSWER: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    cookies: SimpleCookie

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004


class HandlerHttp:
    """One pool of connections to all handlers. Follows no redirect."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=AT_ONCE),
            timeout=aiohttp.ClientTimeout(total=None),  # who asks bounds all tries together
            headers={"User-Agent": "Microsoft-Azure-WebPubSub/1.0 (local)"},
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises Unreachable, EventFailed for an answer that is too large."""
        try:
            async with self._session.post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = bytearray()
                async for chunk in response.content.iter_any():
                    answer += chunk
                    if len(answer) > MAX_ANSWER:
                        raise EventFailed("The event handler's answer is too large.")
                return Answer(response.status, response.headers, bytes(answer), response.cookies)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable from error

    async def validate(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[int, list[str]]:
        """The status, and each `WebHook-Allowed-Origin`. Raises Unreachable."""
        try:
            async with self._session.request(
                method, url, headers=headers, allow_redirects=False, timeout=ASKING
            ) as response:
                return response.status, response.headers.getall("WebHook-Allowed-Origin", [])
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Unreachable from error

    async def close(self) -> None:
        await self._session.close()
