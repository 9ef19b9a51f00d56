"""Clients without a subprotocol: bare payloads out; each frame in is an event `message`, or goes to one group."""

from functools import partial

from devhost.webpubsub.client_socket import ClientSocket
from devhost.webpubsub.connection import Connection, EventFailed, Identity, Surroundings
from devhost.webpubsub.frames import INVALID, POLICY, SERVER_ERROR
from devhost.webpubsub.hub import Hub
from devhost.webpubsub.messages import DataType, Message, Payload
from devhost.webpubsub.permissions import Action


class SimpleConnection(Connection):
    """With *publish_to*, what the client sends goes to that group, if its roles permit."""

    def __init__(
        self,
        service: Surroundings,
        hub: Hub,
        identity: Identity,
        socket: ClientSocket,
        *,
        publish_to: str | None,
        no_echo: bool,
    ) -> None:
        super().__init__(service, hub, identity, socket)
        self._publish_to = publish_to
        self._no_echo = no_echo

    def received(self, socket: ClientSocket, data: bytes, *, is_text: bool) -> None:
        if socket is not self.socket:
            return
        if is_text:
            try:
                data.decode()
            except UnicodeDecodeError:
                self.end("Text is UTF-8.", INVALID)
                return
        payload = Payload(DataType.TEXT if is_text else DataType.BINARY, data)
        if self._publish_to is None:
            self.in_order(partial(self._raise_event, payload))
        elif self.permissions.allows(Action.SEND, self._publish_to):
            message = Message(payload, group=self._publish_to, from_user=self.user_id)
            self.hub.send(self.hub.members(self._publish_to), message, excluded=(self.id,) if self._no_echo else ())
        else:
            self.end(f"The client may not send to group '{self._publish_to}'.", POLICY)

    async def _raise_event(self, payload: Payload) -> None:
        try:
            reply = await self._service.events.user_event(self, "message", payload)
        except EventFailed as error:
            self.end(str(error), SERVER_ERROR)
            return
        if reply is not None:
            self.deliver(Message(reply))

    def deliver(self, message: Message) -> None:
        if self.socket is not None:
            self.socket.put(message.bare_entry)
