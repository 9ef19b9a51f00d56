"""Operations on one partition: all are decided on what is there, then written, so that a refusal writes nothing."""

import itertools
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from adapters.documents import rules
from domain.kernel.documents import (
    Create,
    Delete,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Replace,
    Stored,
    Upsert,
)

decode_item: Final = msgspec.json.Decoder(Item).decode

_READ: Final = 'SELECT body, etag, expires_at FROM "{}" WHERE pk = ? AND id = ?'
_WRITE: Final = """
INSERT INTO "{}" (pk, id, body, etag, expires_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (pk, id)
DO UPDATE SET body = excluded.body, etag = excluded.etag, expires_at = excluded.expires_at
"""
_DELETE: Final = 'DELETE FROM "{}" WHERE pk = ? AND id = ?'


def etags() -> Callable[[], str]:
    """A source of etags that never gives one twice, not even after a restart."""
    run = secrets.token_hex(6)
    count = itertools.count()
    return lambda: f"{run}-{next(count):x}"


@dataclass(frozen=True, slots=True)
class _Row:
    body: str
    etag: str
    expires_at: float | None


class Partition:
    """One partition as the operations of one batch see and change it. Used once."""

    def __init__(
        self, connection: sqlite3.Connection, container: str, pk: str, *, now: float, new_etag: Callable[[], str]
    ) -> None:
        self._connection = connection
        self._container = container
        self._pk = pk
        self._now = now
        self._new_etag = new_etag
        self._rows: dict[str, _Row | None] = {}
        self._changed: set[str] = set()

    def do(self, operation: Operation, text: str | None) -> Stored | None:
        """Decide one operation; *text* is its item as JSON.

        Raises ItemExists, ItemNotFound, ItemStale, ItemTooLarge; ValueError for a patch that does not fit the item.
        """
        match operation:
            case Create(item):
                if self._row(item["id"]) is not None:
                    raise ItemExists
                return self._put(item, text)
            case Upsert(item):
                return self._put(item, text)
            case Replace(item, if_match):
                self._existing(item["id"], if_match)
                return self._put(item, text)
            case Patch(id=item_id, if_match=if_match):
                row = self._existing(item_id, if_match)
                item = rules.patched(decode_item(row.body), operation)
                return self._put(item, rules.encode_item(item))
            case Delete(item_id, if_match):
                self._existing(item_id, if_match)
                self._rows[item_id] = None
                self._changed.add(item_id)
                return None

    def save(self) -> None:
        """Write what was decided. Raises sqlite3.Error."""
        for item_id in self._changed:
            row, key = self._rows[item_id], (self._pk, item_id)
            if row is None:
                self._connection.execute(_DELETE.format(self._container), key)
            else:
                self._connection.execute(_WRITE.format(self._container), (*key, row.body, row.etag, row.expires_at))

    def _row(self, item_id: str) -> _Row | None:
        if item_id not in self._rows:
            found = self._connection.execute(_READ.format(self._container), (self._pk, item_id)).fetchone()
            row = None if found is None else _Row(*found)
            if row is not None and row.expires_at is not None and row.expires_at <= self._now:
                row = None
            self._rows[item_id] = row
        return self._rows[item_id]

    def _existing(self, item_id: str, if_match: str | None) -> _Row:
        row = self._row(item_id)
        if row is None:
            raise ItemNotFound
        if if_match is not None and row.etag != if_match:
            raise ItemStale
        return row

    def _put(self, item: Item, text: str | None) -> Stored:
        body = text if text is not None else rules.encode_item(item)
        ttl = item.get("ttl", -1)
        row = _Row(body, self._new_etag(), None if ttl == -1 else self._now + ttl)
        self._rows[item["id"]] = row
        self._changed.add(item["id"])
        return Stored(decode_item(body), row.etag)


def do_all(partition: Partition, operations: Sequence[Operation], texts: Sequence[str | None]) -> list[Stored | None]:
    """All or nothing. The error names the position of the first operation that cannot be done."""
    results: list[Stored | None] = []
    for index, (operation, text) in enumerate(zip(operations, texts, strict=True)):
        try:
            results.append(partition.do(operation, text))
        except (ItemExists, ItemNotFound, ItemStale) as error:
            error.operation_index = index
            raise
    partition.save()
    return results
