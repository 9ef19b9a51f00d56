"""What people in chat decide and learn about each other: whom they do not want to hear, and who is there."""

from typing import Annotated

import azure.functions as func
from msgspec import Meta

from blueprints.access import PARTICIPANTS, SIGNED_IN
from blueprints.chat_shapes import Id, MessageOut
from domain.chat.presence import MAX_ASKED
from runtime import parts
from web.bodies import Out, Query
from web.call import Call
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, page, read_position
from web.reply import Reply

bp = func.Blueprint()


class BlockOut(Out):
    user_id: str
    name: str
    avatar: str | None
    blocked_at: str


class PresenceQuery(Query):
    user_ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_ASKED)]


class SearchQuery(PageQuery, kw_only=True):
    q: Annotated[str, Meta(min_length=1, max_length=200, description="Words; each must begin a word of the message.")]


class PresentOut(Out):
    user_id: str
    online: bool
    last_seen_at: str | None


class PresenceOut(Out):
    items: list[PresentOut]


@endpoint(
    bp,
    "POST",
    "v1/conversations/{conversation_id}/mute",
    access=PARTICIPANTS,
    status=204,
    errors=("not_found", "not_participant"),
)
async def mute_conversation(call: Call) -> Reply:
    """Mute a conversation, for the caller alone.

    Its messages arrive and count as ever; clients stay quiet about them. Muting again is fine.
    """
    await parts.get().social.muting.set(call.user_id, call.path_id("conversation_id"), muted=True)
    return Reply(204)


@endpoint(
    bp,
    "DELETE",
    "v1/conversations/{conversation_id}/mute",
    access=PARTICIPANTS,
    status=204,
    errors=("not_found", "not_participant"),
)
async def unmute_conversation(call: Call) -> Reply:
    """Unmute a conversation. Unmuting again is fine."""
    await parts.get().social.muting.set(call.user_id, call.path_id("conversation_id"), muted=False)
    return Reply(204)


@endpoint(bp, "POST", "v1/users/{user_id}/block", access=SIGNED_IN, status=204, errors=("not_found",))
async def block_person(call: Call) -> Reply:
    """Block somebody.

    While one blocks the other, neither opens or writes to their direct conversation (`forbidden`), and neither learns
    of the other's presence. What was said stays readable. The blocked one is not told. Blocking again is fine.
    """
    await parts.get().social.blocks.block(call.user_id, call.path_id("user_id"))
    return Reply(204)


@endpoint(bp, "DELETE", "v1/users/{user_id}/block", access=SIGNED_IN, status=204, errors=("not_found",))
async def unblock_person(call: Call) -> Reply:
    """Take one's own block back. Nobody blocked is fine."""
    await parts.get().social.blocks.unblock(call.user_id, call.path_id("user_id"))
    return Reply(204)


@endpoint(bp, "GET", "v1/users/me/blocks", access=SIGNED_IN, query=PageQuery, gives=PageOut[BlockOut])
async def list_blocks(call: Call) -> Reply:
    """List whom the caller blocks."""
    asked = call.query(PageQuery)
    above = await read_position(call, asked)
    found = await parts.get().social.blocks.page(call.user_id, limit=asked.limit, above=above)
    return Reply(200, await page(call, asked, found.items, after=found.next_after))


@endpoint(bp, "GET", "v1/presence", access=PARTICIPANTS, query=PresenceQuery, gives=PresenceOut)
async def get_presence(call: Call) -> Reply:
    """Tell who is online.

    Up to 50 people at a time. Those who share no conversation with the caller are left out: looked for are direct
    conversations and the caller's busiest groups.
    """
    found = await parts.get().social.presence.find(call.user_id, call.query(PresenceQuery).user_ids)
    return Reply(200, {"items": found})


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}/messages/search",
    access=PARTICIPANTS,
    query=SearchQuery,
    gives=PageOut[MessageOut],
    errors=("not_found", "not_participant"),
)
async def search_conversation(call: Call) -> Reply:
    """Search the messages of a conversation, the newest first.

    Case and accents do not matter. A page may be shorter than `limit` though there are more.
    """
    asked = call.query(SearchQuery)
    below = await read_position(call, asked)
    found = await parts.get().social.search.in_conversation(
        call.user_id, call.path_id("conversation_id"), asked.q, limit=asked.limit, below=below
    )
    return Reply(200, await page(call, asked, found.items, after=found.next_below))


@endpoint(bp, "GET", "v1/messages/search", access=SIGNED_IN, query=SearchQuery, gives=PageOut[MessageOut])
async def search_messages(call: Call) -> Reply:
    """Search the caller's busiest conversations, the newest messages first.

    As in one conversation; `readBy` is left empty here.
    """
    asked = call.query(SearchQuery)
    below = await read_position(call, asked)
    found = await parts.get().social.search.everywhere(call.user_id, asked.q, limit=asked.limit, below=below)
    return Reply(200, await page(call, asked, found.items, after=found.next_below))
