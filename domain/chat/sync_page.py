"""One page of a sync in the making: where it stands, and what of a conversation belongs on it.  Pure.

See `domain/chat/sync.py`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.drafts import SavedDraft, no_draft
from domain.chat.lateness import look_back
from domain.chat.records import member_of
from domain.chat.scheduled import scheduled_of
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

OVERLAP: Final = timedelta(seconds=10)
"""By how much clocks of instances may differ, and a write be seen after its own time stamp."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """*since*: everything before is known. The rest is the way through one round, which began at *until*."""

    since: str
    until: str | None = None
    place: str | None = None
    """The `changedAt` of the last conversation gone through."""
    within: tuple[str, str] | None = None
    """A conversation not gone through to the end, and the `changedAt` of its last change handed out."""
    given: tuple[str, ...] = ()
    """Digests of what was handed out in the overlap."""


@dataclass(frozen=True, slots=True)
class SyncPage:
    changes: list[dict[str, Any]]
    cursor: Cursor
    has_more: bool


@dataclass(slots=True)
class Round:
    """One page in the making."""

    me: str
    cursor: Cursor
    until: str
    limit: int
    changes: list[dict[str, Any]]
    overlap: str
    """From here on a later page may meet a change again."""
    given: dict[str, None]
    renewed: list[Item]
    """Places whose conversation itself changed: its row is added at the end."""

    @property
    def room_left(self) -> int:
        return self.limit - len(self.changes)

    def is_news(self, key: str, version: str, changed_at: str) -> bool:
        """Whether this was not handed out already; remembers it where it could come again."""
        if changed_at < self.overlap and not self.cursor.given:
            return True
        mark = hashlib.sha256(f"{key}:{version}".encode()).hexdigest()[:10]
        if mark in self.cursor.given or mark in self.given:
            return False
        if changed_at >= self.overlap:
            self.given[mark] = None
        return True


@dataclass(frozen=True, slots=True)
class Look:
    """What one query gave: items with their etags, *after* a change. *full*: there may be more."""

    found: list[tuple[Item, str]]
    after: str
    full: bool

    @property
    def last(self) -> str:
        return self.found[-1][0]["changedAt"] if self.found else self.after


def above(step: Round, place: Item, entered: Mapping[str, Item | None]) -> str:
    """The change after which there may be news in a conversation."""
    begun = step.cursor.within
    if begun and begun[0] == place["conversationId"]:
        return begun[1]
    return to_iso(look_back(from_iso(step.cursor.since) - OVERLAP, entered[place["conversationId"]]))


def tell_left(step: Round, place: Item) -> None:
    recent = place["changedAt"] >= to_iso(from_iso(step.cursor.since) - OVERLAP)
    if (recent or place["type"] == "membership") and step.is_news(place["id"], place["changedAt"], place["changedAt"]):
        step.changes.append({"type": "left", "data": {"conversationId": place["conversationId"]}})


def tell_muted(step: Round, place: Item) -> None:
    muted_on = place.get("mutedOn", "")
    floor = to_iso(from_iso(step.cursor.since) - OVERLAP)
    if muted_on >= floor and step.is_news(f"muted:{place['conversationId']}", muted_on, muted_on):
        step.renewed.append(place)


def tell_own(step: Round, item: Item, draft: SavedDraft | None) -> None:
    """What is nobody else's: a scheduled message, or what a draft's pointer leads to by now."""
    if item["changedAt"] < to_iso(from_iso(step.cursor.since) - OVERLAP):
        return
    if item["type"] == "scheduled":
        data = scheduled_of(item).view()
    else:
        data = draft.view() if draft else no_draft(item["conversationId"])
    if step.is_news(item["id"], str(data), item["changedAt"]):
        step.changes.append({"type": item["type"], "data": data})


def participant(conversation_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    member = member_of(dict(item))
    return {
        "type": "participant",
        "data": {
            "conversationId": conversation_id,
            "userId": member.user_id,
            "role": member.role,
            "lastReadSeq": member.last_read_seq,
            "lastReadAt": _iso(member.last_read_at),
            "leftAt": _iso(member.left_at),
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return to_iso(moment) if moment else None
