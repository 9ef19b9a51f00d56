"""CloudEvents 1.0 (binary mode over HTTP) as Azure Web PubSub sends them to its event handler.

The signature is an HMAC of the connection id alone: it proves that the sender knows a key, not what it sent, so the
handler still checks that the event matches the connection it names.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.kernel.errors import Forbidden, Invalid

SYSTEM: Final = "azure.webpubsub.sys."
USER: Final = "azure.webpubsub.user."


class BadSignature(Forbidden):
    """The event was not signed with one of our keys."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """*id* counts per connection: the same *connection_id* and *id* again is a retry of the same event."""

    kind: str
    """`sys.connect`, `sys.connected`, `sys.disconnected`, or `user.<name>`."""
    id: str
    hub: str
    connection_id: str
    user_id: str | None
    signature: str = field(repr=False)


def read_event(headers: Mapping[str, str]) -> CloudEvent:
    """Read the `ce-` headers (names in lower case). Raises Invalid for what is missing or malformed."""

    def need(name: str) -> str:
        value = headers.get(name, "")
        if not value or len(value) > 1024:  # noqa: PLR2004 - far beyond any the service sends
            raise Invalid.field(name, "required", "This header is needed.")
        return value

    kind = need("ce-type")
    if kind.startswith((SYSTEM, USER)):
        kind = kind.removeprefix("azure.webpubsub.")
    else:
        raise Invalid.field("ce-type", "unknown", "This is not an event of Azure Web PubSub.")
    source, connection_id = headers.get("ce-source"), need("ce-connectionid")
    if source is not None and source.rpartition("/")[2] != connection_id:
        raise Invalid.field("ce-source", "format", "Is not the connection that ce-connectionId names.")
    return CloudEvent(
        kind=kind,
        id=need("ce-id"),
        hub=need("ce-hub").lower(),
        connection_id=connection_id,
        user_id=headers.get("ce-userid") or None,
        signature=headers.get("ce-signature", ""),
    )


def check_signature(event: CloudEvent, keys: Sequence[str]) -> None:
    """Compare in constant time with what each of our access keys would give. Raises BadSignature."""
    given = [entry.strip().removeprefix("sha256=").encode() for entry in event.signature.split(",")]
    message = event.connection_id.encode()
    for key in keys:
        want = hmac.new(key.encode(), message, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(want, entry) for entry in given):
            return
    raise BadSignature


def allowed_origin(headers: Mapping[str, str], hosts: Sequence[str]) -> str | None:
    """The `WebHook-Request-Origin` if it is one of ours (abuse protection, CloudEvents webhook spec §4)."""
    asked = [origin.strip().lower() for origin in headers.get("webhook-request-origin", "").split(",")]
    return next((host for host in hosts if host.lower() in asked), None)
