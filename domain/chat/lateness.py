"""Changes that made themselves known late, because the queue or this process was down.

A client's cursor may by then be past the change's own time, so it would look for it in vain. The conversation
remembers such windows (`conv:late`): whoever's cursor is older than the window's end looks back to its beginning.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.model import partition_of
from domain.chat.records import LATE, LEFT_KEPT
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, ItemExists, ItemNotFound, ItemStale
from domain.kernel.errors import Unavailable

IN_TIME: Final = timedelta(seconds=5)
"""Half of what every sync looks back anyway (`sync.OVERLAP`): clocks may differ by the other half."""

MAX_WINDOWS: Final = 8
MARGIN: Final = timedelta(minutes=2)
"""How long making it known may take once it has begun."""

RACES: Final = 8


async def remember(documents: DocumentStore, conversation_id: str, changed: datetime, now: datetime) -> None:
    """Before a change of *changed* is made known at *now*. Nothing to do when that is in time. Raises Unavailable."""
    if now - changed <= IN_TIME:
        return
    pk = partition_of(conversation_id)
    for _ in range(RACES):
        there = await documents.find(CHAT, pk, LATE)
        windows = [*(there.item["windows"] if there else ()), [to_iso(changed), to_iso(now + MARGIN)]]
        ttl = int(LEFT_KEPT.total_seconds())
        item: Item = {"id": LATE, "pk": pk, "type": "late", "windows": merged(windows), "ttl": ttl}
        try:
            if there is None:
                await documents.create(CHAT, item)
            else:
                await documents.replace(CHAT, item, if_match=there.etag)
        except (ItemExists, ItemStale, ItemNotFound):
            continue
        return
    raise Unavailable


def merged(windows: Sequence[list[str]]) -> list[list[str]]:
    """Those that touch become one; and the two oldest, while there are too many."""
    result: list[list[str]] = []
    for begin, end in sorted(windows):
        if result and begin <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        else:
            result.append([begin, end])
    while len(result) > MAX_WINDOWS:
        result[0:2] = [[result[0][0], result[1][1]]]
    return result


def look_back(floor: datetime, late: Mapping[str, Any] | None) -> datetime:
    """From when on a client that knows everything before *floor* has to look."""
    reached = to_iso(floor)
    begins = [begin for begin, end in (late["windows"] if late else ()) if end >= reached]
    return min([floor, *(from_iso(begin) for begin in begins)])
