"""Clients of `json.reliable.webpubsub.azure.v1`: messages are numbered, kept until they are acknowledged, and sent
again to the socket with which a client comes back."""

import asyncio
import time
from collections import deque
from typing import Any

from devhost.webpubsub.client_socket import ClientSocket
from devhost.webpubsub.connection import Identity, Surroundings
from devhost.webpubsub.hub import Hub
from devhost.webpubsub.json_client import JsonConnection
from devhost.webpubsub.messages import Message


class ReliableConnection(JsonConnection):
    """Outlives its sockets: without one it can be recovered for `Config.retain` seconds."""

    def __init__(self, service: Surroundings, hub: Hub, identity: Identity, socket: ClientSocket) -> None:
        super().__init__(service, hub, identity, socket)
        self._sequence = 0
        self._unacknowledged: deque[tuple[int, Message]] = deque()
        self._unacknowledged_bytes = 0
        self._expiry: asyncio.TimerHandle | None = None

    def _greeting_fields(self) -> dict[str, Any]:
        token = self._service.mint_reconnection(self.id)
        return {**super()._greeting_fields(), "reconnectionToken": token}

    def deliver(self, message: Message) -> None:
        if self.ended or self.overflows:
            return
        self._sequence += 1
        self._unacknowledged.append((self._sequence, message))
        self._unacknowledged_bytes += message.size
        limits = self._service.config.limits
        if len(self._unacknowledged) > limits.queue_messages or self._unacknowledged_bytes > limits.queue_bytes:
            self.give_up("The reliable message buffer is full.")
        elif self.socket is not None:
            self.socket.put(message.reliable_entry(self._sequence))

    def acknowledged(self, sequence_id: int) -> None:
        """Cumulative: everything up to *sequence_id* has arrived."""
        unacknowledged = self._unacknowledged
        while unacknowledged and unacknowledged[0][0] <= sequence_id:
            self._unacknowledged_bytes -= unacknowledged.popleft()[1].size

    def lost(self, socket: ClientSocket, *, clean: bool, reason: str) -> None:
        if socket is not self.socket:
            return
        if clean:
            self._finish(reason)
            return
        self.socket = None
        retain = self._service.config.retain
        self._expiry = asyncio.get_running_loop().call_later(retain, self._finish, reason)

    def recover(self, socket: ClientSocket) -> None:
        """Go on with *socket*, from the first message that was not acknowledged. A half-open old one is cut."""
        if self._expiry is not None:
            self._expiry.cancel()
        old, self.socket = self.socket, socket
        if old is not None:
            old.abort()
        now = time.monotonic()
        for sequence_id, message in self._unacknowledged:
            if message.deadline > now:
                socket.put(message.reliable_entry(sequence_id))

    def _finish(self, reason: str) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._unacknowledged.clear()
        super()._finish(reason)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "unacknowledged": len(self._unacknowledged)}
