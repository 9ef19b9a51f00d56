"""Sessions as items of the container `accounts`, in the partition of their person."""

from datetime import datetime, timedelta
from typing import Final

from domain.auth.model import Session
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item, Patch

SESSION_PREFIX: Final = "session:"
REVOKED_KEPT_FOR: Final = timedelta(days=1)
"""A revoked session answers `token_revoked` while its item is there, and just so when it is gone."""


def session_item_id(session_id: str) -> str:
    return SESSION_PREFIX + session_id


def session_item(session: Session, now: datetime) -> Item:
    return {
        "pk": session.user_id,
        "id": session_item_id(session.id),
        "type": "session",
        "epoch": session.epoch,
        "generation": session.generation,
        "rotatedAt": [to_iso(moment) for moment in session.rotated],
        "createdAt": to_iso(session.created_at),
        "lastUsedAt": to_iso(session.last_used_at),
        "expiresAt": to_iso(session.expires_at),
        "endsAt": to_iso(session.ends_at),
        "device": session.device,
        "ip": session.ip,
        "revokedAt": None if session.revoked_at is None else to_iso(session.revoked_at),
        "ttl": max(1, int((session.expires_at - now).total_seconds()) + 1),
    }


def read_session(item: Item) -> Session:
    return Session(
        id=item["id"].removeprefix(SESSION_PREFIX),
        user_id=item["pk"],
        epoch=item["epoch"],
        generation=item["generation"],
        rotated=tuple(from_iso(text) for text in item["rotatedAt"]),
        created_at=from_iso(item["createdAt"]),
        last_used_at=from_iso(item["lastUsedAt"]),
        expires_at=from_iso(item["expiresAt"]),
        ends_at=from_iso(item["endsAt"]),
        device=item["device"],
        ip=item["ip"],
        revoked_at=None if item["revokedAt"] is None else from_iso(item["revokedAt"]),
    )


def revoke_patch(session_id: str, now: datetime) -> Patch:
    """Ends one session, however often it is applied, and whatever is being written to it meanwhile."""
    return Patch(
        session_item_id(session_id),
        set={"revokedAt": to_iso(now), "ttl": int(REVOKED_KEPT_FOR.total_seconds())},
    )
