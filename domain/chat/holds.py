"""Legal holds: what retention must leave alone. An item beside the message, as edits rewrite the message itself."""

from typing import Final

from domain.chat.errors import ConversationBusy
from domain.chat.model import partition_of
from domain.chat.records import HEAD
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, ItemExists, ItemNotFound, Query

REPORTS: Final = "reports"
"""The partition of all reports: few are written, and administrators read them as one list."""

REPORT: Final = "report:"
HOLD: Final = "hold:"
RACES: Final = 8
_PAGE: Final = 1000


async def settle_hold(documents: DocumentStore, clock: Clock, report_id: str, message_id: str) -> None:
    """Have the message held, or not, as its report says by now. Safe to repeat. Raises ConversationBusy."""
    pk, hold_id = partition_of(message_id), f"{HOLD}{message_id}:{report_id}"
    for _ in range(RACES):
        report, hold = await documents.find_many(CHAT, [(REPORTS, REPORT + report_id), (pk, hold_id)])
        wanted = report is not None and report.item["legalHold"]
        if wanted == (hold is not None):
            return
        try:
            if wanted:
                item = {"id": hold_id, "pk": pk, "type": "hold", "messageId": message_id, "since": to_iso(clock.now())}
                await documents.create(CHAT, item)
            else:
                await documents.delete(CHAT, pk, hold_id)
        except (ItemExists, ItemNotFound):
            continue
    raise ConversationBusy(retry_after=1)


async def is_held(documents: DocumentStore, message_id: str) -> bool:
    """Whether a report holds this message, or a legal hold the conversation. One read and one query at most."""
    pk = partition_of(message_id)
    head = await documents.find(CHAT, pk, HEAD)
    if head is not None and head.item.get("held"):
        return True
    return bool(await documents.query(CHAT, pk, Query(starts=f"{HOLD}{message_id}:", limit=1)))


async def held_messages(documents: DocumentStore, conversation_id: str) -> set[str]:
    """The ids of the conversation's messages that retention must not touch: one query a thousand holds."""
    pk, held, above = partition_of(conversation_id), set[str](), None
    while True:
        page = await documents.query(CHAT, pk, Query(starts=HOLD, above=above, limit=_PAGE))
        held |= {stored.item["messageId"] for stored in page}
        if len(page) < _PAGE:
            return held
        above = page[-1].item["id"]
