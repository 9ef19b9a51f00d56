"""One port for two protocols: WebSockets of clients, HTTP of servers.

The first bytes of a TCP connection tell which it is. A WebSocket then has nothing of an HTTP server around it: that
is what makes a socket small, and its writes short.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

_CLIENT: Final = b"get /client"


class FrontDoor(asyncio.Protocol):
    """Hands the transport over to the protocol that the first bytes ask for, and is gone."""

    def __init__(
        self, websocket: Callable[[], asyncio.Protocol], http: Callable[[], asyncio.Protocol], patience: float
    ) -> None:
        self._websocket = websocket
        self._http = http
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._first = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without deriving from it
        self._timer = asyncio.get_running_loop().call_later(self._patience, made.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._stop_timer()

    def data_received(self, data: bytes) -> None:
        self._first += data
        start = self._first[: len(_CLIENT)].lower()
        if len(start) < len(_CLIENT) and _CLIENT.startswith(start):
            return
        self._stop_timer()
        transport, self._transport = self._transport, None
        if transport is not None:
            protocol = (self._websocket if start == _CLIENT else self._http)()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            protocol.data_received(self._first)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
