"""A message on its way to clients: encoded once for each kind of client, however many of them there are."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec

from devhost.webpubsub.frames import BINARY, FOREVER, TEXT, Entry, frame


class DataType(Enum):
    TEXT = "text"
    JSON = "json"
    BINARY = "binary"
    PROTOBUF = "protobuf"

    @property
    def is_bytes(self) -> bool:
        return self in (DataType.BINARY, DataType.PROTOBUF)


@dataclass(frozen=True, slots=True)
class Payload:
    """What somebody sent. *body* is UTF-8 for text, a JSON document for json, else the bytes themselves."""

    data_type: DataType
    body: bytes
    metadata: Mapping[str, str] | None = None


class Message:
    """One message from a group or from the server.

    *ttl* is in seconds, 0 means for ever. Encodings are made when the first receiver of a kind needs them.
    """

    def __init__(
        self, payload: Payload, *, group: str | None = None, from_user: str | None = None, ttl: float = 0
    ) -> None:
        self._payload = payload
        self._group = group
        self._from_user = from_user
        self.deadline = time.monotonic() + ttl if ttl else FOREVER

    @cached_property
    def _envelope(self) -> bytes:
        payload = self._payload
        fields: dict[str, Any] = {"type": "message", "from": "server"}
        if self._group is not None:
            fields |= {"from": "group", "group": self._group, "fromUserId": self._from_user}
        fields["dataType"] = payload.data_type.value
        if payload.data_type is DataType.JSON:
            fields["data"] = msgspec.Raw(payload.body)
        elif payload.data_type is DataType.TEXT:
            fields["data"] = payload.body.decode()
        else:
            fields["data"] = base64.b64encode(payload.body).decode()
        if payload.metadata:
            fields["metadata"] = payload.metadata
        return msgspec.json.encode(fields)

    @cached_property
    def size(self) -> int:
        return len(self._envelope)

    @cached_property
    def json_entry(self) -> Entry:
        """For `json.webpubsub.azure.v1`."""
        return frame(TEXT, self._envelope), self.deadline

    @cached_property
    def _tail(self) -> bytes:
        return self._envelope[1:]

    def reliable_entry(self, sequence_id: int) -> Entry:
        """For `json.reliable.webpubsub.azure.v1`: the same, with the receiver's own number in front."""
        return frame(TEXT, b'{"sequenceId":%d,%b' % (sequence_id, self._tail)), self.deadline

    @cached_property
    def bare_entry(self) -> Entry:
        """For clients without a subprotocol: the data and nothing else."""
        opcode = BINARY if self._payload.data_type.is_bytes else TEXT
        return frame(opcode, self._payload.body), self.deadline
