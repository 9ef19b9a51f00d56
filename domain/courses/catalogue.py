"""The catalogue as readers get it: a snapshot in memory, so that a page costs no store call.

The snapshot is brought up to date by one query for the entries that changed, at most every 30 s and only when
somebody asks; requests that meet there share one refresh. Why so: `docs/adr/0050-catalogue-snapshot.md`.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from domain.courses.entries import CATALOGUE_PK, read_summary
from domain.courses.model import Summary
from domain.courses.search import Page, Snapshot, Wanted
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import COURSES
from domain.kernel.documents import DocumentStore, Query, Stored
from domain.kernel.errors import Unavailable

FRESH_FOR: Final = timedelta(seconds=30)
"""Age up to which a snapshot is served without asking the store."""
STALE_AFTER: Final = timedelta(seconds=60)
"""Age beyond which it is not served at all, even when the store is away: the contract's limit."""
RETRY_AFTER: Final = timedelta(seconds=5)
"""Pause between attempts while the store is away and the old snapshot still serves."""
OVERLAP: Final = timedelta(minutes=2)
"""How far each refresh looks back before the last one began: more than a write can take to become visible, plus what
the clocks of two instances may differ."""
RELOAD_AFTER: Final = timedelta(hours=1)
"""A snapshot is read afresh this often, whatever its refreshes said."""
_PAGE: Final = 1000


class Catalogue:
    """One per process. Not for writing: see `domain.courses.publishing`."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._snapshot = Snapshot({})
        self._etags: dict[str, str] = {}
        self._as_of: datetime | None = None
        """When the refresh that made the snapshot began: it holds everything visible then."""
        self._reload_at: datetime | None = None
        self._retry_at: datetime | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def page(self, wanted: Wanted, *, page: int, limit: int) -> tuple[Page, timedelta]:
        """A page of the listed courses as they were at most 60 s ago, and how long others may keep it.

        Raises Unavailable when the store has been away so long that nothing young enough is left.
        """
        snapshot = await self.snapshot()
        age = self._clock.now() - self._as_of if self._as_of is not None else STALE_AFTER
        return snapshot.page(wanted, page=page, limit=limit), min(FRESH_FOR, STALE_AFTER - age)

    async def snapshot(self) -> Snapshot:
        """All listed courses. Raises as `page` does."""
        now = self._clock.now()
        age = None if self._as_of is None else now - self._as_of
        if age is not None and timedelta(0) <= age < FRESH_FOR:
            return self._snapshot
        usable = age is not None and age < STALE_AFTER
        if usable and self._retry_at is not None and now < self._retry_at:
            return self._snapshot
        try:
            await self._refresh()
        except Unavailable:
            if not usable:
                raise
            self._retry_at = now + RETRY_AFTER
        return self._snapshot

    async def _refresh(self) -> None:
        """Everyone who comes while a refresh runs waits for that one; a waiter that gives up does not end it."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.ensure_future(self._bring_up_to_date())
            self._refreshing.add_done_callback(_heard)
        await asyncio.shield(self._refreshing)

    async def _bring_up_to_date(self) -> None:
        started = self._clock.now()
        whole = self._reload_at is None or started >= self._reload_at
        above = "" if whole or self._as_of is None else to_iso(self._as_of - OVERLAP)
        known = {} if whole else self._etags
        etags: dict[str, str] = {}
        changes: dict[str, Summary | None] = {}
        while True:
            found = await self._documents.query(COURSES, CATALOGUE_PK, Query(order="rev", above=above, limit=_PAGE))
            for stored in found:
                if known.get(stored.item["id"]) != stored.etag:
                    etags[stored.item["id"]] = stored.etag
                    changes.update(_change(stored))
            if len(found) < _PAGE:
                break
            above = found[-1].item["rev"]
        # No waiting from here on: readers see the old state or the new one.
        if whole:
            self._snapshot = Snapshot({key: summary for key, summary in changes.items() if summary is not None})
            self._reload_at = started + RELOAD_AFTER
        elif changes:
            self._snapshot = self._snapshot.changed(changes)
        known.update(etags)
        self._etags, self._as_of, self._retry_at = known, started, None


def _heard(task: asyncio.Task[None]) -> None:
    """A failure that every waiter gave up on is not an unheard one: the next reader tries again."""
    if not task.cancelled():
        task.exception()


def _change(stored: Stored) -> dict[str, Summary | None]:
    course_id = stored.item["id"].removeprefix("entry:")
    return {course_id: read_summary(stored.item) if stored.item["listed"] else None}
