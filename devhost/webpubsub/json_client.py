"""Clients of `json.webpubsub.azure.v1`."""

from collections import OrderedDict
from functools import partial
from typing import Any, Final

from devhost.webpubsub.client_frames import (
    BadFrame,
    ClientFrame,
    JoinGroup,
    LeaveGroup,
    Ping,
    SendEvent,
    SendToGroup,
    SequenceAck,
    parse,
)
from devhost.webpubsub.client_socket import ClientSocket
from devhost.webpubsub.connection import Connection, EventFailed, Identity, Surroundings
from devhost.webpubsub.frames import INVALID, UNSUPPORTED, Entry, json_frame
from devhost.webpubsub.hub import Hub
from devhost.webpubsub.messages import Message
from devhost.webpubsub.permissions import Action

PONG: Final[Entry] = json_frame({"type": "pong"})


class JsonConnection(Connection):
    """The last 1,000 *successful* ackIds are remembered: a repeated request is done once, a failed one may be
    tried again."""

    def __init__(self, service: Surroundings, hub: Hub, identity: Identity, socket: ClientSocket) -> None:
        super().__init__(service, hub, identity, socket)
        self._acked: OrderedDict[int, None] = OrderedDict()

    def greet(self) -> None:
        self._put(json_frame({"type": "system", "event": "connected", **self._greeting_fields()}))

    def _greeting_fields(self) -> dict[str, Any]:
        return {"userId": self.user_id, "connectionId": self.id}

    def say_goodbye(self, reason: str) -> None:
        self._put(json_frame({"type": "system", "event": "disconnected", "message": reason}))

    def received(self, socket: ClientSocket, data: bytes, *, is_text: bool) -> None:
        if socket is not self.socket:
            return
        if not is_text:
            self.end("The JSON subprotocol takes text frames.", UNSUPPORTED)
            return
        try:
            frame = parse(data)
        except BadFrame as error:
            self.end(str(error), INVALID)
            return
        match frame:
            case Ping():
                self._put(PONG)
            case SequenceAck(sequence_id):
                self.acknowledged(sequence_id)
            case SendEvent():
                self.in_order(partial(self._raise_event, frame))
            case _ if self.busy:
                self.in_order(partial(self._do_later, frame))
            case _:
                self._do(frame)

    def acknowledged(self, sequence_id: int) -> None:
        """Only the reliable subprotocol numbers its messages."""

    async def _do_later(self, frame: ClientFrame) -> None:
        self._do(frame)

    def _do(self, frame: ClientFrame) -> None:
        match frame:
            case JoinGroup(group=group, ack_id=ack_id):
                if self._is_new(ack_id) and self._allowed(Action.JOIN_LEAVE, group, ack_id):
                    self.hub.join(self, group)
                    self._succeed(ack_id)
            case LeaveGroup(group=group, ack_id=ack_id):
                if self._is_new(ack_id) and self._allowed(Action.JOIN_LEAVE, group, ack_id):
                    self.hub.leave(self, group)
                    self._succeed(ack_id)
            case SendToGroup(group=group, ack_id=ack_id):
                if self._is_new(ack_id) and self._allowed(Action.SEND, group, ack_id):
                    self._publish(frame)
                    self._succeed(ack_id)
            case _:
                raise AssertionError(frame)

    def _publish(self, frame: SendToGroup) -> None:
        message = Message(frame.payload, group=frame.group, from_user=self.user_id, ttl=frame.ttl_seconds or 0)
        self.hub.send(self.hub.members(frame.group), message, excluded=(self.id,) if frame.no_echo else ())

    async def _raise_event(self, frame: SendEvent) -> None:
        if not self._is_new(frame.ack_id):
            return
        try:
            reply = await self._service.events.user_event(self, frame.event, frame.payload)
        except EventFailed as error:
            self._fail(frame.ack_id, "InternalServerError", str(error))
            return
        if reply is not None:
            self.deliver(Message(reply))
        self._succeed(frame.ack_id)

    def deliver(self, message: Message) -> None:
        if self.socket is not None:
            self.socket.put(message.json_entry)

    # -- acks -----------------------------------------------------------------------------------------------------

    def _is_new(self, ack_id: int | None) -> bool:
        if ack_id is None or ack_id not in self._acked:
            return True
        self._fail(ack_id, "Duplicate", f"The request with ackId {ack_id} was done before.")
        return False

    def _allowed(self, action: Action, group: str, ack_id: int | None) -> bool:
        if self.permissions.allows(action, group):
            return True
        self._fail(ack_id, "Forbidden", f"The client has no permission {action.value} for group '{group}'.")
        return False

    def _succeed(self, ack_id: int | None) -> None:
        if ack_id is None:
            return
        self._acked[ack_id] = None
        if len(self._acked) > self._service.config.limits.ack_ids:
            self._acked.popitem(last=False)
        self._put(json_frame({"type": "ack", "ackId": ack_id, "success": True}))

    def _fail(self, ack_id: int | None, name: str, message: str) -> None:
        if ack_id is not None:
            error = {"name": name, "message": message}
            self._put(json_frame({"type": "ack", "ackId": ack_id, "success": False, "error": error}))

    def _put(self, entry: Entry) -> None:
        if self.socket is not None:
            self.socket.put(entry)
