"""A device's connection: Microsoft's own client, over a network of its own, which doubles and reorders what arrives."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from azure.messaging.webpubsubclient.aio import WebPubSubClient, WebPubSubClientCredential
from azure.messaging.webpubsubclient.models import (
    CallbackType,
    OnConnectedArgs,
    OnGroupDataMessageArgs,
    OnServerDataMessageArgs,
    WebPubSubDataType,
)

from tests.faults.proxy import Proxy
from tests.model.app import NoAnswer
from tests.model.device import Device
from tests.model.over_http import OverHttp

LATE: Final = 0.15
"""Seconds by which an event may be overtaken by later ones."""

LET_IN_AFTER: Final = 1.0
"""Seconds from when a connection opens until the event `connected` has been worked on: until then it may hear what
its person was just put out of."""


class Wire:
    """*loses*: now and then an event that arrived is dropped, as by a client that was killed before it kept it."""

    def __init__(
        self, device: Device, any_app: Callable[[], OverHttp], dice: random.Random, realtime: int, *, loses: bool
    ) -> None:
        self.device = device
        self.network = Proxy(realtime)
        self.connections = 0
        self._any_app = any_app
        self._dice = dice
        self._loses = loses
        self._client: WebPubSubClient | None = None
        self._late: set[asyncio.TimerHandle] = set()

    async def open(self) -> None:
        await self.network.open()
        await self._start()

    async def _start(self) -> None:
        client = self._client = WebPubSubClient(
            WebPubSubClientCredential(self._url),
            reconnect_retry_total=10_000,
            reconnect_retry_backoff_factor=0.05,
            reconnect_retry_backoff_max=0.2,
            start_timeout=5,
            ack_timeout=3,
            message_retry_total=0,
        )
        subscribe: Any = client.subscribe
        await subscribe(CallbackType.CONNECTED, self._connected)
        await subscribe(CallbackType.GROUP_MESSAGE, self._arrived)
        await subscribe(CallbackType.SERVER_MESSAGE, self._arrived)
        await client.open()

    async def close(self) -> None:
        for handle in self._late:
            handle.cancel()
        if self._client is not None:
            with suppress(Exception):  # it may be in the middle of connecting anew
                await self._client.close()
        await self.network.close()

    async def say(self, room: str, text: str, key: str) -> None:
        """Over the socket. Whatever goes wrong, nobody knows whether it was said."""
        if self._client is None:
            return
        body = {"conversationId": room, "text": text, "clientMessageId": key}
        with suppress(Exception):  # the client's own errors, and those of a client that is not connected
            await asyncio.wait_for(self._client.send_event("message", body, WebPubSubDataType.JSON), 3)

    async def _url(self) -> str:
        """A new one each time, at any instance, and by way of this device's network."""
        while True:
            with suppress(NoAnswer):
                url = urlsplit(await self._any_app().negotiate(self.device.me))
                return url._replace(netloc=f"127.0.0.1:{self.network.port}").geturl()
            await asyncio.sleep(0.1)

    async def _connected(self, _: OnConnectedArgs) -> None:
        self.connections += 1
        self.device.let_in = False
        self._later(LET_IN_AFTER, self._let_in)
        self.device.came_back()

    def _let_in(self) -> None:
        self.device.let_in = True

    async def _arrived(self, args: OnGroupDataMessageArgs | OnServerDataMessageArgs) -> None:
        frame: Any = args.data
        if not isinstance(frame, dict) or "event" not in frame:
            return  # the answer to what was said over the socket
        if self._loses and self._dice.random() < 0.1:
            return
        for _ in range(2 if self._dice.random() < 0.2 else 1):
            self._later(self._dice.random() ** 3 * LATE, lambda: self.device.hear(frame))

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        def done() -> None:
            self._late.discard(handle)
            do()

        handle = asyncio.get_running_loop().call_later(seconds, done)
        self._late.add(handle)

    @property
    def is_quiet(self) -> bool:
        return not self._late
