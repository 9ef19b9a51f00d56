"""How long messages are kept, and what is kept longer.  Walk: `docs/flows/retention.md`."""

import azure.functions as func
import msgspec

from blueprints.access import ADMINS, SIGNED_IN
from blueprints.chat_shapes import AttachmentOut, attachment_views
from blueprints.retention_shapes import (
    HeldMessageOut,
    HoldFileOut,
    HoldIn,
    HoldOut,
    MessageFileOut,
    RetentionIn,
    RetentionOut,
)
from domain.chat.legal_holds import CONVERSATION, PERSON
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, page, read_position
from web.reply import Reply

bp = func.Blueprint()


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}/retention",
    access=SIGNED_IN,
    gives=RetentionOut,
    errors=("not_found", "not_participant"),
    etag=True,
)
async def get_retention(call: Call) -> Reply:
    """Tell how long a conversation keeps its messages. For who is in it, and for administrators."""
    moderates, conversation_id = call.caller.role == "admin", call.path_id("conversation_id")
    terms = await parts.get().social.retention.get(call.user_id, conversation_id, moderates=moderates)
    return Reply(200, terms.view())


@endpoint(
    bp,
    "PUT",
    "v1/conversations/{conversation_id}/retention",
    access=SIGNED_IN,
    takes=RetentionIn,
    gives=RetentionOut,
    errors=("not_found", "not_participant", "precondition_failed"),
)
async def set_retention(call: Call) -> Reply:
    """Set how many days a conversation keeps its messages, or for ever.

    By a group's admins; by administrators, for any conversation. What is older is removed for good, a day after this at
    the earliest: history then begins with `firstSeq`, and no `seq` is used again. A legal hold keeps everything.
    """
    moderates, conversation_id = call.caller.role == "admin", call.path_id("conversation_id")
    retention = parts.get().social.retention
    if "if-match" in call.headers:
        call.check_if_match((await retention.get(call.user_id, conversation_id, moderates=moderates)).view())
    terms = await retention.set(call.user_id, conversation_id, call.body(RetentionIn).days, moderates=moderates)
    return Reply(200, terms.view())


@endpoint(bp, "GET", "v1/admin/holds", access=ADMINS, query=PageQuery, gives=PageOut[HoldOut])
async def list_holds(call: Call) -> Reply:
    """List the legal holds that stand, the newest first."""
    asked = call.query(PageQuery)
    below = await read_position(call, asked)
    holds, people, after = await parts.get().social.legal_holds.page(limit=asked.limit, below=below)
    return Reply(200, await page(call, asked, [HoldOut.of(hold, people) for hold in holds], after=after))


@endpoint(
    bp,
    "GET",
    "v1/admin/conversations/{conversation_id}/hold",
    access=ADMINS,
    gives=HoldFileOut,
    errors=("not_found",),
)
async def get_conversation_hold(call: Call) -> Reply:
    """Show whether a conversation is under a legal hold, and who set or lifted one."""
    return await _show(CONVERSATION, call.path_id("conversation_id"))


@endpoint(
    bp,
    "PUT",
    "v1/admin/conversations/{conversation_id}/hold",
    access=ADMINS,
    takes=HoldIn,
    gives=HoldFileOut,
    errors=("not_found", "conflict"),
)
async def hold_conversation(call: Call) -> Reply:
    """Put a conversation under a legal hold.

    From then on retention removes nothing in it, and what its members edit or delete stays readable for administrators.
    The same reason again changes nothing, another one is kept in `history`.
    """
    return await _hold(call, CONVERSATION, call.path_id("conversation_id"))


@endpoint(
    bp,
    "DELETE",
    "v1/admin/conversations/{conversation_id}/hold",
    access=ADMINS,
    takes=HoldIn,
    status=204,
    errors=("not_found", "conflict"),
)
async def lift_conversation_hold(call: Call) -> Reply:
    """Lift a conversation's legal hold. Retention goes on. None is fine."""
    return await _lift(call, CONVERSATION, call.path_id("conversation_id"))


@endpoint(
    bp,
    "GET",
    "v1/admin/conversations/{conversation_id}/messages",
    access=ADMINS,
    query=PageQuery,
    gives=PageOut[HeldMessageOut],
    errors=("not_found",),
)
async def list_held_messages(call: Call) -> Reply:
    """Read a conversation that is under a legal hold, the newest messages first.

    `forbidden` where none is. Each page read is a line of the hold's `history`.
    """
    asked, conversation_id = call.query(PageQuery), call.path_id("conversation_id")
    below = await read_position(call, asked)
    found, people, after = await parts.get().social.legal_holds.read_conversation(
        call.user_id, conversation_id, limit=asked.limit, below=below
    )
    return Reply(200, await page(call, asked, [HeldMessageOut.of(each, people) for each in found], after=after))


@endpoint(bp, "GET", "v1/admin/users/{user_id}/hold", access=ADMINS, gives=HoldFileOut, errors=("not_found",))
async def get_person_hold(call: Call) -> Reply:
    """Show whether a person is under a legal hold, and who set or lifted one."""
    return await _show(PERSON, call.path_id("user_id"))


@endpoint(
    bp,
    "PUT",
    "v1/admin/users/{user_id}/hold",
    access=ADMINS,
    takes=HoldIn,
    gives=HoldFileOut,
    errors=("not_found", "conflict"),
)
async def hold_person(call: Call) -> Reply:
    """Put a person under a legal hold.

    It holds each conversation that they are in, come into, or left in the last 91 days, as a hold on it would: those
    they are in now within seconds.
    """
    return await _hold(call, PERSON, call.path_id("user_id"))


@endpoint(
    bp,
    "DELETE",
    "v1/admin/users/{user_id}/hold",
    access=ADMINS,
    takes=HoldIn,
    status=204,
    errors=("not_found", "conflict"),
)
async def lift_person_hold(call: Call) -> Reply:
    """Lift a person's legal hold. Retention goes on, where nothing else holds. None is fine."""
    return await _lift(call, PERSON, call.path_id("user_id"))


@endpoint(bp, "GET", "v1/admin/messages/{message_id}", access=ADMINS, gives=MessageFileOut, errors=("not_found",))
async def read_message_file(call: Call) -> Reply:
    """Show a message and what it said before it was edited or deleted.

    Earlier texts are kept for 90 days, and as long as a legal hold stands. That an administrator read it is on record.
    """
    file = await parts.get().social.legal_holds.read_message(call.user_id, call.path_id("message_id"))
    files = await attachment_views(file.with_files)
    return Reply(200, MessageFileOut.of(file, msgspec.convert(files, list[AttachmentOut])))


async def _show(kind: str, subject_id: str) -> Reply:
    return Reply(200, HoldFileOut.of(await parts.get().social.legal_holds.open(kind, subject_id)))


async def _hold(call: Call, kind: str, subject_id: str) -> Reply:
    await parts.get().social.legal_holds.set(call.user_id, kind, subject_id, call.body(HoldIn).reason)
    return await _show(kind, subject_id)


async def _lift(call: Call, kind: str, subject_id: str) -> Reply:
    await parts.get().social.legal_holds.lift(call.user_id, kind, subject_id, call.body(HoldIn).reason)
    return Reply(204)
