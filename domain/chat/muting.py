"""Muting: one person's wish not to be disturbed by a conversation. It is delivered and counted all the same."""

from domain.chat.access import admit
from domain.chat.behind import Behind
from domain.chat.errors import ConversationBusy
from domain.chat.model import partition_of
from domain.chat.records import HEAD, MEMBER, changed_key, membership_id
from domain.chat.views import event
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, ItemNotFound, Patch
from domain.kernel.realtime import Realtime


class Muting:
    def __init__(self, documents: DocumentStore, realtime: Realtime, behind: Behind, clock: Clock) -> None:
        self._documents = documents
        self._realtime = realtime
        self._behind = behind
        self._clock = clock

    async def set(self, me: str, conversation_id: str, *, muted: bool) -> None:
        """Mute or unmute, on all devices of *me*: those connected are told, the others find it when they sync.

        Safe to repeat. One `find_many` and, if anything changes, one patch.

        Raises:
            ConversationNotFound, NotParticipant.
            ConversationBusy: *me* came in a moment ago, and their list is yet to follow.
        """
        pk, listed = partition_of(conversation_id), membership_id(conversation_id)
        *room, place = await self._documents.find_many(CHAT, [(pk, HEAD), (pk, MEMBER + me), (me, listed)])
        admit(room, conversation_id)
        if place is not None and place.item.get("muted", False) == muted:
            return
        now = self._clock.now()
        changed = {"changedAt": changed_key(now, conversation_id), "mutedOn": to_iso(now)}
        change = (
            Patch(listed, set={"muted": True, **changed}) if muted else Patch(listed, set=changed, remove=("muted",))
        )
        try:
            await self._documents.patch(CHAT, me, change)
        except ItemNotFound:
            raise ConversationBusy(retry_after=1) from None
        data = {"id": conversation_id, "muted": muted}
        frame = event("conversation.updated", f"{conversation_id}:{me}:muted:{to_iso(now)}", data)
        self._behind.run(self._realtime.send_to_user(me, frame))
