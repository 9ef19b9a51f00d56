"""What the host's extensions do for queues and timers: they fire the functions of a served app, over HTTP.

The dev host's drain and timers do it, by host.json's rules; the functions run in Microsoft's worker.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import azure.functions as func
import httpx

from devhost.functions import Function
from devhost.queues import QueueDrain, QueueRules
from devhost.storage_queues import StorageConsumer
from devhost.timers import Timers
from domain.kernel.clock import SystemClock

KINDS: Final = {"queuetrigger": "queueTrigger", "timertrigger": "timerTrigger"}


class FunctionFailed(Exception):
    """The worker said no."""


@dataclass
class Extensions:
    drain: QueueDrain
    fired: set[str] = field(default_factory=set)
    """Functions that succeeded, by name."""


@asynccontextmanager
async def extensions(host: str, connection_string: str, **rules: Any) -> AsyncGenerator[Extensions]:
    """Drains the queues of *connection_string* and keeps the time for the app at *host*, until the block ends.

    *rules* are taken instead of host.json's.
    """
    clock = SystemClock()
    queues = StorageConsumer(connection_string, clock)
    async with httpx.AsyncClient(base_url=host, timeout=60) as client:
        described = (await client.get("/__host/functions")).json()["functions"]
        fired: set[str] = set()
        functions = [_function(client, each, fired) for each in described if each["kind"] in KINDS]
        made = Extensions(QueueDrain(functions, queues, clock, replace(QueueRules.read(), **rules)), fired)
        running = [asyncio.create_task(made.drain.run()), asyncio.create_task(Timers(functions, clock).run())]
        try:
            yield made
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await queues.close()


def _function(client: httpx.AsyncClient, described: dict[str, Any], fired: set[str]) -> Function:
    async def fire(trigger: Any) -> None:
        asked: dict[str, Any] = {}
        if isinstance(trigger, func.QueueMessage):
            asked = {"body": trigger.get_body().decode(), "tries": trigger.dequeue_count}
        answer = (await client.post(f"/__host/fire/{described['name']}", json=asked)).json()
        if answer["status"] != "Success":
            raise FunctionFailed(f"{described['name']}: {answer['error']}\n{answer['stack']}")
        fired.add(described["name"])

    return Function(
        name=described["name"],
        kind=KINDS[described["kind"]],
        trigger=described["trigger"],
        _call=fire,
        _parameter="trigger",
        _takes_context=False,
        _is_async=True,
    )
