"""The consuming side of Azure Storage Queues, for the dev host over Azurite: what the Functions host does in Azure."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from adapters.queues.sqlite import MAX_TRIES, POISON, QueuedMessage
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable

LOOK_EVERY: Final = timedelta(milliseconds=250)
"""The service tells nobody of a new message, so the dev host asks."""
MOST: Final = 32
"""Messages in one request, the service's limit."""


class StorageConsumer:
    """Receives, deletes and gives back, as `SqliteQueue` does for the embedded queues."""

    def __init__(self, connection_string: str, clock: Clock) -> None:
        self._service = QueueServiceClient.from_connection_string(
            connection_string, connection_timeout=2, read_timeout=5, retry_total=0
        )
        self._clock = clock
        self.arrived = asyncio.Event()

    async def receive(
        self, name: str, *, limit: int = 8, visibility: timedelta = timedelta(seconds=30)
    ) -> list[QueuedMessage]:
        """Visible messages, hidden from now on for *visibility*. Worn-out ones go to poison instead."""
        messages = []
        try:
            found = self._queue(name).receive_messages(
                max_messages=min(limit, MOST), visibility_timeout=int(visibility.total_seconds())
            )
            async for message in found:
                messages.append(_queued(name, message))
                if len(messages) >= limit:
                    break
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            raise Unavailable from error
        worn = [each for each in messages if each.dequeue_count > MAX_TRIES]
        for each in worn:
            await self._poison(each)
        return [each for each in messages if each not in worn]

    async def delete(self, message: QueuedMessage) -> bool:
        """The work is done. False when the message was received again meanwhile."""
        try:
            await self._queue(message.queue).delete_message(message.id, message.pop_receipt)
        except ResourceNotFoundError:
            return False
        except AzureError as error:
            raise Unavailable from error
        return True

    async def give_back(self, message: QueuedMessage, *, after: timedelta) -> None:
        """The work failed: show the message again *after* this long, or move it to poison when worn out."""
        if message.dequeue_count >= MAX_TRIES:
            await self._poison(message)
            return
        try:
            await self._queue(message.queue).update_message(
                message.id, message.pop_receipt, visibility_timeout=int(after.total_seconds())
            )
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise Unavailable from error

    async def release(self) -> None:
        """Others may consume the same queues, so what is hidden stays hidden."""

    async def peek(self, name: str | None = None, *, limit: int = 100) -> list[QueuedMessage]:
        """Up to 32 visible messages of each queue. Changes nothing."""
        try:
            names = [name] if name else [queue.name async for queue in self._service.list_queues()]
            found = []
            for each in names:
                with suppress(ResourceNotFoundError):
                    peeked = await self._queue(each).peek_messages(max_messages=min(limit, MOST))
                    found += [_queued(each, message) for message in peeked]
        except AzureError as error:
            raise Unavailable from error
        return found[:limit]

    async def next_visible(self) -> datetime | None:
        """When to look again."""
        return self._clock.now() + LOOK_EVERY

    async def close(self) -> None:
        await self._service.close()

    def _queue(self, name: str) -> QueueClient:
        return self._service.get_queue_client(name)

    async def _poison(self, message: QueuedMessage) -> None:
        """First there, then no longer here: a crash between the two leaves it twice, never not at all."""
        name = message.queue + POISON
        try:
            with suppress(ResourceExistsError):
                await self._service.create_queue(name)
            await self._queue(name).send_message(message.body, time_to_live=-1)
        except AzureError as error:
            raise Unavailable from error
        await self.delete(message)


def _queued(name: str, message: Any) -> QueuedMessage:
    return QueuedMessage(
        str(message.id),
        name,
        str(message.content),
        message.inserted_on,
        message.next_visible_on or message.inserted_on,
        int(message.dequeue_count or 0),
        str(message.pop_receipt or ""),
    )
