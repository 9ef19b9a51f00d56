"""Clients' connections: where they connect, and who is let in.

A client URL names the person and, as the group `s.<session>`, the sign-in it belongs to: ending the session closes
that group. Clients get no role to publish or to join; all they hear was put on by us.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.chat.bindings import Bindings
from domain.chat.conversations import Conversations
from domain.chat.planning import ASLEEP_AFTER
from domain.chat.ports import Sessions
from domain.chat.views import conversation_group, session_group
from domain.kernel.clock import Clock
from domain.kernel.errors import Forbidden
from domain.kernel.realtime import Realtime

URL_TTL: Final = timedelta(minutes=60)
"""The contract's life of a client URL; it is checked when a connection opens, and does not end one."""

JOINED_AT_CONNECT: Final = 200
"""So many of the busiest conversations, besides all of the last day; the others are joined when they wake."""

JUST_NOW: Final = timedelta(minutes=1)

LOOKS: Final = 8
"""At who was put out or let in while a connection opened; each but the last found more to do."""


class ConnectionRefused(Forbidden):
    """The session is over, or its account is suspended or not verified."""

    message = "Sign in again to connect."


@dataclass(frozen=True, slots=True)
class ClientUrl:
    url: str
    expires_at: datetime


class Connections:
    def __init__(
        self,
        conversations: Conversations,
        realtime: Realtime,
        sessions: Sessions,
        bindings: Bindings,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._realtime = realtime
        self._sessions = sessions
        self._bindings = bindings
        self._clock = clock

    async def negotiate(self, user_id: str, session_id: str) -> ClientUrl:
        """A URL to connect with, good for an hour. Raises Unavailable."""
        access = await self._realtime.client_access(
            user_id, session_id=session_id, expires_in=URL_TTL, groups=[session_group(session_id)]
        )
        return ClientUrl(access.url, self._clock.now() + access.expires_in)

    async def connect(self, connection_id: str, user_id: str, session_id: str) -> list[str]:
        """Let a connection in, bind it to the person and the sign-in, and name the groups it joins.

        One session check, one create and one query. Raises ConnectionRefused, Unavailable.
        """
        if not await self._sessions.may_connect(user_id, session_id):
            raise ConnectionRefused
        await self._bindings.bind(connection_id, user_id, session_id)
        awake = self._clock.now() - ASLEEP_AFTER
        ids = await self._conversations.active_ids(user_id, at_least=JOINED_AT_CONNECT, since=awake)
        return [session_group(session_id), *(conversation_group(conversation_id) for conversation_id in ids)]

    async def connected(self, user_id: str) -> None:
        """Catch up with what was joined or left between the connect event's answer and the connection itself.

        One query, mostly: so nobody comes back by a new connection into what they were just removed from. Where there
        was something to do it looks again, for the person may have been put out, or let in, meanwhile.
        """
        since, done = self._clock.now() - JUST_NOW, dict[str, bool]()
        for _ in range(LOOKS):
            came, left = await self._conversations.moved_since(user_id, since)
            places = {**dict.fromkeys(came, True), **dict.fromkeys(left, False)}
            moved = {each: is_in for each, is_in in places.items() if done.get(each) is not is_in}
            for conversation_id, is_in in moved.items():
                change = self._realtime.add_user_to_group if is_in else self._realtime.remove_user_from_group
                await change(conversation_group(conversation_id), user_id)
            if not moved:
                return
            done |= moved
