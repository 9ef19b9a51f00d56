"""A person's chat client: Microsoft's own library for Python, on the URL that our API negotiated."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from azure.messaging.webpubsubclient.aio import WebPubSubClient
from azure.messaging.webpubsubclient.models import (
    CallbackType,
    OnConnectedArgs,
    OnGroupDataMessageArgs,
    OnServerDataMessageArgs,
    WebPubSubDataType,
)

from tests.main_job.people import Person

WAIT_SECONDS = 10


class LiveClient:
    """Connected. Remembers every event, and finds the next of one kind."""

    def __init__(self, client: WebPubSubClient) -> None:
        self._client = client
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.connected = asyncio.Event()

    async def next(self, event: str) -> dict[str, Any]:
        """The data of the next *event*; others before it are passed over."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                got = await self._events.get()
                if got["event"] == event:
                    return dict(got["data"])

    async def send(self, conversation_id: str, text: str, client_message_id: str) -> None:
        """Over the socket; returns when the service has acknowledged."""
        body = {"conversationId": conversation_id, "text": text, "clientMessageId": client_message_id}
        await self._client.send_event("message", body, WebPubSubDataType.JSON)

    async def listen(self) -> None:
        async def on_connected(_: OnConnectedArgs) -> None:
            self.connected.set()

        async def on_message(message: OnGroupDataMessageArgs | OnServerDataMessageArgs) -> None:
            if isinstance(message.data, dict) and "event" in message.data:  # else the answer to what we sent
                self._events.put_nowait(message.data)

        await self._client.subscribe(CallbackType.CONNECTED, on_connected)
        await self._client.subscribe(CallbackType.GROUP_MESSAGE, on_message)
        await self._client.subscribe(CallbackType.SERVER_MESSAGE, on_message)


@asynccontextmanager
async def live(person: Person) -> AsyncGenerator[LiveClient]:
    """*person*, connected until the block ends."""
    negotiated = await person.call("POST", "/chat/negotiate", 200)
    client = WebPubSubClient(negotiated["url"])
    listening = LiveClient(client)
    await listening.listen()
    async with client:
        await asyncio.wait_for(listening.connected.wait(), WAIT_SECONDS)
        yield listening
