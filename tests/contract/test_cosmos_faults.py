"""Cosmos DB misbehaves: what the adapter makes of it. The emulator's faults are in tests/cosmos_emulator/server.cjs."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.cosmos.aio import CosmosClient

from adapters.documents.cosmos import CosmosDocuments
from adapters.documents.indexing import indexing_policy
from adapters.resilience import Guard, Limits
from domain.kernel.containers import CONTAINERS, Container
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Patch,
    Query,
    Stored,
    StoreThrottled,
)
from domain.kernel.errors import Unavailable
from tests.servers import Server

pytestmark = pytest.mark.servers

THINGS = Container("things", "Made up.")
ITEM: Item = {"pk": "user:secret@example.org", "id": "account", "text": "private"}


def unmoved() -> Guard:
    """These tests fail on purpose, and want to see how each call fares by itself."""
    return Guard("documents", Limits(failures=1_000_000))


@pytest.fixture
async def store(cosmos_emulator: Server) -> AsyncGenerator[CosmosDocuments]:
    store = CosmosDocuments(cosmos_emulator.url, f"db-{uuid4()}", key="a2V5", containers=[THINGS], guard=unmoved())
    await store.ensure_containers()
    await store.ping()
    yield store
    await store.close()
    await control(cosmos_emulator, "_fault", count=0)


async def control(server: Server, what: str, **values: Any) -> Any:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{server.url}/{what}", json=values)
        return answer.json()


async def each_kind(store: DocumentStore) -> list[Any]:
    """One call of each kind, and what became of it."""
    calls = (
        lambda: store.find("things", "p", "1"),
        lambda: store.find_many("things", [("p", "1"), ("q", "2")]),
        lambda: store.query("things", "p", Query()),
        lambda: store.query_everywhere("things", Query()),
        lambda: store.create("things", {"pk": "p", "id": "1"}),
        lambda: store.upsert("things", {"pk": "p", "id": "1"}),
        lambda: store.replace("things", {"pk": "p", "id": "1"}),
        lambda: store.patch("things", "p", Patch("1", set={"n": 1})),
        lambda: store.batch("things", "p", [Create({"pk": "p", "id": "2"})]),
        lambda: store.delete("things", "p", "1"),
        store.ping,
    )
    results: list[Any] = []
    for call in calls:
        results += await asyncio.gather(call(), return_exceptions=True)
    return results


async def test_a_short_throttling_is_waited_out(store: CosmosDocuments, cosmos_emulator: Server) -> None:
    await control(cosmos_emulator, "_fault", status=429, count=3)
    stored = await store.create("things", ITEM)
    await control(cosmos_emulator, "_fault", status=429, count=3)
    assert await store.find("things", ITEM["pk"], ITEM["id"]) == stored


async def test_a_long_throttling_is_told_with_when_to_come_back(
    store: CosmosDocuments, cosmos_emulator: Server
) -> None:
    await control(cosmos_emulator, "_fault", status=429, count=1000, headers={"x-ms-retry-after-ms": "400"})
    begun = time.monotonic()
    with pytest.raises(StoreThrottled) as throttled:
        await store.create("things", ITEM)
    assert 0.7 < time.monotonic() - begun < 2.5
    assert throttled.value.retry_after == 1.0
    await control(cosmos_emulator, "_fault", count=0)
    await control(cosmos_emulator, "_fault", status=429, count=1, headers={"x-ms-retry-after-ms": "7000"})
    with pytest.raises(StoreThrottled) as throttled:
        await store.find("things", "p", "1")
    assert throttled.value.retry_after == 7.0


async def test_a_write_that_met_another_is_tried_again(store: CosmosDocuments, cosmos_emulator: Server) -> None:
    await control(cosmos_emulator, "_fault", status=449, count=2)
    await store.create("things", ITEM)
    await control(cosmos_emulator, "_fault", status=449, count=100)
    with pytest.raises(Unavailable):
        await store.patch("things", ITEM["pk"], Patch(ITEM["id"], set={"n": 1}))


@pytest.mark.parametrize("status", [401, 403, 408, 410, 449, 500, 503])
async def test_whatever_else_is_wrong_is_unavailable_for_every_call(
    store: CosmosDocuments, cosmos_emulator: Server, status: int
) -> None:
    await control(cosmos_emulator, "_fault", status=status, count=1000)
    results = await each_kind(store)
    assert {type(result) for result in results} == {Unavailable}
    await control(cosmos_emulator, "_fault", count=0)
    results = await each_kind(store)
    assert not any(isinstance(result, BaseException) for result in results)


async def test_a_service_that_hangs_is_given_up_in_under_three_seconds(
    store: CosmosDocuments, cosmos_emulator: Server
) -> None:
    await control(cosmos_emulator, "_fault", hang=True, count=20)
    begun = time.monotonic()
    results = await asyncio.gather(
        store.find("things", "p", "1"),
        store.create("things", ITEM),
        store.query("things", "p", Query()),
        store.batch("things", ITEM["pk"], [Create(ITEM)]),
        return_exceptions=True,
    )
    assert time.monotonic() - begun < 3
    assert {type(result) for result in results} == {Unavailable}
    await control(cosmos_emulator, "_fault", count=0)
    await store.create("things", ITEM)


async def test_a_service_that_is_away_is_unavailable_in_under_three_seconds() -> None:
    with socket.socket() as held:  # a port that nobody listens on
        held.bind(("127.0.0.1", 0))
        store = CosmosDocuments(
            f"http://127.0.0.1:{held.getsockname()[1]}", "db", key="a2V5", containers=[THINGS], guard=unmoved()
        )
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            await store.find("things", "p", "1")
        with pytest.raises(Unavailable):
            await store.ping()
        assert time.monotonic() - begun < 6
        await store.close()


async def test_a_container_that_is_missing_is_unavailable_and_not_empty(cosmos_emulator: Server) -> None:
    store = CosmosDocuments(cosmos_emulator.url, "no-such-database", key="a2V5", containers=[THINGS], guard=unmoved())
    results = await each_kind(store)
    await store.close()
    assert {type(result) for result in results} == {Unavailable}


async def test_a_read_whose_answer_is_lost_is_asked_again(store: CosmosDocuments, cosmos_emulator: Server) -> None:
    stored = await store.create("things", ITEM)
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    assert await store.find("things", ITEM["pk"], ITEM["id"]) == stored
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    assert await store.query("things", ITEM["pk"], Query()) == [stored]
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    assert await store.find_many("things", [(ITEM["pk"], ITEM["id"]), ("q", "1")]) == [stored, None]


async def test_a_write_whose_answer_is_lost_is_unavailable_and_not_done_twice(
    store: CosmosDocuments, cosmos_emulator: Server
) -> None:
    """Never ItemExists for one's own item: who got that would believe that somebody else was first."""
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    with pytest.raises(Unavailable):
        await store.create("things", ITEM)
    found = await store.find("things", ITEM["pk"], ITEM["id"])
    assert found is not None
    with pytest.raises(ItemExists):
        await store.create("things", ITEM)
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    with pytest.raises(Unavailable):
        await store.patch("things", ITEM["pk"], Patch(ITEM["id"], incr={"n": 1}))
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    with pytest.raises(Unavailable):
        await store.batch("things", ITEM["pk"], [Patch(ITEM["id"], incr={"n": 1}), Create({**ITEM, "id": "2"})])
    found = await store.find("things", ITEM["pk"], ITEM["id"])
    assert found is not None
    assert found.item["n"] == 2


async def test_a_lost_replace_or_delete_is_unavailable_or_reads_as_a_lost_race(
    store: CosmosDocuments, cosmos_emulator: Server
) -> None:
    """PUT and DELETE are idempotent to HTTP (RFC 9110 §9.2.2): aiohttp sends them again by itself."""
    first = await store.create("things", ITEM)
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    with pytest.raises((Unavailable, ItemStale)):
        await store.replace("things", {**ITEM, "n": 1}, if_match=first.etag)
    found = await store.find("things", ITEM["pk"], ITEM["id"])
    assert found is not None
    assert found.item["n"] == 1
    await control(cosmos_emulator, "_fault", lose=True, count=1)
    with pytest.raises((Unavailable, ItemNotFound)):
        await store.delete("things", ITEM["pk"], ITEM["id"])
    assert await store.find("things", ITEM["pk"], ITEM["id"]) is None


async def test_nothing_that_was_sent_is_logged_or_told(
    store: CosmosDocuments, cosmos_emulator: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for status in (400, 429, 500, 503):
        await control(cosmos_emulator, "_fault", status=status, count=1, headers={"x-ms-retry-after-ms": "9000"})
        with pytest.raises((Unavailable, ValueError)) as failure:
            await store.create("things", ITEM)
        error: BaseException | None = failure.value
        assert error is not None
        assert error.__cause__ is None
        assert error.__suppress_context__
        for secret in ("secret", "private", "127.0.0.1", "a2V5"):
            assert secret not in str(error)
    logged = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert [record.getMessage() for record in logged if record.levelno >= logging.WARNING] == [
        f"the document store answers {status}/0" for status in (429, 500, 503)
    ]
    assert not any(secret in record.getMessage() for record in logged for secret in ("secret", "private", "a2V5"))


async def test_each_call_is_one_request(store: CosmosDocuments, cosmos_emulator: Server) -> None:
    for pk in "pqr":
        await store.batch("things", pk, [Create({"pk": pk, "id": f"{n:03}"}) for n in range(100)])
    await store.find_many("things", [("p", "000"), ("q", "000")])  # learns how the container is partitioned
    await control(cosmos_emulator, "_calls")
    results: list[Any] = [
        await store.find_many("things", [(pk, f"{n:03}") for pk in "pqrs" for n in range(100)]),
        await store.query("things", "p", Query(limit=1000)),
        await store.query_everywhere("things", Query(limit=1000)),
        await store.find("things", "p", "000"),
    ]
    assert (await control(cosmos_emulator, "_calls"))["calls"] == len(results)
    assert [len(result) for result in results[:3]] == [400, 100, 300]
    assert isinstance(results[3], Stored)


async def test_containers_are_made_as_declared_and_making_them_twice_is_harmless(cosmos_emulator: Server) -> None:
    database = f"db-{uuid4()}"
    store = CosmosDocuments(cosmos_emulator.url, database, key="a2V5")
    await store.ensure_containers()
    await store.ensure_containers()
    await store.close()
    async with CosmosClient(cosmos_emulator.url, "a2V5", enable_endpoint_discovery=False) as client:
        for container in CONTAINERS:
            made = await client.get_database_client(database).get_container_client(container.name).read()
            assert made["partitionKey"]["paths"] == ["/pk"]
            assert made["defaultTtl"] == -1
            assert made["indexingPolicy"] == indexing_policy(container)
