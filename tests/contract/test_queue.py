"""What every queue promises, whatever it is made of: at least once, hidden while worked on, poison after five tries."""

import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.queues.sqlite import QueuedMessage, SqliteQueue
from domain.kernel.outbox import Queue
from tests.factories import ManualClock


class Taken(Protocol):
    """A received message, as the host that consumes the queue sees it."""

    @property
    def payload(self) -> dict[str, Any]: ...

    @property
    def tries(self) -> int: ...

    async def done(self) -> None: ...


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


class SqliteBench:
    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.queue = SqliteQueue(path, self.clock)

    async def take(self, name: str, *, hidden_for: timedelta) -> list[Taken]:
        messages = await self.queue.receive(name, limit=32, visibility=hidden_for)
        return [SqliteTaken(self.queue, message) for message in messages]

    async def wait(self, duration: timedelta) -> None:
        self.clock.advance(duration)


SHORT = timedelta(seconds=2)


@pytest.fixture(params=["sqlite"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
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


async def test_a_ping_answers(bench: Bench) -> None:
    await bench.queue.ping()
