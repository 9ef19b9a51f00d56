"""The realtime port on Azure Web PubSub, through Microsoft's own client.

What a send costs us matters, because every chat message is one. Measured on this adapter, 16 at a time, against a
service on the same machine (CPU of the caller): the client as it comes 520 µs; without reading proxy settings and
`.netrc` from disk for each request 350; without the policies that log, trace, decode and redirect 235; with the
signature of a URL used again for half its life 175. Bare aiohttp needs 70. So: our own short list of policies, our
own session, and one bounded retry.
"""

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import aiohttp
import jwt
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, SansIOHTTPPolicy
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

from adapters.azure_http import RETRIED, open_transport
from adapters.resilience import Guard, Limits
from domain.kernel.errors import Unavailable
from domain.kernel.realtime import ClientAccess

log = logging.getLogger(__name__)

READ_SECONDS: Final = 2.0
TOTAL_SECONDS: Final = 2.8
"""For one call with its retries: a caller hears `service_unavailable` within three seconds."""
TRIES: Final = 3
FIRST_PAUSE: Final = 0.1
"""Seconds, doubled for each further try, with jitter."""
OUR_FAULT: Final = frozenset({400, 404, 413, 415})
POOL: Final = 32
"""Connections to the service: more calls at once wait for one."""
SCOPE: Final = "https://webpubsub.azure.com/.default"
_TOKEN_SECONDS: Final = 60
_TOKENS_KEPT: Final = 4096
_CHECK: Final = "ping"
GUARD: Final = Limits(slots=64)

Call = Callable[[WebPubSubServiceClient], Awaitable[Any]]


class WebPubSubRealtime:
    """Every call is safe to repeat, so each is tried up to three times: receivers know events by their id.

    With a *connection_string* its key signs; else the *credential* signs in at *endpoint*, and each
    `client_access` is one call to the service. Nothing is opened before the first call.
    """

    def __init__(
        self,
        hub: str,
        *,
        connection_string: str | None = None,
        endpoint: str | None = None,
        credential: Callable[[], AsyncTokenCredential] | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._hub = hub
        self._connection_string = connection_string
        self._endpoint = endpoint
        self._credential = credential
        self._guard = guard or Guard("realtime", GUARD)
        self._opened: WebPubSubServiceClient | None = None

    # -- port -----------------------------------------------------------------------------------------------------

    async def client_access(
        self, user_id: str, *, session_id: str, expires_in: timedelta, groups: Sequence[str] = ()
    ) -> ClientAccess:
        """A URL with a token for *user_id* and no role. Whole minutes, at least one.

        The session travels as the group `s.<session_id>`, because the SDK takes no claims of one's own: the connect
        event shows it in `claims["webpubsub.group"]`. An answer to that event that names groups must name it too.
        """
        minutes = max(1, int(expires_in.total_seconds() // 60))
        named = list(dict.fromkeys([_session_group(session_id), *groups]))
        access = await self._call(
            "client_access",
            lambda client: client.get_client_access_token(user_id=user_id, groups=named, minutes_to_expire=minutes),
        )
        return ClientAccess(access["url"], timedelta(minutes=minutes))

    async def send_to_group(self, group: str, event: dict[str, Any]) -> None:
        await self._call("send_to_group", lambda client: client.send_to_group(group, event))

    async def send_to_user(self, user_id: str, event: dict[str, Any]) -> None:
        await self._call("send_to_user", lambda client: client.send_to_user(user_id, event))

    async def add_user_to_group(self, group: str, user_id: str) -> None:
        """The user's open connections join; having none is fine."""
        try:
            await self._call("add_user_to_group", lambda client: client.add_user_to_group(group, user_id))
        except ResourceNotFoundError:
            return

    async def remove_user_from_group(self, group: str, user_id: str) -> None:
        await self._call("remove_user_from_group", lambda client: client.remove_user_from_group(group, user_id))

    async def close_user(self, user_id: str, *, reason: str) -> None:
        await self._call("close_user", lambda client: client.close_user_connections(user_id, reason=reason))

    async def close_session(self, session_id: str, *, reason: str) -> None:
        """Close the connections that were opened by one session."""
        group = _session_group(session_id)
        await self._call("close_session", lambda client: client.close_group_connections(group, reason=reason))

    async def ping(self) -> None:
        """Proves that the service answers *us*: its health page would answer anybody."""
        await self._call("ping", lambda client: client.connection_exists(_CHECK))

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    # -- calls ----------------------------------------------------------------------------------------------------

    async def _call(self, what: str, call: Call) -> Any:
        """Raises Unavailable; ResourceNotFoundError for a 404; what the SDK raises where we asked for nonsense."""
        async with self._guard.call():
            return await self._bounded(what, call)

    async def _bounded(self, what: str, call: Call) -> Any:
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._tried(call)
        except (TimeoutError, AzureError, aiohttp.ClientError, OSError) as error:
            status = getattr(error, "status_code", None)
            if status in OUR_FAULT:
                raise
            log.warning("realtime %s failed: %s %s", what, type(error).__name__, status or "")
            raise Unavailable(retry_after=_retry_after(error) or 1) from error

    async def _tried(self, call: Call) -> Any:
        for tried in range(1, TRIES):
            try:
                return await call(self._client())
            except (ServiceRequestError, ServiceResponseError, HttpResponseError) as error:
                if isinstance(error, HttpResponseError) and error.status_code not in RETRIED:
                    raise
                pause = _pause(tried, error)
                if pause >= TOTAL_SECONDS:
                    raise
                await asyncio.sleep(pause)
        return await call(self._client())

    def _client(self) -> WebPubSubServiceClient:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> WebPubSubServiceClient:
        transport = open_transport(pool=POOL, read_seconds=READ_SECONDS)
        if self._connection_string is not None:
            endpoint, key = read_connection_string(self._connection_string)
            return WebPubSubServiceClient(
                endpoint,
                self._hub,
                AzureKeyCredential(key),
                policies=[SignedUrls(key)],
                transport=transport,
            )
        if self._endpoint is None or self._credential is None:
            raise ValueError("neither a connection string, nor an endpoint with a credential")
        credential = self._credential()
        return WebPubSubServiceClient(
            self._endpoint,
            self._hub,
            credential,
            policies=[AsyncBearerTokenCredentialPolicy(credential, SCOPE)],
            transport=transport,
        )


class SignedUrls(SansIOHTTPPolicy[Any, Any]):
    """The service's key authentication: a token for one URL, good for a minute, used again for half of that."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self._tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def on_request(self, request: PipelineRequest[Any]) -> None:
        url = request.http_request.url
        token, until = self._tokens.get(url, ("", 0.0))
        now = time.time()
        if until < now:
            token = jwt.encode({"aud": url, "exp": int(now) + _TOKEN_SECONDS}, self._key, algorithm="HS256")
            self._tokens[url] = token, now + _TOKEN_SECONDS / 2
            self._tokens.move_to_end(url)
            if len(self._tokens) > _TOKENS_KEPT:
                self._tokens.popitem(last=False)
        request.http_request.headers["Authorization"] = f"Bearer {token}"


def read_connection_string(text: str) -> tuple[str, str]:
    """The endpoint and the key. Raises ValueError without showing either."""
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    named = {name.strip().lower(): value.strip() for name, value in parts.items()}
    endpoint, key = named.get("endpoint", "").rstrip("/"), named.get("accesskey", "")
    if not endpoint.startswith(("http://", "https://")) or not key:
        raise ValueError("the Web PubSub connection string is not Endpoint=https://...;AccessKey=...;")
    return endpoint + (f":{named['port']}" if named.get("port") else ""), key


def _session_group(session_id: str) -> str:
    return f"s.{session_id}"


def _pause(tried: int, error: Exception) -> float:
    """Seconds before the next try: what the service asks for, or growing by itself. The total time is bounded."""
    asked = _retry_after(error)
    return asked if asked is not None else FIRST_PAUSE * 2 ** (tried - 1) * random.uniform(0.5, 1.5)  # noqa: S311


def _retry_after(error: Exception) -> float | None:
    response: Any = getattr(error, "response", None)
    text = response.headers.get("Retry-After", "") if response is not None else ""
    return float(text) if text.isdigit() else None
