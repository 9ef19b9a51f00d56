"""What people in a conversation let the others know without a word: how far they have read, and that they type."""

import azure.functions as func

from blueprints.access import PARTICIPANTS
from blueprints.chat_shapes import ReadIn, ReceiptOut, TypingIn
from domain.chat.receipts import Receipt
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "v1/conversations/{conversation_id}/read",
    access=PARTICIPANTS,
    takes=ReadIn,
    gives=ReceiptOut,
    errors=("not_found", "not_participant"),
)
async def mark_read(call: Call) -> Reply:
    """Mark everything up to a `seq` as read.

    It never moves back: an older `seq` changes nothing, and one beyond the last message means all of it.
    """
    receipt = await parts.get().chat.receipts.read(call.user_id, call.path_id("conversation_id"), call.body(ReadIn).seq)
    return Reply(200, receipt_out(receipt))


@endpoint(
    bp,
    "POST",
    "v1/conversations/{conversation_id}/typing",
    access=PARTICIPANTS,
    takes=TypingIn,
    status=204,
    errors=("not_found", "not_participant"),
)
async def tell_typing(call: Call) -> Reply:
    """Let the others know that the caller types, or has stopped.

    Not stored. Repeat `start` every few seconds: it is told at most once in three, and expires by itself after six.
    """
    typing = call.body(TypingIn).state == "start"
    await parts.get().chat.typing.tell(call.user_id, call.path_id("conversation_id"), typing=typing)
    return Reply(204)


def receipt_out(receipt: Receipt) -> ReceiptOut:
    seen = receipt.view()
    return ReceiptOut(
        conversation_id=seen["conversationId"],
        user_id=seen["userId"],
        last_read_seq=seen["lastReadSeq"],
        last_read_at=seen["lastReadAt"],
        unread_count=receipt.unread_count,
    )
