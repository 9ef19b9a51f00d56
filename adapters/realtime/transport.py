"""The HTTP under Microsoft's client: aiohttp without what a call that answers `202` and no body has no use for.

Azure Core's own transport gives each answer an object that can stream, decompress and pretend to be its predecessor:
40 of the 184 µs that a send cost (py-spy, `python -m bench.realtime`). Here an answer is read whole before it is given
back, and never is a large one.
"""

import json
from collections.abc import AsyncIterator, MutableMapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from adapters.azure_http import CONNECT_SECONDS, IDLE_SECONDS

READ_SECONDS: Final = 2.0
POOL: Final = 32
"""Connections to the service: more calls at once wait for one."""
_ERROR: Final = 400


class Transport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Follows no redirect, reads neither proxy settings nor `.netrc`, keeps no cookies. Opens with the first call."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._opened()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    async def send(self, request: HttpRequest, **_: Any) -> AsyncHttpResponse:
        """Raises ServiceRequestError where nothing was sent, ServiceResponseError where no whole answer came."""
        content: Any = request.content
        if isinstance(content, str):
            content = content.encode()
        try:
            async with self._opened().request(
                request.method, request.url, data=content, headers=request.headers, allow_redirects=False
            ) as answer:
                return Answer(request, answer, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ServiceRequestError(error, error=error) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceResponseError(error, error=error) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
                skip_auto_headers=("Accept-Encoding", "User-Agent"),
            )
        return self._session


class Answer(AsyncHttpResponse):
    """An answer that is here, whole."""

    def __init__(self, request: HttpRequest, answer: aiohttp.ClientResponse, body: bytes) -> None:
        self._request = request
        self._answer = answer
        self._body = body
        self._encoding: str | None = None

    @property
    def request(self) -> HttpRequest:
        return self._request

    @property
    def status_code(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._answer.headers.copy()

    @property
    def reason(self) -> str:
        return self._answer.reason or ""

    @property
    def content_type(self) -> str | None:
        return self._answer.headers.get("Content-Type")

    @property
    def is_closed(self) -> bool:
        return True

    @property
    def is_stream_consumed(self) -> bool:
        return True

    @property
    def encoding(self) -> str | None:
        return self._encoding or self._answer.charset

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        return self._request.url

    @property
    def content(self) -> bytes:
        return self._body

    def text(self, encoding: str | None = None) -> str:
        return self._body.decode(encoding or self.encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        return json.loads(self._body)

    def raise_for_status(self) -> None:
        if self.status_code >= _ERROR:
            raise HttpResponseError(response=self)

    async def read(self) -> bytes:
        return self._body

    async def iter_raw(self, **_: Any) -> AsyncIterator[bytes]:
        yield self._body

    async def iter_bytes(self, **_: Any) -> AsyncIterator[bytes]:
        yield self._body

    async def close(self) -> None:
        """It never held on to its connection."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()
