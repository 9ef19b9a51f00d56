"""The catalogue in memory: immutable, filtered, sorted and cut into pages without a call to anything."""

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.courses.model import Category, Level, Summary

MAX_KEPT: Final = 1_000_000
"""How many references the results kept for one snapshot may hold together (8 MB)."""


def fold(text: str) -> str:
    """Text as it is searched: without case, accents and compatibility forms (`Résumé` is `resume`)."""
    # Twice, because taking apart can make capitals (U+2122 is TM) and folding can make things to take apart.
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


Key = Callable[[Summary], tuple[Any, ...]]

# Each ends in the id, so that equals keep one order on every page and every instance.
SORTS: Final[Mapping[str, Key]] = {
    "newest": lambda one: (-one.created_at.timestamp(), one.id),
    "title": lambda one: (fold(one.title), one.id),
    "popular": lambda one: (-one.stats.enrolled, one.id),
    "rating": lambda one: (-one.stats.rating, -one.stats.rating_count, one.id),
    "duration": lambda one: (one.minutes, one.id),
}
"""Best first: newest, A to Z, most enrolled, best rated, shortest. A `-` before the name turns it round."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks of the catalogue. *sort* is a name of `SORTS`, perhaps with a `-` before it.

    Every word of *query* must occur somewhere in title, description or instructor.
    """

    category: Category | None = None
    level: Level | None = None
    query: str = ""
    sort: str = "newest"


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[Summary]
    page: int
    limit: int
    total: int

    @property
    def total_pages(self) -> int:
        return -(-self.total // self.limit)


@dataclass(slots=True)
class Snapshot:
    """All listed courses at one moment. What it works out once, it keeps; it never changes what it says."""

    by_id: Mapping[str, Summary]
    _orders: dict[str, list[Summary]] = field(default_factory=dict)
    _results: dict[Wanted, Sequence[Summary]] = field(default_factory=dict)
    _kept: int = 0

    def page(self, wanted: Wanted, *, page: int, limit: int) -> Page:
        """Page *page* (from 1) of what is wanted; empty beyond the end. Raises KeyError for an unknown sort."""
        found = self._find(wanted)
        start = (page - 1) * limit
        return Page(found[start : start + limit], page, limit, len(found))

    def _find(self, wanted: Wanted) -> Sequence[Summary]:
        words = tuple(sorted(set(fold(wanted.query).split())))
        key = Wanted(wanted.category, wanted.level, " ".join(words), wanted.sort)
        found = self._results.pop(key, None)
        if found is None:
            found = self._order(wanted.sort)
            if wanted.category or wanted.level or words:
                found = [
                    one
                    for one in found
                    if (wanted.category is None or one.category is wanted.category)
                    and (wanted.level is None or one.level is wanted.level)
                    and all(word in one.text for word in words)
                ]
            self._kept += len(found) + 1
        self._results[key] = found  # last in the dict: used last
        while self._kept > MAX_KEPT and len(self._results) > 1:
            self._kept -= len(self._results.pop(next(iter(self._results)))) + 1
        return found

    def _order(self, sort: str) -> list[Summary]:
        name = sort.removeprefix("-")
        order = self._orders.get(name)
        if order is None:
            order = self._orders[name] = sorted(self.by_id.values(), key=SORTS[name])
        return order if name == sort else order[::-1]

    def changed(self, changes: Mapping[str, Summary | None]) -> "Snapshot":
        """The next snapshot: *changes* by course id, None for a course that is no longer listed.

        Orders already worked out are carried over by moving what changed, so that one new enrolment among 100,000
        courses does not sort them all again.
        """
        by_id = dict(self.by_id)
        for course_id, summary in changes.items():
            if summary is None:
                by_id.pop(course_id, None)
            else:
                by_id[course_id] = summary
        following = Snapshot(by_id)
        few = len(changes) * 20 < len(by_id)
        for name, order in self._orders.items() if few else ():
            following._orders[name] = _moved(order, SORTS[name], self.by_id, changes)
        return following


def _moved(
    order: list[Summary], key: Key, before: Mapping[str, Summary], changes: Mapping[str, Summary | None]
) -> list[Summary]:
    moved = list(order)
    for course_id, summary in changes.items():
        old = before.get(course_id)
        if old is not None:
            del moved[bisect_left(moved, key(old), key=key)]
        if summary is not None:
            moved.insert(bisect_left(moved, key(summary), key=key), summary)
    return moved
