"""Delivers events to a hub's event handlers: signed, in order for each connection, tried again, at least once."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from devhost.webpubsub import cloudevents
from devhost.webpubsub.abuse_protection import AbuseProtection, Unreachable
from devhost.webpubsub.cloudevents import Event
from devhost.webpubsub.config import Config, EventHandler
from devhost.webpubsub.connection import Connection, EventFailed, Identity
from devhost.webpubsub.messages import Payload

if TYPE_CHECKING:
    from devhost.webpubsub.handler_http import Answer, HandlerHttp

log = logging.getLogger("webpubsub")

TIMEOUT: Final = 100.0
"""Seconds for one event, all tries together."""
PAUSES: Final = (1.0, 3.0, 5.0)
"""Seconds before the second, third and fourth try: after 408, 5xx and network errors, with the same `ce-id`."""
VALIDATE: Final = "validate"


class Refused(Exception):
    """The handler answered `connect` with an error, which becomes the handshake's."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"The event handler answered {status}.")


class Upstream:
    """The event handlers of all hubs, over one pool of connections."""

    def __init__(self, config: Config, origin: Callable[[], str]) -> None:
        self._config = config
        self._origin = origin
        self._opened: HandlerHttp | None = None
        self.pauses: Sequence[float] = PAUSES
        self.abuse = AbuseProtection(self._http, origin, lambda: asyncio.get_running_loop().time())
        self.delivered = 0
        self.failed = 0

    async def close(self) -> None:
        await self.abuse.close()
        if self._opened is not None:
            await self._opened.close()

    # -- events ---------------------------------------------------------------------------------------------------

    async def connect(
        self, hub: str, identity: Identity, headers: dict[str, list[str]], offered: Sequence[str]
    ) -> cloudevents.ConnectAnswer:
        """Ask whether a client may connect. Raises Refused."""
        handler = self._handler(hub, "connect", user=False)
        if handler is None:
            return cloudevents.ConnectAnswer()
        body = cloudevents.connect_body(identity, headers, offered)
        try:
            answer = await self._deliver(handler, Event(hub, identity, "sys", "connect", 0, body))
        except EventFailed as error:
            raise Refused(500) from error
        if not answer.good:
            raise Refused(answer.status)
        try:
            return cloudevents.read_connect_answer(answer.body, offered)
        except EventFailed as error:
            log.warning("hub %s: %s", hub, error)
            raise Refused(500) from error

    async def connected(self, connection: Connection) -> None:
        await self._notify(connection, "connected", b"{}")

    async def disconnected(self, connection: Connection, reason: str) -> None:
        await self._notify(connection, "disconnected", cloudevents.disconnected_body(reason))

    async def user_event(self, connection: Connection, event: str, payload: Payload) -> Payload | None:
        """Raises EventFailed."""
        hub = connection.hub.name
        handler = self._handler(hub, event, user=True)
        if handler is None:
            raise EventFailed("No event handler takes the event.")
        number = connection.next_event_id()
        about = cloudevents.payload_headers(payload)
        sent = Event(hub, connection.identity, "user", event, number, payload.body, about)
        answer = await self._deliver(handler, sent)
        if not answer.good:
            raise EventFailed(f"The event handler answered {answer.status}.")
        return cloudevents.read_reply(answer.headers.get("Content-Type"), answer.headers, answer.body)

    async def _notify(self, connection: Connection, event: str, body: bytes) -> None:
        """Nobody waits for the answer; what fails is logged."""
        hub = connection.hub.name
        event_id = connection.next_event_id()
        handler = self._handler(hub, event, user=False)
        if handler is None:
            return
        try:
            answer = await self._deliver(handler, Event(hub, connection.identity, "sys", event, event_id, body))
        except EventFailed as error:
            log.warning("%s of connection %s was not delivered: %s", event, connection.id, error)
            return
        if not answer.good:
            log.warning("%s of connection %s was answered with %d", event, connection.id, answer.status)

    def _handler(self, hub: str, event: str, *, user: bool) -> EventHandler | None:
        for handler in self._config.handlers_of(hub):
            if handler.takes_user(event) if user else handler.takes_system(event):
                return handler
        return None

    # -- delivery -------------------------------------------------------------------------------------------------

    async def _deliver(self, handler: EventHandler, event: Event) -> "Answer":
        """The handler's answer, whatever its status. Raises EventFailed where there is none."""
        headers = event.headers(self._config.keys, self._origin())
        url = handler.target(event.hub, event.name)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._ask(handler.target(event.hub, VALIDATE))
                answer = await self._try(url, headers, event.body, event.identity)
        except TimeoutError as error:
            self.failed += 1
            raise EventFailed("The event handler took too long.") from error
        except EventFailed:
            self.failed += 1
            raise
        self.delivered += 1
        if answer.good and event.is_blocking and cloudevents.STATE in answer.headers:
            event.identity.state = answer.headers.getall(cloudevents.STATE)[-1]
        return answer

    async def _ask(self, url: str) -> None:
        if not await self.abuse.permits(url):
            raise EventFailed("The event handler did not allow this service.")

    async def _try(self, url: str, headers: dict[str, str], body: bytes, identity: Identity) -> "Answer":
        tries = len(self.pauses) + 1
        for number in range(tries):
            last = number == tries - 1
            try:
                answer = await self._post(url, headers, body, identity)
            except Unreachable as error:
                if last:
                    raise EventFailed("The event handler cannot be reached.") from error
            else:
                if last or not (answer.status == 408 or answer.status >= 500):  # noqa: PLR2004
                    return answer
            await asyncio.sleep(self.pauses[number])
        raise AssertionError(tries)

    async def _post(self, url: str, headers: dict[str, str], body: bytes, identity: Identity) -> "Answer":
        cookies = identity.cookies.output(attrs=[], header="", sep=";").strip()
        if cookies:
            headers = headers | {"Cookie": cookies}
        answer = await self._http().post(url, headers, body)
        if answer.status < 400:  # noqa: PLR2004
            identity.cookies.update(answer.cookies)
        return answer

    def _http(self) -> "HandlerHttp":
        if self._opened is None:
            from devhost.webpubsub.handler_http import HandlerHttp

            self._opened = HandlerHttp()
        return self._opened
