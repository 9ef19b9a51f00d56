"""Drafts: what the caller has begun to write in a conversation.  Walk: `docs/flows/drafts.md`."""

import azure.functions as func

from blueprints.access import PARTICIPANTS
from blueprints.chat_shapes import DraftIn, DraftOut
from domain.chat.drafts import Expected, SavedDraft
from domain.kernel.errors import PreconditionFailed
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}/draft",
    access=PARTICIPANTS,
    gives=DraftOut,
    errors=("not_found", "not_participant"),
    etag=True,
)
async def get_draft(call: Call) -> Reply:
    """Read one's own draft in a conversation.

    `not_found` without one. Sending a message there takes it away: who sees a message of their own from another
    device asks again.
    """
    draft = await parts.get().chat.drafts.get(call.user_id, call.path_id("conversation_id"))
    return Reply(200, draft.view())


@endpoint(
    bp,
    "PUT",
    "v1/conversations/{conversation_id}/draft",
    access=PARTICIPANTS,
    takes=DraftIn,
    gives=DraftOut,
    errors=("not_found", "not_participant", "precondition_failed"),
)
async def save_draft(call: Call) -> Reply:
    """Save one's own draft in a conversation, for all of one's devices.

    The last one saved counts; with `If-Match`, only the draft that the caller has seen is overwritten. It is kept for
    30 days.
    """
    body = call.body(DraftIn)
    draft = await parts.get().chat.drafts.save(
        call.user_id, call.path_id("conversation_id"), body.text, body.reply_to, expected=_expected(call)
    )
    return Reply(200, draft.view())


@endpoint(
    bp,
    "DELETE",
    "v1/conversations/{conversation_id}/draft",
    access=PARTICIPANTS,
    status=204,
    errors=("not_found", "not_participant"),
)
async def clear_draft(call: Call) -> Reply:
    """Forget one's own draft in a conversation. None is fine."""
    await parts.get().chat.drafts.clear(call.user_id, call.path_id("conversation_id"))
    return Reply(204)


def _expected(call: Call) -> Expected | None:
    if "if-match" not in call.headers:
        return None

    def check(current: SavedDraft | None) -> None:
        if current is None:
            raise PreconditionFailed
        call.check_if_match(current.view())

    return check
