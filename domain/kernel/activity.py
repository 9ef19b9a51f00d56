"""The trail of what happened to an account, for its owner: written in the same batch as what it tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

KEPT_FOR: Final = timedelta(days=365)
ID_PREFIX: Final = "activity:"


@dataclass(frozen=True, slots=True)
class Activity:
    """*code* is a stable slug (`signed_in`, `password_changed`). *ip* and *device* as in the list of sessions.

    *details* are ids and codes (`sessionId`, `role`, `actorId` where that was not the owner), never text.
    """

    id: str
    code: str
    at: datetime
    ip: str | None = field(default=None, repr=False)
    device: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    def to_item(self, user_id: str) -> Item:
        """In the owner's partition of `accounts`; ids are UUIDv7, so their order is the order of events."""
        return {
            "pk": user_id,
            "id": f"{ID_PREFIX}{self.id}",
            "type": "activity",
            "code": self.code,
            "at": to_iso(self.at),
            "ip": self.ip,
            "device": self.device,
            "details": dict(self.details),
            "ttl": int(KEPT_FOR.total_seconds()),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Activity":
        return cls(
            id=item["id"].removeprefix(ID_PREFIX),
            code=item["code"],
            at=from_iso(item["at"]),
            ip=item["ip"],
            device=item["device"],
            details=item["details"],
        )
