"""What messages hold: links to it, and what becomes of it.  Walk: docs/flows/attach-file.md."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from domain.chat.access import is_present
from domain.chat.errors import MessageNotFound
from domain.chat.holds import is_held
from domain.chat.model import Message, partition_of
from domain.chat.ports import Attachments
from domain.chat.records import CLAIM, MEMBER
from domain.chat.views import NO_LINKS
from domain.kernel.attachments import ClaimState
from domain.kernel.clock import to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, Patch
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import Task, outbox_item

HOLDER: Final = "chat"
"""What the names of chat's claims begin with."""


def claim_name(conversation_id: str, key: str) -> str:
    """What a file knows of the message that holds it: where to ask."""
    return f"{HOLDER}:{conversation_id}:{key}"


def _claim_key(claim: str) -> tuple[str, str]:
    """The claim's item: its partition and id."""
    _, conversation_id, key = claim.split(":")
    return partition_of(conversation_id), CLAIM + key


async def links_to(attachments: Attachments, messages: Iterable[Message]) -> Mapping[str, str]:
    """By file id, for whoever may read *messages*. No store call.

    Empty when the blob store cannot sign just now: a message is worth having without its files.
    """
    held = [each for message in messages for each in message.attachments if not each.gone]
    if not held:
        return NO_LINKS
    try:
        return {each.id: await attachments.link(each) for each in held}
    except Unavailable:
        return NO_LINKS


def end_claim(message: Message, *, now: datetime, new_id: str) -> tuple[Patch, Item] | None:
    """What to add to the batch that takes *message* away: the end of its claim, and the outbox item to `Create`.

    The task in that item makes the files follow. None for a message without files.
    """
    if message.claim is None:
        return None
    payload = {
        "task": "discard",
        "messageId": message.id,
        "claim": claim_name(message.conversation_id, message.claim),
        "fileIds": [each.id for each in message.attachments],
    }
    task = outbox_item(Task(new_id, "chat", payload), pk=partition_of(message.id), now=now)
    return Patch(CLAIM + message.claim, set={"endedAt": to_iso(now)}), task


async def discard(documents: DocumentStore, attachments: Attachments, task: Mapping[str, Any]) -> None:
    """Do a `discard` task: the message is gone, and so are its files. Safe to repeat. Raises Unavailable."""
    frozen = await is_held(documents, task["messageId"])
    await attachments.discard(task["fileIds"], claim=task["claim"], frozen=frozen)


class MessageHolder:
    """The port `Holder`, for what messages hold."""

    def __init__(self, documents: DocumentStore, lose_file: Callable[[str, str], Awaitable[object]]) -> None:
        """*lose_file* shows a message's file as gone (`Changes.lose_file`)."""
        self._documents = documents
        self._lose_file = lose_file

    async def may_read(self, user_id: str, file_id: str, claim: str) -> bool:
        """For those who are in the conversation now, as long as the message is not deleted. One document call."""
        pk, key = _claim_key(claim)
        held, place = await self._documents.find_many(CHAT, [(pk, key), (pk, MEMBER + user_id)])
        if held is None or not _stands(held.item, file_id):
            return False
        return place is not None and is_present(place.item)

    async def state(self, file_id: str, claim: str) -> ClaimState:
        held = await self._find(claim)
        if held is None or file_id not in held["fileIds"]:
            return ClaimState.ABSENT
        return ClaimState.STANDS if _stands(held, file_id) else ClaimState.ENDED

    async def is_frozen(self, file_id: str, claim: str) -> bool:
        """While a report holds the message, or a legal hold the conversation."""
        held = await self._find(claim)
        return held is not None and file_id in held["fileIds"] and await is_held(self._documents, held["messageId"])

    async def forget(self, file_id: str, claim: str) -> None:
        held = await self._find(claim)
        if held is not None and _stands(held, file_id):
            with suppress(MessageNotFound):  # retention leaves no tombstone
                await self._lose_file(held["messageId"], file_id)

    async def _find(self, claim: str) -> Item | None:
        stored = await self._documents.find(CHAT, *_claim_key(claim))
        return stored.item if stored else None


def _stands(held: Item, file_id: str) -> bool:
    """Whether a claim's item says that a message shows this file."""
    return file_id in held["fileIds"] and "endedAt" not in held
