"""Catching up after an absence."""

from typing import Annotated, Any, Final

import azure.functions as func
import msgspec
from msgspec import UNSET, UnsetType

from blueprints.access import PARTICIPANTS
from domain.chat.sync_page import Cursor
from domain.kernel.errors import Invalid
from runtime import parts
from web.bodies import Out, Query
from web.call import Call
from web.endpoint import endpoint
from web.paging import seal, unseal
from web.reply import Reply

bp = func.Blueprint()

PAGE: Final = 200
MAX_PAGE: Final = 1500
"""A day's absence in one answer of well under a megabyte."""


class SyncQuery(Query):
    since: (
        Annotated[str, msgspec.Meta(max_length=4096, description="The `cursor` of the last answer; opaque.")] | None
    ) = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE, description="Changes a page, about.")] = PAGE


class ChangeOut(Out):
    type: str
    """`message`, `participant` (with what they have read), `conversation`, or `left` (by the caller); and what is only
    the caller's: `draft`, `scheduled`."""
    data: dict[str, Any]


class SyncOut(Out, omit_defaults=True):
    """*reset*: the cursor is older than what is kept. Forget everything, read the lists, begin without a cursor.

    Then there is nothing else in the answer; otherwise everything but *reset* is.
    """

    changes: list[ChangeOut] | UnsetType = UNSET
    cursor: str | UnsetType = UNSET
    has_more: bool | UnsetType = UNSET
    reset: bool | UnsetType = UNSET


@endpoint(bp, "GET", "v1/chat/sync", access=PARTICIPANTS, query=SyncQuery, gives=SyncOut)
async def sync_chat(call: Call) -> Reply:
    """Get everything that changed in the caller's conversations since a cursor.

    Without one, only a cursor: ask for it before reading the lists. Changes are things as they are now; applying one
    twice does no harm. While `hasMore`, ask again at once. `{"reset": true}` for a cursor older than 90 days.
    """
    asked, sync = call.query(SyncQuery), parts.get().chat.sync
    keys, binding = await call.edge.keys().get(), f"sync:{call.user_id}\0".encode()
    if asked.since is None:
        begun = seal(msgspec.to_builtins(sync.begin()), binding, keys)
        return Reply(200, {"changes": [], "cursor": begun, "hasMore": False})
    sealed = unseal(asked.since, binding, keys)
    if sealed is None:
        raise Invalid.field("since", "invalid_cursor", "Is not a cursor of this list. Start again without one.")
    page = await sync.page(call.user_id, msgspec.convert(sealed, Cursor), limit=asked.limit)
    if page is None:
        return Reply(200, SyncOut(reset=True))
    cursor = seal(msgspec.to_builtins(page.cursor), binding, keys)
    return Reply(200, {"changes": page.changes, "cursor": cursor, "hasMore": page.has_more})
