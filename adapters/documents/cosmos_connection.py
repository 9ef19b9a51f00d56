"""The one client of Cosmos DB in this process, and how a call goes through it: guarded, bounded, seldom repeated.

What is repeated, and why so little: `pause` in `cosmos_errors.py`, and `docs/adr/0011-writes-without-an-answer.md`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from adapters.documents.cosmos_errors import logger, pause, translate
from adapters.documents.indexing import indexing_policy
from adapters.resilience import Guard
from domain.kernel.containers import Container
from domain.kernel.errors import Unavailable

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 2.5
JOB_TIMEOUT_SECONDS: Final = 20.0


class CosmosConnection:
    """Connects at the first call. *key* is for emulators; else the *credential* signs in. Belongs to one event loop."""

    def __init__(
        self,
        endpoint: str,
        database: str,
        *,
        key: str | None,
        credential: Callable[[], AsyncTokenCredential] | None,
        guard: Guard,
        containers: Sequence[Container],
    ) -> None:
        self._endpoint = endpoint
        self._database = database
        self._key = key
        self._credential = credential
        self._guard = guard
        self._containers = {container.name: container for container in containers}
        self._client: CosmosClient | None = None
        self._proxies: dict[str, ContainerProxy] = {}
        self._closed = False

    def declared(self, container: str) -> Container:
        """What the code says of *container*. Raises ValueError for one that it does not name."""
        try:
            return self._containers[container]
        except KeyError:
            raise ValueError(f"there is no container {container}") from None

    async def container(self, name: str) -> ContainerProxy:
        """Raises Unavailable where the service has none of that name."""
        if name not in self._proxies or self._closed:
            self.declared(name)
            proxy = self._connected().get_database_client(self._database).get_container_client(name)
            try:
                await proxy.read()  # the SDK would do it, and take a missing container for a missing item
            except CosmosResourceNotFoundError:
                logger.error("the document store has no container %s", name)
                raise Unavailable from None
            self._proxies[name] = proxy
        return self._proxies[name]

    async def call(
        self, action: Callable[[], Awaitable[T]], *, resend: bool = False, seconds: float = TIMEOUT_SECONDS
    ) -> T:
        """Do *action* within *seconds*; *resend* says that it may be sent again when its answer was lost.

        Raises Unavailable, and the port's words for what the service answered.
        """
        async with self._guard.call():
            return await self._tried(action, resend=resend, seconds=seconds)

    async def ensure_containers(self) -> None:
        """Create the database and its containers where they are missing: for emulators. Azure has Bicep for that."""

        async def create() -> None:
            database = await self._connected().create_database_if_not_exists(self._database)
            for container in self._containers.values():
                await database.create_container_if_not_exists(
                    container.name,
                    PartitionKey(path="/pk"),
                    indexing_policy=indexing_policy(container),
                    default_ttl=-1,
                )

        await self.call(create, seconds=JOB_TIMEOUT_SECONDS)

    async def ping(self) -> None:
        """A point read of nothing: 1 RU. The database's properties would count against a small metadata quota."""

        async def read() -> None:
            items = await self.container(next(iter(self._containers)))
            try:
                await items.read_item("ping", partition_key="ping")
            except CosmosResourceNotFoundError:
                return

        await self.call(read, resend=True)

    async def close(self) -> None:
        """May be called twice."""
        self._closed = True
        self._proxies.clear()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _tried(self, action: Callable[[], Awaitable[T]], *, resend: bool, seconds: float) -> T:
        attempt, waited = 0, 0.0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    attempt += 1
                    try:
                        return await action()
                    except AzureError as error:
                        wait = pause(error, attempt=attempt, waited=waited, resend=resend)
                        if wait is None:
                            raise translate(error) from None
                    waited += wait
                    await asyncio.sleep(wait)
        except TimeoutError:
            logger.warning("the document store takes longer than %s s", seconds)
            raise Unavailable from None

    def _connected(self) -> CosmosClient:
        if self._closed:
            raise Unavailable
        if self._client is None:
            signing: Any = self._key or (self._credential() if self._credential else None)
            if signing is None:
                raise ValueError("neither a key nor a credential")
            # It logs every request at INFO, the partition key (a user's id) with it.
            logging.getLogger("azure.cosmos").setLevel(logging.WARNING)
            self._client = CosmosClient(
                self._endpoint,
                signing,
                # One region; its host name follows a failover by itself. With discovery, writes may be sent twice.
                enable_endpoint_discovery=False,
                enable_compact_utf8_item_writes=True,
                connection_timeout=2,
                read_timeout=2.5,
                # The SDK retries nothing, see `pause`. (It takes a throttle total of 0 for its default of 9.)
                retry_total=0,
                retry_connect=0,
                retry_read=0,
                retry_status=0,
                retry_throttle_total=-1,
            )
        return self._client
