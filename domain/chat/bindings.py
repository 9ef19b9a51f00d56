"""Whose a connection is: bound when it was let in, and asked again with every event that names it.

The service signs an event with a MAC of the connection's id alone. So who has seen one signed event could send others
for that connection, in anybody's name; what counts is therefore not whom an event names, but whom we let in.
"""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.chat.ports import Sessions
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, ItemExists, ItemNotFound
from domain.kernel.errors import Forbidden

KEPT: Final = timedelta(days=31)
"""Longer than any session, and so than any connection of one; `disconnected` forgets it before."""

KNOWN: Final = 10_000

LOOK_AGAIN: Final = 0.2
"""Seconds: another instance may have let the connection in a moment ago, and the store's reads may trail."""


class NotThisConnection(Forbidden):
    """The connection was never let in, is another person's, or its session is over."""


@dataclass(frozen=True, slots=True)
class Binding:
    user_id: str
    session_id: str


class Bindings:
    """One per process: what was read once is kept, for a connection never changes hands."""

    def __init__(self, documents: DocumentStore, sessions: Sessions) -> None:
        self._documents = documents
        self._sessions = sessions
        self._known: OrderedDict[str, Binding] = OrderedDict()

    async def bind(self, connection_id: str, user_id: str, session_id: str) -> None:
        """Safe to repeat. One document call. Raises NotThisConnection where it is bound to somebody else."""
        item = {
            "id": "socket",
            "pk": _pk(connection_id),
            "type": "socket",
            "userId": user_id,
            "sessionId": session_id,
            "ttl": int(KEPT.total_seconds()),
        }
        try:
            await self._documents.create(CHAT, item)
        except ItemExists:
            if await self._find(connection_id) != Binding(user_id, session_id):
                raise NotThisConnection from None
        self._remember(connection_id, Binding(user_id, session_id))

    async def check(self, connection_id: str, user_id: str) -> Binding:
        """For an event of this connection that names *user_id*: one cache trip, and a store read for what is not known.

        Raises NotThisConnection, Unavailable.
        """
        binding = await self._find(connection_id)
        if binding is None:
            await asyncio.sleep(LOOK_AGAIN)
            binding = await self._find(connection_id)
        if binding is None or binding.user_id != user_id:
            raise NotThisConnection
        if not await self._sessions.stands(binding.user_id, binding.session_id):
            raise NotThisConnection
        return binding

    async def is_of(self, connection_id: str, user_id: str) -> bool:
        """Whether the connection was let in as *user_id*, and is not known to be gone. The session may be over."""
        binding = await self._find(connection_id)
        return binding is not None and binding.user_id == user_id

    async def release(self, connection_id: str) -> None:
        """The connection is gone. Safe to repeat."""
        self._known.pop(connection_id, None)
        try:
            await self._documents.delete(CHAT, _pk(connection_id), "socket")
        except ItemNotFound:
            return

    async def _find(self, connection_id: str) -> Binding | None:
        known = self._known.get(connection_id)
        if known is not None:
            return known
        stored = await self._documents.find(CHAT, _pk(connection_id), "socket")
        if stored is None:
            return None
        binding = Binding(stored.item["userId"], stored.item["sessionId"])
        self._remember(connection_id, binding)
        return binding

    def _remember(self, connection_id: str, binding: Binding) -> None:
        self._known[connection_id] = binding
        self._known.move_to_end(connection_id)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)


def _pk(connection_id: str) -> str:
    return (
        "socket:" + hashlib.sha256(connection_id.encode()).hexdigest()
    )  # ids are the service's, and may hold anything
