"""The JSON of Web Push."""

from typing import Annotated

from msgspec import Meta

from domain.chat.push import MAX_ENDPOINT_CHARS, Device
from domain.kernel.clock import to_iso
from web.bodies import In, Out

MAX_KEY_CHARS = 128


class PushKeyOut(Out):
    public_key: str
    """A point of P-256 in base64url."""


class PushKeysIn(In):
    p256dh: Annotated[str, Meta(min_length=1, max_length=MAX_KEY_CHARS, description="65 bytes in base64url.")]
    auth: Annotated[str, Meta(min_length=1, max_length=MAX_KEY_CHARS, description="16 bytes in base64url.")]


class SubscribeIn(In):
    """What `PushSubscription.toJSON()` gives. *expirationTime* is not needed: what has ended answers so."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=MAX_ENDPOINT_CHARS)]
    keys: PushKeysIn
    expiration_time: float | None = None


class DeviceOut(Out):
    """*service* is the push service's host; *current*: of the sign-in that asks."""

    id: str
    service: str
    created_at: str
    current: bool

    @classmethod
    def of(cls, device: Device, session_id: str) -> "DeviceOut":
        return cls(device.id, device.target.service, to_iso(device.created_at), device.session_id == session_id)


class DevicesOut(Out):
    items: list[DeviceOut]
