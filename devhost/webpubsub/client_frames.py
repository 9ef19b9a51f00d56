"""What a client of the JSON subprotocols may say, parsed and checked.

`data` of type json is kept as the bytes that came: what one client wrote is what the others read, with its large
numbers and its order of keys.
"""

import base64
import binascii
from typing import Annotated, Any, Final

import msgspec

from devhost.webpubsub.messages import DataType, Payload
from devhost.webpubsub.names import is_event, is_group

MAX_METADATA_KEY: Final = 256
MAX_METADATA_VALUE: Final = 1024
MAX_METADATA: Final = 8 * 1024
MAX_TTL: Final = 300

_Id = Annotated[int, msgspec.Meta(ge=0)]
MAX_ID: Final = 2**64 - 1


class BadFrame(ValueError):
    """Not a frame of the subprotocol. The text may be shown to the client."""


class Ping(msgspec.Struct, frozen=True):
    pass


class SequenceAck(msgspec.Struct, frozen=True, rename="camel"):
    sequence_id: _Id


class _Acked(msgspec.Struct, frozen=True, rename="camel"):
    ack_id: _Id | None = None


class JoinGroup(_Acked, frozen=True, kw_only=True):
    group: str


class LeaveGroup(_Acked, frozen=True, kw_only=True):
    group: str


class _WithData(_Acked, frozen=True, kw_only=True, rename="camel"):
    data_type: str = "json"
    data: msgspec.Raw = msgspec.Raw()
    metadata: dict[str, str] | None = None

    @property
    def payload(self) -> Payload:
        return _payload(self)


class SendToGroup(_WithData, frozen=True, kw_only=True, rename="camel"):
    group: str
    no_echo: bool = False
    ttl_seconds: Annotated[int, msgspec.Meta(ge=0, le=MAX_TTL)] | None = None


class SendEvent(_WithData, frozen=True, kw_only=True):
    event: str


ClientFrame = Ping | SequenceAck | JoinGroup | LeaveGroup | SendToGroup | SendEvent


class _Head(msgspec.Struct):
    type: str


_HEAD: Final = msgspec.json.Decoder(_Head)
_KINDS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "ping": msgspec.json.Decoder(Ping),
    "sequenceack": msgspec.json.Decoder(SequenceAck),
    "joingroup": msgspec.json.Decoder(JoinGroup),
    "leavegroup": msgspec.json.Decoder(LeaveGroup),
    "sendtogroup": msgspec.json.Decoder(SendToGroup),
    "event": msgspec.json.Decoder(SendEvent),
}


def parse(data: bytes) -> ClientFrame:
    """One text frame. Raises BadFrame."""
    try:
        data.decode()
        decoder = _KINDS.get(_HEAD.decode(data).type.lower())
        if decoder is None:
            raise BadFrame("The type of the frame is not known.")
        parsed: ClientFrame = decoder.decode(data)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise BadFrame("The frame is not valid JSON of the subprotocol.") from error
    if isinstance(parsed, JoinGroup | LeaveGroup | SendToGroup) and not is_group(parsed.group):
        raise BadFrame("The name of the group is not valid.")
    if isinstance(parsed, _Acked) and (parsed.ack_id or 0) > MAX_ID:
        raise BadFrame("The ackId is too large.")
    if isinstance(parsed, SendEvent) and not is_event(parsed.event):
        raise BadFrame("The name of the event is not valid.")
    if isinstance(parsed, SendToGroup | SendEvent):
        _payload(parsed)
    return parsed


def _payload(frame: _WithData) -> Payload:
    check_metadata(frame.metadata)
    metadata = {key.lower(): value for key, value in frame.metadata.items()} if frame.metadata else None
    try:
        data_type = DataType(frame.data_type.lower())
    except ValueError as error:
        raise BadFrame("The dataType is not known.") from error
    raw = bytes(frame.data).strip()
    if raw in (b"", b"null"):
        raise BadFrame("The frame has no data.")
    if data_type is DataType.JSON:
        return Payload(data_type, raw, metadata)
    try:
        text = msgspec.json.decode(raw, type=str)
        body = base64.b64decode(text, validate=True) if data_type.is_bytes else text.encode()
    except (msgspec.MsgspecError, binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise BadFrame("The data does not match its dataType.") from error
    return Payload(data_type, body, metadata)


def check_metadata(metadata: dict[str, str] | None) -> None:
    """ASCII, keys up to 256 bytes, values up to 1 KB, 8 KB in all. Raises BadFrame."""
    if not metadata:
        return
    for key, value in metadata.items():
        if not key or len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE:
            raise BadFrame("A key or value of the metadata is too long, or empty.")
        if not (key + value).isascii() or any(ord(c) < 0x20 or c == "\x7f" for c in key + value):  # noqa: PLR2004
            raise BadFrame("Metadata is printable ASCII.")
    if sum(len(key) + len(value) for key, value in metadata.items()) > MAX_METADATA:
        raise BadFrame("There is too much metadata.")
