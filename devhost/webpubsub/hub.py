"""A hub: its connections, and who is in which group. Everything here happens at once, within one event loop."""

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from devhost.webpubsub.messages import Message

if TYPE_CHECKING:
    from devhost.webpubsub.connection import Connection

Wanted = Callable[["Connection"], bool]
"""A filter, compiled."""


class Hub:
    """Identity is case-insensitive, so *name* is in lower case. A group exists while it has a member."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections: dict[str, Connection] = {}
        self._users: dict[str, dict[Connection, None]] = {}
        self._groups: dict[str, dict[Connection, None]] = {}
        self.sent = 0
        self.delivered = 0
        self.slow_readers = 0
        """Connections that were dropped because they did not keep up."""

    # -- membership -----------------------------------------------------------------------------------------------

    def add(self, connection: "Connection", groups: Iterable[str]) -> None:
        self.connections[connection.id] = connection
        if connection.user_id is not None:
            self._users.setdefault(connection.user_id, {})[connection] = None
        for group in groups:
            self.join(connection, group)

    def remove(self, connection: "Connection") -> None:
        self.connections.pop(connection.id, None)
        self.leave_all(connection)
        if connection.user_id is not None:
            _discard(self._users, connection.user_id, connection)

    def join(self, connection: "Connection", group: str) -> None:
        if connection.id in self.connections:
            connection.groups.add(group)
            self._groups.setdefault(group, {})[connection] = None

    def leave(self, connection: "Connection", group: str) -> None:
        connection.groups.discard(group)
        _discard(self._groups, group, connection)

    def leave_all(self, connection: "Connection") -> None:
        for group in tuple(connection.groups):
            self.leave(connection, group)

    # -- who ------------------------------------------------------------------------------------------------------

    def everyone(self) -> Collection["Connection"]:
        return self.connections.values()

    def members(self, group: str) -> Collection["Connection"]:
        return self._groups.get(group, {})

    def devices(self, user_id: str) -> Collection["Connection"]:
        """The connections of one user."""
        return self._users.get(user_id, {})

    # -- what -----------------------------------------------------------------------------------------------------

    def send(
        self,
        to: Iterable["Connection"],
        message: Message,
        *,
        excluded: Collection[str] = (),
        wanted: Wanted | None = None,
    ) -> None:
        """Queue *message* for each of *to*, but the ids in *excluded* and what is not *wanted*."""
        if excluded or wanted is not None:
            to = [c for c in to if c.id not in excluded and (wanted is None or wanted(c))]
        count = 0
        for connection in to:
            connection.deliver(message)
            count += 1
        self.sent += 1
        self.delivered += count

    def describe(self, most: int) -> dict[str, Any]:
        return {
            "connections": len(self.connections),
            "users": len(self._users),
            "groups": {name: len(members) for name, members in self._groups.items()},
            "sent": self.sent,
            "delivered": self.delivered,
            "slowReaders": self.slow_readers,
            "clients": [connection.describe() for connection in islice(self.connections.values(), most)],
        }


def _discard(index: dict[str, dict["Connection", None]], key: str, connection: "Connection") -> None:
    members = index.get(key)
    if members is not None:
        members.pop(connection, None)
        if not members:
            del index[key]
