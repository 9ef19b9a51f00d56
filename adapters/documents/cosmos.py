"""The document store in Azure Cosmos DB for NoSQL.

Every call ends within `TIMEOUT_SECONDS`, whatever the service does. A write whose answer is lost is not sent again: it
raises Unavailable, and *may have happened*. Callers bear that as they bear a lost race: their writes are idempotent by
item id, or judged anew. See `docs/adr/0011-writes-without-an-answer.md`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from adapters.documents import cosmos_query, rules
from adapters.documents.cosmos_connection import JOB_TIMEOUT_SECONDS, TIMEOUT_SECONDS, CosmosConnection
from adapters.documents.cosmos_items import batched, changes, condition, stored
from adapters.resilience import Guard, Limits
from domain.kernel.containers import CONTAINERS, Container
from domain.kernel.documents import Delete, Item, Operation, Patch, Query, Stored, StoreThrottled

GUARD: Final = Limits(slots=64)


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
        self._connection = CosmosConnection(
            endpoint,
            database,
            key=key,
            credential=credential,
            guard=guard or Guard("documents", GUARD, answered=(StoreThrottled,)),
            containers=containers,
        )

    async def find(self, container: str, pk: str, item_id: str) -> Stored | None:
        if not rules.is_key(pk, item_id):
            return None

        async def read() -> Stored | None:
            items = await self._connection.container(container)
            try:
                return stored(await items.read_item(item_id, partition_key=pk))
            except CosmosResourceNotFoundError:
                return None

        return await self._connection.call(read, resend=True)

    async def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        rules.check_find_many(keys)
        wanted = list(dict.fromkeys(key for key in keys if rules.is_key(*key)))
        if not wanted:
            return [None] * len(keys)

        async def read() -> list[Any]:
            items = await self._connection.container(container)
            return list(await items.read_items([(item_id, pk) for pk, item_id in wanted], max_item_count=len(wanted)))

        # The SDK sorts what it found by id alone, and ours repeat from one partition to the next.
        found = {(item["pk"], item["id"]): stored(item) for item in await self._connection.call(read, resend=True)}
        return [found.get(key) for key in keys]

    async def create(self, container: str, item: Item) -> Stored:
        rules.encode_item(item)

        async def write() -> Stored:
            return stored(await (await self._connection.container(container)).create_item(item))

        return await self._connection.call(write)

    async def upsert(self, container: str, item: Item) -> Stored:
        rules.encode_item(item)

        async def write() -> Stored:
            return stored(await (await self._connection.container(container)).upsert_item(item))

        return await self._connection.call(write)

    async def replace(self, container: str, item: Item, *, if_match: str | None = None) -> Stored:
        rules.encode_item(item)

        async def write() -> Stored:
            items = await self._connection.container(container)
            return stored(await items.replace_item(item["id"], item, **condition(if_match)))

        return await self._connection.call(write)

    async def patch(self, container: str, pk: str, change: Patch) -> Stored:
        rules.check_patch(change)
        rules.check_key(pk, change.id)

        async def write() -> Stored:
            items = await self._connection.container(container)
            steps = changes(change)
            return stored(await items.patch_item(change.id, pk, steps, **condition(change.if_match)))

        return await self._connection.call(write)

    async def delete(self, container: str, pk: str, item_id: str, *, if_match: str | None = None) -> None:
        rules.check_key(pk, item_id)

        async def write() -> None:
            items = await self._connection.container(container)
            await items.delete_item(item_id, pk, **condition(if_match))

        await self._connection.call(write)

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        rules.check_batch(pk, operations)
        if not operations:
            return []

        async def write() -> list[Stored | None]:
            items = await self._connection.container(container)
            done = await items.execute_item_batch([batched(operation) for operation in operations], pk)
            return [
                None if isinstance(operation, Delete) else stored(result["resourceBody"])
                for operation, result in zip(operations, done, strict=True)
            ]

        return await self._connection.call(write)

    async def query(self, container: str, pk: str, query: Query) -> list[Stored]:
        return await self._query(container, pk, query, TIMEOUT_SECONDS)

    async def query_everywhere(self, container: str, query: Query) -> list[Stored]:
        return await self._query(container, None, query, JOB_TIMEOUT_SECONDS)

    async def ping(self) -> None:
        await self._connection.ping()

    async def close(self) -> None:
        """May be called twice."""
        await self._connection.close()

    async def ensure_containers(self) -> None:
        """Create the database and its containers where they are missing: for emulators. Azure has Bicep for that."""
        await self._connection.ensure_containers()

    async def _query(self, container: str, pk: str | None, query: Query, seconds: float) -> list[Stored]:
        rules.check_query(self._connection.declared(container), query, everywhere=pk is None)
        text, parameters = cosmos_query.select(self._connection.declared(container), pk, query)
        scope: dict[str, Any] = {} if pk is None else {"partition_key": pk}

        async def read() -> list[Stored]:
            items = await self._connection.container(container)
            found = items.query_items(text, parameters=parameters, max_item_count=query.limit, **scope)
            return [stored(item) async for item in found]

        return await self._connection.call(read, resend=True, seconds=seconds)
