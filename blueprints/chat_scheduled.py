"""Messages to be sent later.  Walk: `docs/flows/schedule-message.md`."""

import azure.functions as func
from msgspec import UnsetType

from blueprints.access import SIGNED_IN
from blueprints.chat_shapes import RescheduleIn, ScheduledOut, ScheduleIn
from domain.chat.model import KEEP, clean_message_text
from domain.chat.scheduled import ScheduledMessage
from domain.chat.scheduling import Expected, Rewrite, Wish
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, page, read_position
from web.reply import Reply
from web.validation import read_moment

bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "v1/conversations/{conversation_id}/scheduled",
    access=SIGNED_IN,
    takes=ScheduleIn,
    gives=ScheduledOut,
    status=201,
    errors=("not_found", "not_participant", "conflict"),
    idempotent=True,
)
async def schedule_message(call: Call) -> Reply:
    """Have a message sent later, as the caller.

    `sendAt` is from 5 seconds to 366 days ahead; at most 100 wait at a time, in all of the caller's conversations. It
    is sent within seconds of its time if the caller may still write there then, else it is kept as `failed`, with the
    reason. The same `clientMessageId` again gives the same scheduled message; it is the message's own when it is sent.
    """
    body, conversation_id = call.body(ScheduleIn), call.path_id("conversation_id")
    send_at = read_moment(body.send_at, "sendAt")
    wish = Wish(clean_message_text(body.text), send_at, body.reply_to, body.client_message_id)
    made = await parts.get().chat.scheduling.schedule(call.user_id, conversation_id, wish, new_id=call.new_id)
    location = f"/api/v1/conversations/{conversation_id}/scheduled/{made.id}"
    return Reply(201, made.view(), {"Location": location})


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}/scheduled",
    access=SIGNED_IN,
    query=PageQuery,
    gives=PageOut[ScheduledOut],
)
async def list_scheduled(call: Call) -> Reply:
    """List the caller's own scheduled messages in a conversation, the next to be sent first, with those that failed.

    Also those of a conversation that the caller has left. Nobody else's are ever shown.
    """
    asked = call.query(PageQuery)
    start = await read_position(call, asked) or ""
    mine = await parts.get().chat.scheduling.of_conversation(call.user_id, call.path_id("conversation_id"))
    rest = [message.view() for message in mine if _position(message) > start]
    after = _position(mine[len(mine) - len(rest) + asked.limit - 1]) if len(rest) > asked.limit else None
    return Reply(200, await page(call, asked, rest[: asked.limit], after=after))


@endpoint(
    bp,
    "GET",
    "v1/conversations/{conversation_id}/scheduled/{scheduled_id}",
    access=SIGNED_IN,
    gives=ScheduledOut,
    errors=("not_found",),
    etag=True,
)
async def get_scheduled(call: Call) -> Reply:
    """Show one of the caller's scheduled messages; for 91 days also that it was sent or cancelled."""
    ids = call.path_id("conversation_id"), call.path_id("scheduled_id")
    return Reply(200, (await parts.get().chat.scheduling.get(call.user_id, *ids)).view())


@endpoint(
    bp,
    "PATCH",
    "v1/conversations/{conversation_id}/scheduled/{scheduled_id}",
    access=SIGNED_IN,
    takes=RescheduleIn,
    gives=ScheduledOut,
    errors=("not_found", "conflict", "precondition_failed"),
)
async def change_scheduled(call: Call) -> Reply:
    """Rewrite a scheduled message, or have it sent at another time.

    One that failed waits again once it has a new `sendAt`. `conflict` when it is being sent or over.
    """
    body, ids = call.body(RescheduleIn), (call.path_id("conversation_id"), call.path_id("scheduled_id"))
    wanted = Rewrite(
        text=KEEP if isinstance(body.text, UnsetType) else clean_message_text(body.text),
        send_at=KEEP if isinstance(body.send_at, UnsetType) else read_moment(body.send_at, "sendAt"),
        reply_to=KEEP if isinstance(body.reply_to, UnsetType) else body.reply_to,
    )
    changed = await parts.get().chat.scheduling.change(call.user_id, *ids, wanted, expected=_expected(call))
    return Reply(200, changed.view())


@endpoint(
    bp,
    "DELETE",
    "v1/conversations/{conversation_id}/scheduled/{scheduled_id}",
    access=SIGNED_IN,
    status=204,
    errors=("not_found", "conflict"),
)
async def cancel_scheduled(call: Call) -> Reply:
    """Cancel a scheduled message. Cancelling again is fine; `conflict` when it is being sent or was."""
    ids = call.path_id("conversation_id"), call.path_id("scheduled_id")
    await parts.get().chat.scheduling.cancel(call.user_id, *ids)
    return Reply(204)


def _position(message: ScheduledMessage) -> str:
    return f"{message.view()['sendAt']}:{message.id}"


def _expected(call: Call) -> Expected:
    """What `If-Match` names, if anything."""
    return lambda current: call.check_if_match(current.view())
