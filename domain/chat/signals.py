"""Typing: told to those who are there, kept nowhere."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from domain.chat.access import enter
from domain.chat.behind import Behind
from domain.chat.known import MAX_KNOWN, Known
from domain.chat.views import conversation_group, event
from domain.kernel.clock import Clock, to_iso
from domain.kernel.documents import DocumentStore
from domain.kernel.errors import Forbidden
from domain.kernel.realtime import Realtime

QUIET_ABOVE: Final = 50
"""People in a room above which typing and receipts of single persons are not told to everyone."""

TYPING_EVERY: Final = timedelta(seconds=3)
TYPING_LASTS: Final = timedelta(seconds=6)
"""A client takes `typing.start` as over by then, whatever became of the one who typed."""


class Typing:
    """One per process."""

    def __init__(
        self, documents: DocumentStore, realtime: Realtime, known: Known, behind: Behind, clock: Clock
    ) -> None:
        self._documents = documents
        self._realtime = realtime
        self._known = known
        self._behind = behind
        self._clock = clock
        self._told: OrderedDict[tuple[str, str], tuple[datetime, bool]] = OrderedDict()
        """When each was last told to type, and whether the end of it was told."""

    async def tell(self, me: str, conversation_id: str, *, typing: bool) -> None:
        """Tell the others. No document call when this process knows that *me* is there, else one.

        At most one start in three seconds a person and conversation, and one stop for each start; nobody is told in
        rooms of more than fifty. Raises ConversationNotFound, NotParticipant, and
        Forbidden while one of two blocks the other.
        """
        members = self._known.members(conversation_id, me)
        if members is None:
            room = await enter(self._documents, conversation_id, me)
            if room.conversation.blocked_by:
                raise Forbidden
            self._known.note(room.conversation, me)
            members = room.conversation.member_count
        if members > QUIET_ABOVE or not self._is_news((conversation_id, me), typing=typing):
            return
        now = self._clock.now()
        data = {"conversationId": conversation_id, "userId": me, "expiresAt": to_iso(now + TYPING_LASTS)}
        name = "typing.start" if typing else "typing.stop"
        frame = event(name, f"{conversation_id}:{me}:{name}:{to_iso(now)}", data)
        self._behind.run(self._realtime.send_to_group(conversation_group(conversation_id), frame))

    def _is_news(self, key: tuple[str, str], *, typing: bool) -> bool:
        now = self._clock.now()
        started, over = self._told.get(key, (None, True))
        if not typing:
            if started is None or over:
                return False
            self._told[key] = (started, True)
            return True
        if started is not None and now - started < TYPING_EVERY:
            return False
        self._told[key] = (now, False)
        self._told.move_to_end(key)
        if len(self._told) > MAX_KNOWN:
            self._told.popitem(last=False)
        return True
