"""The queues in Azure Storage. Messages are plain text, as `messageEncoding: none` in host.json says.

Who consumes is the Functions host: it hides, deletes, retries and poisons. Sending a message twice is harmless, because
consumers are safe to run twice; so a send whose answer was lost is sent again.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient

from adapters.azure_http import ask, open_transport
from adapters.queues.messages import encode_message
from adapters.resilience import Guard, Limits
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import NO_DELAY

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

log = logging.getLogger(__name__)
T = TypeVar("T")

POOL: Final = 16
READ_SECONDS: Final = 2.0
TOTAL_SECONDS: Final = 2.8
PAUSES: Final = (0.1, 0.3)
"""Seconds before the second and the third try."""
GUARD: Final = Limits(slots=POOL)


class StorageQueue:
    """With a *connection_string* its key signs, and a missing queue is created (Azurite); at an *endpoint* the
    *credential* signs in, and the deployment has made the queues. Connects at the first call."""

    def __init__(
        self,
        *,
        connection_string: str | None = None,
        endpoint: str | None = None,
        credential: "Callable[[], AsyncTokenCredential] | None" = None,
        guard: Guard | None = None,
    ) -> None:
        self._connection_string = connection_string
        self._endpoint = endpoint
        self._credential = credential
        self._guard = guard or Guard("queue", GUARD)
        self._service: QueueServiceClient | None = None

    async def send(self, name: str, payload: dict[str, Any], *, delay: timedelta = NO_DELAY) -> None:
        """Raises ValueError for a payload that is too large, Unavailable."""
        body = encode_message(name, payload)
        hidden = int(delay.total_seconds())

        async def put() -> None:
            queue = self._open().get_queue_client(name)
            try:
                await queue.send_message(body, visibility_timeout=hidden, time_to_live=-1)  # none grows old unseen
            except ResourceNotFoundError:
                await self._create(name)
                await queue.send_message(body, visibility_timeout=hidden, time_to_live=-1)

        await self._call(put)

    async def ping(self) -> None:
        """Proves that the service answers *us*. Raises Unavailable."""

        async def look() -> None:
            async for _ in self._open().list_queues(results_per_page=1):
                return

        await self._call(look)

    async def close(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            await service.close()

    async def _create(self, name: str) -> None:
        if self._connection_string is None:
            log.error("there is no queue %s", name)
            raise Unavailable
        try:
            await self._open().create_queue(name)
        except ResourceExistsError:
            return

    async def _call(self, action: Callable[[], Awaitable[T]]) -> T:
        return await ask(self._guard, action, seconds=TOTAL_SECONDS, pauses=PAUSES)

    def _open(self) -> QueueServiceClient:
        if self._service is None:
            more: dict[str, Any] = {
                "transport": open_transport(pool=POOL, read_seconds=READ_SECONDS),
                "retry_total": 0,  # ours is shorter, see `ask`
            }
            if self._connection_string is not None:
                self._service = QueueServiceClient.from_connection_string(self._connection_string, **more)
            elif self._endpoint is not None and self._credential is not None:
                self._service = QueueServiceClient(self._endpoint, self._credential(), **more)
            else:
                raise ValueError("neither a connection string, nor an endpoint with a credential")
        return self._service
