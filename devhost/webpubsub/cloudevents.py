"""CloudEvents 1.0 in binary mode, as the service speaks it to event handlers: headers, bodies, answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import msgspec

from devhost.webpubsub.client_frames import BadFrame, check_metadata
from devhost.webpubsub.connection import EventFailed, Identity
from devhost.webpubsub.messages import DataType, Payload
from devhost.webpubsub.names import is_group
from devhost.webpubsub.tokens import sign

VERSION: Final = "1.0"
STATE: Final = "ce-connectionState"
METADATA: Final = "x-webpubsub-metadata-"
CONTENT_TYPES: Final = {
    DataType.TEXT: "text/plain",
    DataType.JSON: "application/json",
    DataType.BINARY: "application/octet-stream",
    DataType.PROTOBUF: "application/x-protobuf",
}
JSON: Final = "application/json; charset=utf-8"


def signature(keys: Sequence[bytes], connection_id: str) -> str:
    """`ce-signature`: one HMAC of the connection id for each key."""
    return ",".join(f"sha256={sign(key, connection_id.encode()).hex()}" for key in keys)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a connection. *kind* is `sys` or `user`; *number* counts the events of the connection."""

    hub: str
    identity: Identity
    kind: str
    name: str
    number: int
    body: bytes
    about_body: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    """The headers that describe *body*."""

    @property
    def is_blocking(self) -> bool:
        """Whether the client waits for the answer."""
        return self.kind == "user" or self.name == "connect"

    def headers(self, keys: Sequence[bytes], origin: str) -> dict[str, str]:
        identity = self.identity
        made = {
            **self.about_body,
            "WebHook-Request-Origin": origin,
            "ce-specversion": VERSION,
            "ce-awpsversion": VERSION,
            "ce-type": f"azure.webpubsub.{self.kind}.{self.name}",
            "ce-source": f"/hubs/{self.hub}/client/{identity.id}",
            "ce-id": str(self.number),
            "ce-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "ce-hub": self.hub,
            "ce-connectionId": identity.id,
            "ce-eventName": self.name,
            "ce-signature": signature(keys, identity.id),
        }
        if identity.user_id:
            made["ce-userId"] = header_text(identity.user_id)
        if identity.subprotocol and self.name != "connect":
            made["ce-subprotocol"] = identity.subprotocol
        if identity.state:
            made[STATE] = header_text(identity.state)
        return made


def header_text(text: str) -> str:
    """*text* as a header may hold it: control characters, which would end the header, are percent-encoded."""
    return "".join(quote(c) if c < " " or c == "\x7f" else c for c in text)


def payload_headers(payload: Payload) -> dict[str, str]:
    """What the headers of a user event say of its body."""
    metadata = {f"{METADATA}{key}": value for key, value in (payload.metadata or {}).items()}
    return {"Content-Type": CONTENT_TYPES[payload.data_type], **metadata}


def disconnected_body(reason: str) -> bytes:
    return msgspec.json.encode({"reason": reason})


def connect_body(identity: Identity, headers: Mapping[str, list[str]], subprotocols: Sequence[str]) -> bytes:
    return msgspec.json.encode(
        {
            "claims": identity.claims,
            "query": identity.query,
            "headers": headers,
            "subprotocols": subprotocols,
            "clientCertificates": [],
        }
    )


class ConnectAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What a handler may answer to `connect`; everything is optional."""

    user_id: str | None = None
    roles: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    subprotocol: str | None = None


def read_connect_answer(body: bytes, offered: Sequence[str]) -> ConnectAnswer:
    """Raises EventFailed for anything a handler must not say."""
    if not body:
        return ConnectAnswer()
    try:
        answer = msgspec.json.decode(body, type=ConnectAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EventFailed("The answer to the connect event is not understood.") from error
    if answer.subprotocol and answer.subprotocol not in offered:
        raise EventFailed("The event handler chose a subprotocol that was not offered.")
    if not all(is_group(group) for group in answer.groups or ()):
        raise EventFailed("The event handler named a group that cannot be.")
    return answer


def read_reply(content_type: str | None, headers: Mapping[str, Any], body: bytes) -> Payload | None:
    """The message a handler answered with; None for an empty one. Raises EventFailed."""
    metadata = {
        key.lower().removeprefix(METADATA): str(value)
        for key, value in headers.items()
        if key.lower().startswith(METADATA) and len(key) > len(METADATA)
    }
    if not body and not metadata:
        return None
    data_type = data_type_of(content_type)
    if data_type is None:
        raise EventFailed("The event handler answered with another content type.")
    try:
        check_metadata(metadata)
        return Payload(data_type, checked(data_type, body), metadata or None)
    except (BadFrame, ValueError) as error:
        raise EventFailed("The event handler's answer is not what its content type says.") from error


def data_type_of(content_type: str | None) -> DataType | None:
    """None for a content type that is not a message's; an absent one is binary."""
    name = (content_type or CONTENT_TYPES[DataType.BINARY]).partition(";")[0].strip().lower()
    for data_type, known in CONTENT_TYPES.items():
        if name == known and data_type is not DataType.PROTOBUF:
            return data_type
    return None


def checked(data_type: DataType, body: bytes, charset: str = "utf-8") -> bytes:
    """*body* as UTF-8, and as JSON where it must be. Raises ValueError."""
    if data_type is DataType.BINARY:
        return body
    try:
        text = body.decode(charset).encode()
    except LookupError as error:
        raise ValueError("an unknown charset") from error
    if data_type is DataType.JSON:
        try:
            msgspec.json.decode(text, type=msgspec.Raw)
        except RecursionError as error:
            raise ValueError("too deep") from error
        if text.strip() == b"":
            raise ValueError("no JSON")
    return text
