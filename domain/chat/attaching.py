"""A message takes its files before it is written.

Files and messages lie in different partitions, so no one batch writes both. First each file is claimed, which the
store decides; then the message is written together with the claim's own item. A claim without that item came to
nothing: a repeat of the same request takes it up again, and the sweep of files gives the file back
(docs/adr/0123-a-message-claims-its-files-first.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from domain.chat.access import admit
from domain.chat.attached import claim_name
from domain.chat.errors import MessageDeleted
from domain.chat.model import Draft, Message, partition_of
from domain.chat.planning import claim_key, marker_id
from domain.chat.ports import Attachments
from domain.chat.records import CLAIM, HEAD, MEMBER, find_message
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Stored
from domain.kernel.errors import Fault, Forbidden, Invalid

_REFUSALS: Final = {
    "unknown_file": "Is not a complete upload of yours of the category `message`.",
    "scanning": "Is being looked at for harmful content. Send it once it is clean.",
    "in_use": "Is attached to another message already. Upload it again.",
}


class Attaching:
    def __init__(self, documents: DocumentStore, attachments: Attachments, new_id: Callable[[], str]) -> None:
        self._documents = documents
        self._attachments = attachments
        self._new_id = new_id

    async def take(self, conversation_id: str, draft: Draft) -> Draft | Message:
        """The draft with its files in hand; or the message, if it was sent before.

        One document call to look, one to find the files, and one for each file. Who may not write takes nothing.

        Raises:
            ConversationNotFound, NotParticipant; Forbidden: one of two blocks the other.
            Invalid: files that cannot be had; then none was taken.
        """
        key, marker = claim_key(draft, self._new_id), marker_id(draft)
        pk = partition_of(conversation_id)
        ids = [HEAD, MEMBER + draft.sender_id, CLAIM + key, *([marker] if marker else [])]
        found = await self._documents.find_many(CHAT, [(pk, item_id) for item_id in ids])
        head, _ = admit(found[:2], conversation_id)
        if head.item.get("blockedBy"):
            raise Forbidden
        sent = next((each for each in found[2:] if each is not None), None)
        if sent is not None:
            return await self._first(sent)
        file_ids = tuple(dict.fromkeys(draft.file_ids))
        claimed = await self._attachments.claim(draft.sender_id, file_ids, claim=claim_name(conversation_id, key))
        if claimed.refused:
            raise Invalid(faults=_faults(draft.file_ids, claimed.refused))
        return replace(draft, attachments=claimed.attachments, claim=key)

    async def _first(self, sent: Stored) -> Message:
        first = find_message(await self._documents.find(CHAT, sent.item["pk"], sent.item["messageId"]))
        if first is None:
            raise MessageDeleted  # by retention, which leaves no tombstone
        return first


def _faults(file_ids: Sequence[str], refused: Mapping[str, str]) -> list[Fault]:
    return [
        Fault(f"attachments[{position}].id", refused[file_id], _REFUSALS[refused[file_id]])
        for position, file_id in enumerate(file_ids)
        if file_id in refused
    ]
