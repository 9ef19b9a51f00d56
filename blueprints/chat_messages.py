"""Messages after they were sent: edits, deletion, reactions."""

from urllib.parse import unquote

import azure.functions as func

from blueprints.access import PARTICIPANTS
from blueprints.chat_shapes import EditIn, MessageOut
from domain.chat.model import clean_message_text
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(
    bp,
    "PATCH",
    "v1/messages/{message_id}",
    access=PARTICIPANTS,
    takes=EditIn,
    gives=MessageOut,
    errors=("not_found", "not_participant", "conflict"),
)
async def edit_message(call: Call) -> Reply:
    """Edit one's own message, within 24 hours (a setting).

    The same text again changes nothing. With a `clientMessageId`, a late repeat cannot undo a later edit.
    """
    body = call.body(EditIn)
    text = clean_message_text(body.text)
    return Reply(
        200,
        await parts.get().chat.changes.edit(call.user_id, call.path_id("message_id"), text, body.client_message_id),
    )


@endpoint(
    bp,
    "DELETE",
    "v1/messages/{message_id}",
    access=PARTICIPANTS,
    status=204,
    errors=("not_found", "not_participant"),
)
async def delete_message(call: Call) -> Reply:
    """Delete a message; a tombstone stays in its place.

    One's own within 24 hours (a setting); a group's admins may delete any of its messages, administrators all.
    Deleting again is fine.
    """
    moderates = call.caller.role == "admin"
    await parts.get().chat.changes.delete(call.user_id, call.path_id("message_id"), moderates=moderates)
    return Reply(204)


@endpoint(
    bp,
    "PUT",
    "v1/messages/{message_id}/reactions/{emoji}",
    access=PARTICIPANTS,
    gives=MessageOut,
    errors=("not_found", "not_participant", "conflict"),
)
async def add_reaction(call: Call) -> Reply:
    """React to a message with an emoji."""
    return Reply(200, await _react(call, add=True))


@endpoint(
    bp,
    "DELETE",
    "v1/messages/{message_id}/reactions/{emoji}",
    access=PARTICIPANTS,
    status=204,
    errors=("not_found", "not_participant", "conflict"),
)
async def remove_reaction(call: Call) -> Reply:
    """Take one's own reaction off a message."""
    await _react(call, add=False)
    return Reply(204)


async def _react(call: Call, *, add: bool) -> dict[str, object]:
    emoji = unquote(call.route_params.get("emoji", ""))  # some hosts hand the path on as it was sent
    return await parts.get().chat.changes.react(call.user_id, call.path_id("message_id"), emoji, add=add)
