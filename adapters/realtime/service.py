"""Microsoft's client of Azure Web PubSub: how it signs, how long it may take, what is tried again.

What a send costs us matters, because every chat message is one. CPU of the caller, 16 at a time, against a service on
the same machine (py-spy, cProfile): the client as it comes 520 µs; without reading proxy settings and `.netrc` from
disk for each request 350; without the policies that log, trace, decode and redirect 235; with the signature of a URL
used again for half its life 175; with a pipeline that is one function and an answer that is read before it is
returned 145. Bare aiohttp needs 60, and building the request, which is what the SDK is for, 41.
"""

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
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
from azure.core.pipeline import AsyncPipeline, PipelineContext, PipelineResponse
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

from adapters.azure_http import RETRIED, is_of_identity
from adapters.realtime.transport import Transport
from domain.kernel.errors import Unavailable

log = logging.getLogger(__name__)

TOTAL_SECONDS: Final = 2.8
"""For one call with its retries: a caller hears `service_unavailable` within three seconds."""
TRIES: Final = 3
FIRST_PAUSE: Final = 0.1
"""Seconds, doubled for each further try, with jitter."""
OUR_FAULT: Final = frozenset({400, 404, 413, 415})
SCOPE: Final = "https://webpubsub.azure.com/.default"
_TOKEN_SECONDS: Final = 60
_TOKENS_KEPT: Final = 4096

Call = Callable[[WebPubSubServiceClient], Awaitable[Any]]


def keyed(endpoint: str, hub: str, key: str) -> WebPubSubServiceClient:
    """A client whose calls are signed with an access key."""
    pipeline = KeyedPipeline(Transport(), SignedUrls(key))
    return WebPubSubServiceClient(endpoint, hub, AzureKeyCredential(key), pipeline=pipeline)


def identified(endpoint: str, hub: str, credential: AsyncTokenCredential) -> WebPubSubServiceClient:
    """A client that signs in; making a client's access token is one call then."""
    policies = [AsyncBearerTokenCredentialPolicy(credential, SCOPE)]
    return WebPubSubServiceClient(endpoint, hub, credential, policies=policies, transport=Transport())


class Service:
    """The client within its bounds. Every call is safe to repeat, so each is tried up to three times."""

    def __init__(self, client: WebPubSubServiceClient) -> None:
        self._client = client

    async def call(self, what: str, call: Call, *, missing: bool = False) -> Any:
        """Raises Unavailable; what the SDK raises where we asked for nonsense, or, unless *missing*, for a 404."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._tried(call)
        except ResourceNotFoundError:
            if missing:
                return None
            raise
        except (TimeoutError, AzureError, aiohttp.ClientError, OSError) as error:
            status = getattr(error, "status_code", None)
            if status in OUR_FAULT and not is_of_identity(error):
                raise
            log.warning("realtime %s failed: %s %s", what, type(error).__name__, status or "")
            raise Unavailable(retry_after=_retry_after(error) or 1) from error

    async def _tried(self, call: Call) -> Any:
        for tried in range(1, TRIES):
            try:
                return await call(self._client)
            except (ServiceRequestError, ServiceResponseError, HttpResponseError) as error:
                if isinstance(error, HttpResponseError) and error.status_code not in RETRIED:
                    raise
                pause = _pause(tried, error)
                if pause >= TOTAL_SECONDS:
                    raise
                await asyncio.sleep(pause)
        return await call(self._client)

    async def close(self) -> None:
        await self._client.close()


class SignedUrls:
    """The service's key authentication: a token for one URL, good for a minute, used again for half of that."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def sign(self, request: HttpRequest) -> None:
        url = request.url
        token, until = self._tokens.get(url, ("", 0.0))
        now = time.time()
        if until < now:
            token = jwt.encode({"aud": url, "exp": int(now) + _TOKEN_SECONDS}, self._key, algorithm="HS256")
            self._tokens[url] = token, now + _TOKEN_SECONDS / 2
            self._tokens.move_to_end(url)
            if len(self._tokens) > _TOKENS_KEPT:
                self._tokens.popitem(last=False)
        request.headers["Authorization"] = f"Bearer {token}"


class KeyedPipeline(AsyncPipeline[HttpRequest, AsyncHttpResponse]):
    """Sign and send: with a key nothing else happens to a request, and no request of ours has several parts."""

    def __init__(self, transport: Transport, signatures: SignedUrls) -> None:
        super().__init__(transport)
        self._to = transport
        self._signatures = signatures

    async def run(self, request: HttpRequest, **_: Any) -> PipelineResponse[HttpRequest, AsyncHttpResponse]:
        self._signatures.sign(request)
        return PipelineResponse(request, await self._to.send(request), PipelineContext(self._to))


def read_connection_string(text: str) -> tuple[str, str]:
    """The endpoint and the key. Raises ValueError without showing either."""
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    named = {name.strip().lower(): value.strip() for name, value in parts.items()}
    endpoint, key = named.get("endpoint", "").rstrip("/"), named.get("accesskey", "")
    if not endpoint.startswith(("http://", "https://")) or not key:
        raise ValueError("the Web PubSub connection string is not Endpoint=https://...;AccessKey=...;")
    return endpoint + (f":{named['port']}" if named.get("port") else ""), key


def _pause(tried: int, error: Exception) -> float:
    """Seconds before the next try: what the service asks for, or growing by itself. The total time is bounded."""
    asked = _retry_after(error)
    return asked if asked is not None else FIRST_PAUSE * 2 ** (tried - 1) * random.uniform(0.5, 1.5)  # noqa: S311


def _retry_after(error: Exception) -> float | None:
    response: Any = getattr(error, "response", None)
    text = response.headers.get("Retry-After", "") if response is not None else ""
    return float(text) if text.isdigit() else None
