"""Lists, a page at a time: `limit` and `cursor` in, `items` and `pagination` out.

A cursor holds the place where the next page starts, and a MAC over it, the endpoint, the filters and the caller. So
clients can neither read meaning into it nor make one up, and one list's cursor is worthless for another.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from domain.kernel.errors import Invalid
from domain.kernel.keys import KeySet, mac, same
from web.bodies import Out, Query, encode
from web.call import Call

T = TypeVar("T")
DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
_MAC_BYTES: Final = 16
_PURPOSE: Final = "cursor"


class PageQuery(Query):
    """The query of a list; add filters in a subclass. Changing a filter makes the cursor worthless."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="Entries a page.")] = DEFAULT_LIMIT
    cursor: (
        Annotated[str, msgspec.Meta(max_length=1024, description="`nextCursor` of the page before; opaque.")] | None
    ) = None


class Pagination(Out):
    """*nextCursor* is null on the last page."""

    has_more: bool
    next_cursor: str | None


class PageOut(Out, Generic[T]):
    """One page of a list."""

    items: list[T]
    pagination: Pagination


async def read_position(call: Call, query: PageQuery) -> Any:
    """Where this page starts: what `page` was given as *after* for the page before, or None for the first.

    Raises Invalid for a cursor that is not ours, or belongs to another list.
    """
    if query.cursor is None:
        return None
    position = unseal(query.cursor, _binding(call, query), await call.edge.keys().get())
    if position is None:
        raise Invalid.field("cursor", "invalid_cursor", "Is not a cursor of this list. Start again without one.")
    return position


async def page(call: Call, query: PageQuery, items: Sequence[T], *, after: Any) -> PageOut[T]:
    """A page of *items*; *after* is the position at which the next one starts (any JSON value), None on the last."""
    if after is None:
        return PageOut(items=list(items), pagination=Pagination(has_more=False, next_cursor=None))
    cursor = seal(after, _binding(call, query), await call.edge.keys().get())
    return PageOut(items=list(items), pagination=Pagination(has_more=True, next_cursor=cursor))


def seal(position: Any, binding: bytes, keys: KeySet) -> str:
    payload = encode(position)
    return _to_text(mac(keys.current, _PURPOSE, binding + payload, size=_MAC_BYTES) + payload)


def unseal(cursor: str, binding: bytes, keys: KeySet) -> Any:
    """The position, or None for what `seal` did not make for *binding* under one of *keys*."""
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return None
    if _to_text(sealed) != cursor:
        return None  # base64 has several spellings for the same bytes; only ours is taken
    seen, payload = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not any(same(seen, mac(key, _PURPOSE, binding + payload, size=_MAC_BYTES)) for key in keys.accepted):
        return None
    return msgspec.json.decode(payload)


def _to_text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def _binding(call: Call, query: PageQuery) -> bytes:
    filters = {name: value for name, value in msgspec.to_builtins(query).items() if name not in {"limit", "cursor"}}
    whose = call.identity.user_id if call.identity else None
    return encode([call.endpoint.name, sorted(call.route_params.items()), filters, whose]) + b"\0"
