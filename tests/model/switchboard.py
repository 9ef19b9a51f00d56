"""The realtime service as a model: connections, groups, and a network that treats each device as the story wants.

What it does not model is the wire: `tests/model/test_over_sockets.py` has the real protocol.
"""

import json
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from domain.kernel.errors import Unavailable
from domain.kernel.realtime import ClientAccess
from tests.model.device import Device

WINDOW: Final = 6
"""How far an event may be overtaken by later ones."""


@dataclass(eq=False)
class Connection:
    id: str
    device: Device
    groups: set[str] = field(default_factory=set)
    waiting: deque[str] = field(default_factory=deque)
    held: bool = False
    """The network is away for a moment: what comes waits."""


@dataclass
class Switchboard:
    """Conforms to the port `Realtime`. *down*: it answers nobody, and nothing that is asked of it happens."""

    dice: random.Random
    connections: list[Connection] = field(default_factory=list)
    down: bool = False
    published: set[tuple[str, int]] = field(default_factory=set)
    """Conversation and seq of every `message.new` that was accepted."""

    def _check(self) -> None:
        if self.down:
            raise Unavailable(retry_after=1)

    async def client_access(
        self, user_id: str, *, session_id: str, expires_in: timedelta, groups: Sequence[str] = ()
    ) -> ClientAccess:
        self._check()
        return ClientAccess(f"ws://nowhere/{user_id}/{session_id}/{','.join(groups)}", expires_in)

    async def send_to_group(self, group: str, event: dict[str, Any]) -> None:
        self._check()
        if event["event"] == "message.new":
            self.published.add((event["data"]["conversationId"], event["data"]["seq"]))
        self._send([each for each in self.connections if group in each.groups], event)

    async def send_to_user(self, user_id: str, event: dict[str, Any]) -> None:
        self._check()
        self._send(self.of(user_id), event)

    async def add_user_to_group(self, group: str, user_id: str) -> None:
        self._check()
        for connection in self.of(user_id):
            connection.groups.add(group)

    async def remove_user_from_group(self, group: str, user_id: str) -> None:
        self._check()
        for connection in self.of(user_id):
            connection.groups.discard(group)

    async def close_user(self, user_id: str, *, reason: str) -> None:
        del reason
        self._check()
        self.connections = [each for each in self.connections if each.device.me != user_id]

    async def close_session(self, session_id: str, *, reason: str) -> None:
        del session_id, reason
        self._check()

    async def ping(self) -> None:
        self._check()

    async def close(self) -> None:
        return

    def of(self, user_id: str) -> list[Connection]:
        return [each for each in self.connections if each.device.me == user_id]

    def _send(self, to: list[Connection], event: dict[str, Any]) -> None:
        text = json.dumps(event)
        for connection in to:
            connection.waiting.append(text)

    def deliver(self, most: int) -> None:
        """Up to *most* events to each device: some twice, some before those that were sent first."""
        for connection in self.connections:
            for _ in range(0 if connection.held else most):
                if not connection.waiting:
                    break
                at = self.dice.randrange(min(WINDOW, len(connection.waiting)))
                text = connection.waiting[at]
                if self.dice.random() < 0.9:
                    del connection.waiting[at]
                connection.device.hear(json.loads(text))

    def lose(self, connection: Connection) -> None:
        """Of what is under way to it, a few never arrive."""
        kept = [text for text in connection.waiting if self.dice.random() < 0.5]
        connection.waiting = deque(kept)
