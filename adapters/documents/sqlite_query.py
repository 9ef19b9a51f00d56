"""A `Query` as SQL. The text depends on the query's shape alone, so that SQLite keeps the statement prepared."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from adapters.documents.sqlite_schema import member_sql
from domain.kernel.documents import Query

_LAST_CHARACTER: Final = "\U0010ffff"
_COLUMNS: Final = frozenset({"pk", "id"})


class _Shape(NamedTuple):
    """All of a query but its values."""

    container: str
    scoped: bool
    order: str
    descending: bool
    bounds: tuple[str, ...]
    equals: tuple[tuple[str, str], ...]
    contains: tuple[str, ...]


def select(container: str, pk: str | None, query: Query, now: float) -> tuple[str, tuple[Any, ...]]:
    """The statement (rows of body and etag) and its values. *pk* None asks all partitions."""
    values: list[Any] = [now] if pk is None else [now, pk]
    bounds: list[str] = []
    for sign, bound in ((">", query.above), ("<", query.below)):
        if bound is not None:
            bounds.append(sign)
            values.append(bound)
    # SQLite orders numbers before texts: keep a bound of one type from letting the other in.
    texts = [isinstance(bound, str) for bound in (query.above, query.below) if bound is not None]
    if texts:
        bounds.append(">= ''" if texts[0] else "< ''")
    if query.starts is not None:
        bounds.append("starts")
        values += [query.starts, query.starts + _LAST_CHARACTER]
    equals = tuple((member, _json_kind(value)) for member, value in query.eq.items())
    values += query.eq.values()
    values += query.contains.values()
    values.append(query.limit)
    shape = _Shape(
        container, pk is not None, query.order, query.descending, tuple(bounds), equals, tuple(query.contains)
    )
    return _select(shape), tuple(values)


def _json_kind(value: object) -> str:
    if isinstance(value, bool):
        return "'true'" if value else "'false'"
    return "'text'" if isinstance(value, str) else "'integer', 'real'"


@lru_cache(maxsize=512)
def _select(shape: _Shape) -> str:
    by = member_sql(shape.order)
    where = ["(expires_at IS NULL OR expires_at > ?)"]
    if shape.scoped:
        where.append("pk = ?")
    if shape.order not in _COLUMNS:
        where.append(f"{by} IS NOT NULL")
    for bound in shape.bounds:
        match bound:
            case "starts":
                where.append(f"{by} >= ? AND {by} < ?")
            case ">" | "<":
                where.append(f"{by} {bound} ?")
            case _:
                where.append(f"{by} {bound}")
    for member, kind in shape.equals:
        where.append(f"{member_sql(member)} = ?")
        if member not in _COLUMNS:  # JSON's true is 1 to SQLite, and so equal to it
            where.append(f"json_type(body, '$.{member}') IN ({kind})")
    where += [
        f"json_type(body, '$.{member}') = 'text' AND instr({member_sql(member)}, ?) > 0" for member in shape.contains
    ]
    direction = "DESC" if shape.descending else "ASC"
    conditions = " AND ".join(where)
    # Names were checked, values are bound.
    return f'SELECT body, etag FROM "{shape.container}" WHERE {conditions} ORDER BY {by} {direction} LIMIT ?'  # noqa: S608
