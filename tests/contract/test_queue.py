"""What every queue promises, whatever it is made of: at least once, hidden while worked on, poison after five tries."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from adapters.queues.azure import StorageQueue
from adapters.queues.sqlite import QueuedMessage, SqliteQueue
from devhost.storage_queues import StorageConsumer
from domain.kernel.clock import SystemClock
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import NO_DELAY, Queue
from tests.factories import ManualClock
from tests.servers import Azurite, free_port


class Taken(Protocol):
    """A received message, as the host that consumes the queue sees it."""

    @property
    def payload(self) -> dict[str, Any]: ...

    @property
    def tries(self) -> int: ...

    async def done(self) -> None: ...

    async def failed(self) -> None: ...


class Bench(Protocol):
    """A queue, and the host's side of it."""

    @property
    def queue(self) -> Queue: ...

    async def take(self, name: str, *, hidden_for: timedelta) -> list[Taken]: ...

    async def wait(self, duration: timedelta) -> None:
        """Let time pass for the queue."""
        ...


class SqliteTaken:
    def __init__(self, queue: SqliteQueue, message: QueuedMessage) -> None:
        self._queue, self._message = queue, message
        self.payload: dict[str, Any] = json.loads(message.body)
        self.tries: int = message.dequeue_count

    async def done(self) -> None:
        await self._queue.delete(self._message)

    async def failed(self) -> None:
        await self._queue.give_back(self._message, after=timedelta())


class SqliteBench:
    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.queue = SqliteQueue(path, self.clock)

    async def take(self, name: str, *, hidden_for: timedelta) -> list[Taken]:
        messages = await self.queue.receive(name, limit=32, visibility=hidden_for)
        return [SqliteTaken(self.queue, message) for message in messages]

    async def wait(self, duration: timedelta) -> None:
        self.clock.advance(duration)


class StorageTaken:
    def __init__(self, host: StorageConsumer, message: QueuedMessage) -> None:
        self._host, self._message = host, message
        self.payload: dict[str, Any] = json.loads(message.body)
        self.tries: int = message.dequeue_count

    async def done(self) -> None:
        await self._host.delete(self._message)

    async def failed(self) -> None:
        await self._host.give_back(self._message, after=timedelta())


class StorageBench:
    """Each bench has queues of its own: names are prefixed before they reach the service."""

    def __init__(self, server: Azurite) -> None:
        self._prefix = f"t{uuid4().hex[:8]}-"
        self.queue: Queue = PrefixedQueue(self._prefix, connection_string=server.connection_string)
        self.host = StorageConsumer(server.connection_string, SystemClock())

    async def take(self, name: str, *, hidden_for: timedelta) -> list[Taken]:
        messages = await self.host.receive(self._prefix + name, limit=32, visibility=hidden_for)
        return [StorageTaken(self.host, message) for message in messages]

    async def wait(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds() + 0.1)


class PrefixedQueue(StorageQueue):
    def __init__(self, prefix: str, *, connection_string: str) -> None:
        super().__init__(connection_string=connection_string)
        self._prefix = prefix

    async def send(self, name: str, payload: dict[str, Any], *, delay: timedelta = NO_DELAY) -> None:
        await super().send(self._prefix + name, payload, delay=delay)


SHORT = timedelta(seconds=1)


@pytest.fixture(params=["sqlite", pytest.param("azurite", marks=pytest.mark.servers)])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
    if request.param == "azurite":
        storage = StorageBench(request.getfixturevalue("azurite"))
        yield storage
        await storage.host.close()
        await storage.queue.close()
    else:
        made = SqliteBench(tmp_path / "queues.db")
        yield made
        await made.queue.close()


async def test_what_is_sent_arrives_as_it_was(bench: Bench) -> None:
    payload = {
        "template": "verify_email",
        "userId": "u",
        "note": "Ünïcödé 日本 \U0001f600 <&>",
        "n": 1,
        "deep": [{"a": None}],
    }
    await bench.queue.send("mail", payload)
    [taken] = await bench.take("mail", hidden_for=SHORT)
    assert taken.payload == payload
    assert taken.tries == 1


async def test_queues_do_not_mix(bench: Bench) -> None:
    await bench.queue.send("mail", {"n": 1})
    assert await bench.take("sockets", hidden_for=SHORT) == []


async def test_a_message_being_worked_on_is_hidden_and_comes_back_if_it_is_not_done(bench: Bench) -> None:
    await bench.queue.send("mail", {"n": 1})
    [first] = await bench.take("mail", hidden_for=SHORT)
    assert await bench.take("mail", hidden_for=SHORT) == []
    await bench.wait(SHORT)
    [again] = await bench.take("mail", hidden_for=SHORT)
    assert again.payload == first.payload
    assert again.tries == 2


async def test_what_is_to_wait_is_seen_by_nobody_before_its_time(bench: Bench) -> None:
    await bench.queue.send("mail", {"n": 1}, delay=SHORT)
    assert await bench.take("mail", hidden_for=SHORT) == []
    await bench.wait(SHORT)
    [taken] = await bench.take("mail", hidden_for=SHORT)
    assert (taken.payload, taken.tries) == ({"n": 1}, 1)


async def test_what_is_done_does_not_come_back(bench: Bench) -> None:
    await bench.queue.send("mail", {"n": 1})
    [taken] = await bench.take("mail", hidden_for=SHORT)
    await taken.done()
    await bench.wait(SHORT)
    assert await bench.take("mail", hidden_for=SHORT) == []


async def test_a_payload_beyond_48_kib_is_refused_and_nothing_is_queued(bench: Bench) -> None:
    with pytest.raises(ValueError, match="larger"):
        await bench.queue.send("mail", {"text": "ü" * (24 * 1024)})
    assert await bench.take("mail", hidden_for=SHORT) == []


async def test_what_fails_five_times_is_put_aside(bench: Bench) -> None:
    await bench.queue.send("mail", {"n": 1})
    for tries in range(1, 6):
        [taken] = await bench.take("mail", hidden_for=timedelta(minutes=1))
        assert taken.tries == tries
        await taken.failed()
    assert await bench.take("mail", hidden_for=SHORT) == []
    [poisoned] = await bench.take("mail-poison", hidden_for=SHORT)
    assert poisoned.payload == {"n": 1}


async def test_letters_that_xml_cannot_carry_arrive_all_the_same(bench: Bench) -> None:
    payload = {"text": "\x00\x07\x7f\x85\ufffe\uffff\ud800 ]]> </QueueMessage> \r\n\t"}
    await bench.queue.send("mail", payload)
    [taken] = await bench.take("mail", hidden_for=SHORT)
    assert taken.payload == payload


async def test_the_largest_payload_arrives(bench: Bench) -> None:
    payload = {"text": "ü" * (24 * 1024 - 8)}
    await bench.queue.send("mail", payload)
    [taken] = await bench.take("mail", hidden_for=SHORT)
    assert taken.payload == payload


async def test_a_ping_answers(bench: Bench) -> None:
    await bench.queue.ping()


async def test_storage_that_is_away_is_unavailable_in_under_three_seconds() -> None:
    queue = StorageQueue(connection_string=Azurite(free_port(), free_port()).connection_string)
    async with asyncio.timeout(3):
        with pytest.raises(Unavailable):
            await queue.send("mail", {"n": 1})
    with pytest.raises(Unavailable):
        await queue.ping()
    await queue.close()
