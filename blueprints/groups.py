"""Groups: their name, and who is in them."""

import azure.functions as func
from msgspec import UnsetType

from blueprints.access import SIGNED_IN
from blueprints.chat_shapes import AddParticipantsIn, ChangeGroupIn, ChangeRoleIn, ConversationOut
from domain.chat.model import KEEP
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(
    bp,
    "PATCH",
    "v1/conversations/{conversation_id}",
    access=SIGNED_IN,
    takes=ChangeGroupIn,
    gives=ConversationOut,
    errors=("not_found", "not_participant", "precondition_failed"),
)
async def change_group(call: Call) -> Reply:
    """Change a group's name or picture.

    By its admins. What the body does not name stays as it is; null takes it away.
    """
    body, conversation_id = call.body(ChangeGroupIn), call.path_id("conversation_id")
    if "if-match" in call.headers:
        call.check_if_match(await parts.get().chat.conversations.get(call.user_id, conversation_id))
    changed = await parts.get().chat.groups.change(
        call.user_id,
        conversation_id,
        name=KEEP if isinstance(body.name, UnsetType) else body.name,
        avatar=KEEP if isinstance(body.avatar, UnsetType) else body.avatar,
    )
    return Reply(200, changed)


@endpoint(
    bp,
    "POST",
    "v1/conversations/{conversation_id}/participants",
    access=SIGNED_IN,
    takes=AddParticipantsIn,
    gives=ConversationOut,
    errors=("not_found", "not_participant", "conflict"),
)
async def add_participants(call: Call) -> Reply:
    """Let people into a group.

    By its admins. Those who are in it already stay as they are.
    """
    user_ids = call.body(AddParticipantsIn).user_ids
    return Reply(200, await parts.get().chat.groups.add(call.user_id, call.path_id("conversation_id"), user_ids))


@endpoint(
    bp,
    "DELETE",
    "v1/conversations/{conversation_id}/participants/{user_id}",
    access=SIGNED_IN,
    status=204,
    errors=("not_found", "not_participant"),
)
async def remove_participant(call: Call) -> Reply:
    """Put somebody out of a group, or leave it.

    Anyone may leave; admins put others out. When the last admin leaves, whoever is there longest becomes one.
    """
    await parts.get().chat.groups.remove(call.user_id, call.path_id("conversation_id"), call.path_id("user_id"))
    return Reply(204)


@endpoint(
    bp,
    "PATCH",
    "v1/conversations/{conversation_id}/participants/{user_id}",
    access=SIGNED_IN,
    takes=ChangeRoleIn,
    gives=ConversationOut,
    errors=("not_found", "not_participant", "conflict"),
)
async def change_participant(call: Call) -> Reply:
    """Make somebody an admin of a group, or a member again.

    By its admins. A group always has one.
    """
    changed = await parts.get().chat.groups.set_role(
        call.user_id, call.path_id("conversation_id"), call.path_id("user_id"), call.body(ChangeRoleIn).role
    )
    return Reply(200, changed)
