"""A `Query` as Cosmos DB's SQL. Only what every Cosmos account and emulator does: no OFFSET, no LIKE, no GROUP BY."""

from typing import Any

from domain.kernel.containers import Container
from domain.kernel.documents import Query

Parameters = list[dict[str, Any]]


def select(container: Container, pk: str | None, query: Query) -> tuple[str, Parameters]:
    """The text and its parameters. *pk* None asks all partitions.

    The key is in the WHERE as well as with the request: a physical partition holds many keys.
    """
    by = f"c.{query.order}"
    where: list[str] = []
    parameters: Parameters = []

    def add(condition: str, name: str, value: object) -> None:
        where.append(condition.format(f"@{name}"))
        parameters.append({"name": f"@{name}", "value": value})

    if pk is not None:
        add("c.pk = {}", "pk", pk)
    if query.order != "id" and query.above is query.below is query.starts is None:  # a bound implies a value
        where.append(f"IS_DEFINED({by}) AND NOT IS_NULL({by})")
    if query.above is not None:
        add(f"{by} > {{}}", "above", query.above)
    if query.below is not None:
        add(f"{by} < {{}}", "below", query.below)
    if query.starts is not None:
        after = _after_all_that_start(query.starts)
        if after is None:
            add(f"STARTSWITH({by}, {{}})", "starts", query.starts)
        else:  # a composite index serves a range, and no function
            add(f"{by} >= {{}}", "starts", query.starts)
            add(f"{by} < {{}}", "ends", after)
    for number, (member, value) in enumerate(query.eq.items()):
        add(f"c.{member} = {{}}", f"eq{number}", value)
    for number, (member, text) in enumerate(query.contains.items()):
        add(f"CONTAINS(c.{member}, {{}})", f"contains{number}", text)
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    direction = "DESC" if query.descending else "ASC"
    order = ", ".join(f"c.{member} {direction}" for member in _order(container, pk, query))
    # Names were checked, values are parameters.
    return f"SELECT TOP {query.limit} * FROM c {condition}ORDER BY {order}", parameters  # noqa: S608


def _after_all_that_start(prefix: str) -> str | None:
    """The least text after all those; None where that depends on whether texts are in UTF-8's order or UTF-16's."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix and prefix[-1] < "~" else None


def _order(container: Container, pk: str | None, query: Query) -> tuple[str, ...]:
    """The members to order by: a composite index is used where the order repeats it, equalities first."""
    if pk is not None:
        for equality, order in container.composites:
            if order == query.order and equality in {"pk", *query.eq}:
                return tuple(dict.fromkeys(("pk", equality, order)))
    return (query.order,)
