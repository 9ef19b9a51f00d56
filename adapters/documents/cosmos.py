"""The document store in Azure Cosmos DB for NoSQL.

One client for the process, built at the first call. Every call ends within `TIMEOUT_SECONDS`, whatever the service
does. What is retried, and why so little: `pause` in `adapters/documents/cosmos_errors.py`. A write whose answer is lost
is not sent again: it raises Unavailable, and *may have happened*. Callers bear that as they bear a lost race: their
writes are idempotent by item id, or judged anew. See `docs/adr/0011-writes-without-an-answer.md`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from adapters.documents import cosmos_query, rules
from adapters.documents.cosmos_errors import logger, pause, translate
from adapters.documents.indexing import indexing_policy
from adapters.resilience import Guard, Limits
from domain.kernel.containers import CONTAINERS, Container
from domain.kernel.documents import (
    Create,
    Delete,
    Item,
    Operation,
    Patch,
    Query,
    Replace,
    Stored,
    StoreThrottled,
    Upsert,
)
from domain.kernel.errors import Unavailable

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 2.5
JOB_TIMEOUT_SECONDS: Final = 20.0
GUARD: Final = Limits(slots=64)
_SYSTEM_MEMBERS: Final = ("_rid", "_self", "_etag", "_attachments", "_ts")


class CosmosDocuments:
    """A `DocumentStore`. Belongs to one event loop."""

    def __init__(
        self,
        endpoint: str,
        database: str,
        *,
        key: str | None = None,
        credential: Callable[[], AsyncTokenCredential] | None = None,
        guard: Guard | None = None,
        containers: Sequence[Container] = CONTAINERS,
    ) -> None:
        """Connects to nothing yet. *key* is for emulators; else the *credential* signs in."""
        self._endpoint = endpoint
        self._database = database
        self._key = key
        self._credential = credential
        self._guard = guard or Guard("documents", GUARD, answered=(StoreThrottled,))
        self._containers = {container.name: container for container in containers}
        self._client: CosmosClient | None = None
        self._proxies: dict[str, ContainerProxy] = {}
        self._closed = False

    async def find(self, container: str, pk: str, item_id: str) -> Stored | None:
        if not rules.is_key(pk, item_id):
            return None

        async def read() -> Stored | None:
            items = await self._container(container)
            try:
                return _stored(await items.read_item(item_id, partition_key=pk))
            except CosmosResourceNotFoundError:
                return None

        return await self._call(read, resend=True)

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        rules.check_find_many(keys)
        wanted = list(dict.fromkeys(key for key in keys if rules.is_key(*key)))
        if not wanted:
            return [None] * len(keys)

        async def read() -> list[Any]:
            items = await self._container(container)
            return list(await items.read_items([(item_id, pk) for pk, item_id in wanted], max_item_count=len(wanted)))

        # The SDK sorts what it found by id alone, and ours repeat from one partition to the next.
        found = {(item["pk"], item["id"]): _stored(item) for item in await self._call(read, resend=True)}
        return [found.get(key) for key in keys]

    async def create(self, container: str, item: Item) -> Stored:
        rules.encode_item(item)

        async def write() -> Stored:
            return _stored(await (await self._container(container)).create_item(item))

        return await self._call(write)

    async def upsert(self, container: str, item: Item) -> Stored:
        rules.encode_item(item)

        async def write() -> Stored:
            return _stored(await (await self._container(container)).upsert_item(item))

        return await self._call(write)

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        rules.encode_item(item)

        async def write() -> Stored:
            items = await self._container(container)
            return _stored(await items.replace_item(item["id"], item, **_condition(if_match)))

        return await self._call(write)

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        rules.check_patch(change)
        rules.check_key(pk, change.id)

        async def write() -> Stored:
            items = await self._container(container)
            changes = _changes(change)
            return _stored(await items.patch_item(change.id, pk, changes, **_condition(change.if_match)))

        return await self._call(write)

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        rules.check_key(pk, item_id)

        async def write() -> None:
            items = await self._container(container)
            await items.delete_item(item_id, pk, **_condition(if_match))

        await self._call(write)

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        rules.check_batch(pk, operations)
        if not operations:
            return []

        async def write() -> list[Stored | None]:
            items = await self._container(container)
            done = await items.execute_item_batch([_batched(operation) for operation in operations], pk)
            return [
                None if isinstance(operation, Delete) else _stored(result["resourceBody"])
                for operation, result in zip(operations, done, strict=True)
            ]

        return await self._call(write)

    async def query(self, container: str, pk: str, query: Query) -> list[Stored]:
        return await self._query(container, pk, query, TIMEOUT_SECONDS)

    async def query_everywhere(self, container: str, query: Query) -> list[Stored]:
        return await self._query(container, None, query, JOB_TIMEOUT_SECONDS)

    async def ping(self) -> None:
        # A point read of nothing: 1 RU. Reading the database's properties would count against a small metadata quota.
        await self.find(next(iter(self._containers)), "ping", "ping")

    async def close(self) -> None:
        """May be called twice."""
        self._closed = True
        self._proxies.clear()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

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

        await self._call(create, seconds=JOB_TIMEOUT_SECONDS)

    async def _query(self, container: str, pk: str | None, query: Query, seconds: float) -> list[Stored]:
        rules.check_query(self._declared(container), query, everywhere=pk is None)
        text, parameters = cosmos_query.select(self._declared(container), pk, query)
        scope: dict[str, Any] = {} if pk is None else {"partition_key": pk}

        async def read() -> list[Stored]:
            items = await self._container(container)
            found = items.query_items(text, parameters=parameters, max_item_count=query.limit, **scope)
            return [_stored(item) async for item in found]

        return await self._call(read, resend=True, seconds=seconds)

    async def _call(
        self, action: Callable[[], Awaitable[T]], *, resend: bool = False, seconds: float = TIMEOUT_SECONDS
    ) -> T:
        """Do *action* within *seconds*; *resend* says that it may be sent again when its answer was lost."""
        async with self._guard.call():
            return await self._tried(action, resend=resend, seconds=seconds)

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

    def _declared(self, container: str) -> Container:
        try:
            return self._containers[container]
        except KeyError:
            raise ValueError(f"there is no container {container}") from None

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

    async def _container(self, name: str) -> ContainerProxy:
        if name not in self._proxies or self._closed:
            self._declared(name)
            proxy = self._connected().get_database_client(self._database).get_container_client(name)
            try:
                await proxy.read()  # the SDK would do it, and take a missing container for a missing item
            except CosmosResourceNotFoundError:
                logger.error("the document store has no container %s", name)
                raise Unavailable from None
            self._proxies[name] = proxy
        return self._proxies[name]


def _stored(item: Any) -> Stored:
    plain = dict(item)
    etag = plain["_etag"]
    for member in _SYSTEM_MEMBERS:
        plain.pop(member, None)
    return Stored(plain, etag)


def _condition(if_match: str | None) -> dict[str, Any]:
    return {} if if_match is None else {"etag": if_match, "match_condition": MatchConditions.IfNotModified}


def _changes(change: Patch) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {"op": "incr", "path": _pointer(path), "value": amount} for path, amount in change.incr.items()
    ]
    changes += [{"op": "set", "path": _pointer(path), "value": value} for path, value in change.set.items()]
    for path in change.remove:  # set first: the service refuses to remove what is absent
        pointer = _pointer(path)
        changes += [{"op": "set", "path": pointer, "value": None}, {"op": "remove", "path": pointer}]
    return changes


def _pointer(path: str) -> str:
    """RFC 6901; our paths have no slash within a member's name."""
    return "/" + path.replace("~", "~0")


def _batched(operation: Operation) -> tuple[Any, ...]:
    match operation:
        case Create(item):
            return "create", (item,)
        case Upsert(item):
            return "upsert", (item,)
        case Replace(item, if_match):
            return "replace", (item["id"], item), _batch_condition(if_match)
        case Patch():
            return "patch", (operation.id, _changes(operation)), _batch_condition(operation.if_match)
        case Delete(item_id, if_match):
            return "delete", (item_id,), _batch_condition(if_match)


def _batch_condition(if_match: str | None) -> dict[str, Any]:
    return {} if if_match is None else {"if_match_etag": if_match}
