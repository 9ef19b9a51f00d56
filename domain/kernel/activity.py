"""The audit trail a person can read about their own account: codes and ids, never text or addresses of others.

An entry is written in the same batch as what it tells of. It expires by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

ACTIVITY_PREFIX: Final = "activity:"
ACTIVITY_TTL: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Activity:
    """*id* is a UUIDv7, so that the order of ids is the order of events.

    *code* is a stable slug (`signed_in`, `password_changed`). *details* are ids and codes (`sessionId`, `role`).
    *device* and *ip* are the actor's own, when there was a request.
    """

    id: str
    code: str
    at: datetime
    device: str | None = None
    ip: str | None = field(default=None, repr=False)
    details: Mapping[str, str] = field(default_factory=dict)


def activity_item(user_id: str, activity: Activity) -> Item:
    return {
        "id": ACTIVITY_PREFIX + activity.id,
        "pk": user_id,
        "type": "activity",
        "code": activity.code,
        "at": to_iso(activity.at),
        "device": activity.device,
        "ip": activity.ip,
        "details": dict(activity.details),
        "ttl": int(ACTIVITY_TTL.total_seconds()),
    }


def read_activity(item: Item) -> Activity:
    return Activity(
        id=item["id"].removeprefix(ACTIVITY_PREFIX),
        code=item["code"],
        at=from_iso(item["at"]),
        device=item.get("device"),
        ip=item.get("ip"),
        details=item.get("details", {}),
    )
