"""The realtime port on Azure Web PubSub, through Microsoft's own client.

The client comes with the first call (`adapters/realtime/service.py`): importing it and what it stands on takes as long
as all of ours, and an instance that wakes for something else never needs it.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adapters.resilience import Guard, Limits
from domain.kernel.realtime import ClientAccess

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

    from adapters.realtime.service import Service

_CHECK: Final = "ping"
GUARD: Final = Limits(slots=64)

Call = Callable[["WebPubSubServiceClient"], Awaitable[Any]]


class WebPubSubRealtime:
    """Every call is safe to repeat, so each is tried up to three times: receivers know events by their id.

    With a *connection_string* its key signs; else the *credential* signs in at *endpoint*, and each
    `client_access` is one call to the service. Nothing is opened before the first call.
    """

    def __init__(
        self,
        hub: str,
        *,
        connection_string: str | None = None,
        endpoint: str | None = None,
        credential: "Callable[[], AsyncTokenCredential] | None" = None,
        guard: Guard | None = None,
    ) -> None:
        self._hub = hub
        self._connection_string = connection_string
        self._endpoint = endpoint
        self._credential = credential
        self._guard = guard or Guard("realtime", GUARD)
        self._opened: Service | None = None

    # -- port -----------------------------------------------------------------------------------------------------

    async def client_access(
        self, user_id: str, *, session_id: str, expires_in: timedelta, groups: Sequence[str] = ()
    ) -> ClientAccess:
        """A URL with a token for *user_id* and no role. Whole minutes, at least one.

        The session travels as the group `s.<session_id>`, because the SDK takes no claims of one's own: the connect
        event shows it in `claims["webpubsub.group"]`. An answer to that event that names groups must name it too.
        """
        minutes = max(1, int(expires_in.total_seconds() // 60))
        named = list(dict.fromkeys([_session_group(session_id), *groups]))
        access = await self._call(
            "client_access",
            lambda client: client.get_client_access_token(user_id=user_id, groups=named, minutes_to_expire=minutes),
        )
        return ClientAccess(access["url"], timedelta(minutes=minutes))

    async def send_to_group(self, group: str, event: dict[str, Any]) -> None:
        await self._call("send_to_group", lambda client: client.send_to_group(group, event))

    async def send_to_user(self, user_id: str, event: dict[str, Any]) -> None:
        await self._call("send_to_user", lambda client: client.send_to_user(user_id, event))

    async def add_user_to_group(self, group: str, user_id: str) -> None:
        """The user's open connections join; having none is fine."""
        await self._call("add_user_to_group", lambda client: client.add_user_to_group(group, user_id), missing=True)

    async def remove_user_from_group(self, group: str, user_id: str) -> None:
        await self._call("remove_user_from_group", lambda client: client.remove_user_from_group(group, user_id))

    async def close_user(self, user_id: str, *, reason: str) -> None:
        await self._call("close_user", lambda client: client.close_user_connections(user_id, reason=reason))

    async def close_session(self, session_id: str, *, reason: str) -> None:
        """Close the connections that were opened by one session."""
        group = _session_group(session_id)
        await self._call("close_session", lambda client: client.close_group_connections(group, reason=reason))

    async def ping(self) -> None:
        """Proves that the service answers *us*: its health page would answer anybody."""
        await self._call("ping", lambda client: client.connection_exists(_CHECK))

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    # -- calls ----------------------------------------------------------------------------------------------------

    async def _call(self, what: str, call: Call, *, missing: bool = False) -> Any:
        """Raises Unavailable; what the SDK raises where we asked for nonsense, and for a 404 unless that is fine."""
        async with self._guard.call():
            if self._opened is None:
                self._opened = self._open()
            return await self._opened.call(what, call, missing=missing)

    def _open(self) -> "Service":
        from adapters.realtime.service import Service, identified, keyed, read_connection_string

        if self._connection_string is not None:
            endpoint, key = read_connection_string(self._connection_string)
            return Service(keyed(endpoint, self._hub, key))
        if self._endpoint is None or self._credential is None:
            raise ValueError("neither a connection string, nor an endpoint with a credential")
        return Service(identified(self._endpoint, self._hub, self._credential()))


def _session_group(session_id: str) -> str:
    return f"s.{session_id}"
