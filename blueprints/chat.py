"""MackChat over HTTP."""

from typing import Any

import azure.functions as func
from msgspec import UnsetType

from blueprints.access import PARTICIPANTS, SIGNED_IN
from blueprints.chat_shapes import (
    ConversationOut,
    MessageOut,
    MessagesOut,
    MessagesQuery,
    OpenIn,
    SendIn,
    draft_of,
    sent_view,
)
from domain.chat.history import MAX_CATCH_UP, MAX_PAGE, PAGE
from domain.kernel.errors import Invalid
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, Pagination, page, read_position
from web.reply import Reply
from web.validation import read_moment

bp = func.Blueprint()


@endpoint(
    bp, "POST", "v1/conversations", access=SIGNED_IN, takes=OpenIn, gives=ConversationOut, status=201, idempotent=True
)
async def open_conversation(call: Call) -> Reply:
    """Open a conversation.

    The same two people always have the same one: opening it again answers 200. A group has 2 to 500 people; whoever
    opens it is its first admin.
    """
    body = call.body(OpenIn)
    if body.type == "group":
        groups = parts.get().chat.groups
        view = await groups.open(call.user_id, body.participant_ids, body.name, new_id=call.new_id)
        return Reply(201, view, {"Location": f"/api/v1/conversations/{view['id']}"})
    opened = await parts.get().chat.conversations.open_direct(call.user_id, _the_other(body))
    location = {"Location": f"/api/v1/conversations/{opened.view['id']}"}
    return Reply(201 if opened.created else 200, opened.view, location)


def _the_other(body: OpenIn) -> str:
    if len(body.participant_ids) > 1:
        raise Invalid.field("participantIds", "too_many", "A direct conversation is with one other person.")
    if body.name is not None:
        raise Invalid.field("name", "only_groups", "A direct conversation has no name of its own.")
    return body.participant_ids[0]


@endpoint(bp, "GET", "v1/conversations", access=PARTICIPANTS, query=PageQuery, gives=PageOut[ConversationOut])
async def list_conversations(call: Call) -> Reply:
    """List the caller's conversations, the busiest last minute first."""
    asked = call.query(PageQuery)
    below = await read_position(call, asked)
    found = await parts.get().chat.conversations.page(call.user_id, limit=asked.limit, below=below)
    return Reply(200, await page(call, asked, found.items, after=found.next_after))


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}",
    access=PARTICIPANTS,
    gives=ConversationOut,
    errors=("not_found", "not_participant"),
    etag=True,
)
async def get_conversation(call: Call) -> Reply:
    """Read one conversation."""
    return Reply(200, await parts.get().chat.conversations.get(call.user_id, call.path_id("conversation_id")))


@endpoint(
    bp,
    "POST",
    "v1/conversations/{conversation_id}/messages",
    access=PARTICIPANTS,
    takes=SendIn,
    gives=MessageOut,
    status=201,
    errors=("not_found", "not_participant"),
    idempotent=True,
)
async def send_message(call: Call) -> Reply:
    """Send one message.

    Answered 201 it is durable. The same `clientMessageId` again gives the same message and delivers nothing twice.
    `mentions` are those whom the text names by `@` and their whole name; `@all` is everyone, for the group's admins.
    A file is attached to one message only: of two that name it, one is refused (`in_use`) and may be sent without it.
    """
    body = call.body(SendIn)
    # A try after a crash, with the same key, is given the same id: so it is the same message.
    keyed = call.new_id if call.idempotency_key else None
    draft = draft_of(call.user_id, body, body.client_message_id or keyed)
    message = await parts.get().chat.sending.send(call.path_id("conversation_id"), draft)
    return Reply(201, await sent_view(message), {"Location": f"/api/v1/messages/{message.id}"})


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}/messages",
    access=PARTICIPANTS,
    query=MessagesQuery,
    gives=MessagesOut,
    errors=("not_found", "not_participant"),
)
async def list_messages(call: Call) -> Reply:
    """Read messages: the newest page, or those before or after a `seq`.

    Each page is in `seq` order. `limit` is 50 unless given, and at most 100; with `after`, at most 1,000.
    """
    asked = call.query(MessagesQuery)
    found = await parts.get().chat.history.page(
        call.user_id,
        call.path_id("conversation_id"),
        limit=_limit(asked),
        before=_before(asked),
        after=asked.after,
    )
    nearest = found.items[-1 if asked.after is not None else 0] if found.has_more else None
    begins = {"firstSeq": found.first_seq} if found.first_seq > 1 else {}
    more = Pagination(found.has_more, str(nearest["seq"]) if nearest else None)
    return Reply(200, {"items": found.items, "pagination": more, **begins})


def _limit(asked: MessagesQuery) -> int:
    limit = PAGE if isinstance(asked.limit, UnsetType) else asked.limit
    if asked.after is None and limit > MAX_PAGE:
        raise Invalid.field("limit", "too_large", f"At most {MAX_PAGE}, or {MAX_CATCH_UP} with `after`.")
    return limit


def _before(asked: MessagesQuery) -> Any:
    if asked.before is None:
        return None
    if asked.after is not None:
        raise Invalid.field("before", "not_with_after", "Give `before` or `after`, not both.")
    if asked.before.isascii() and asked.before.isdigit() and len(asked.before) < 16:  # noqa: PLR2004 - 2^53
        return int(asked.before)
    return read_moment(asked.before, "before")
