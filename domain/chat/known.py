"""What this process saw a moment ago: who is in which conversation, and how many are."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from domain.chat.model import Conversation
from domain.kernel.clock import Clock

KNOWN_FOR: Final = timedelta(seconds=60)
"""How long somebody who was removed elsewhere may still be seen typing; nothing that is kept goes by this."""

MAX_KNOWN: Final = 10_000


class Known:
    """Memberships of those who may write, seen a moment ago. Only for what is not kept: all else asks the store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], tuple[datetime, int]] = OrderedDict()

    def note(self, conversation: Conversation, user_id: str) -> None:
        if not conversation.blocked_by:
            self.note_place(conversation.id, user_id, conversation.member_count)

    def note_place(self, conversation_id: str, user_id: str, member_count: int) -> None:
        key = (conversation_id, user_id)
        self._seen[key] = (self._clock.now(), member_count)
        self._seen.move_to_end(key)
        if len(self._seen) > MAX_KNOWN:
            self._seen.popitem(last=False)

    def members(self, conversation_id: str, user_id: str) -> int | None:
        """How many are in it, if *user_id* is known to be one of them."""
        seen = self._seen.get((conversation_id, user_id))
        if seen is None or self._clock.now() - seen[0] > KNOWN_FOR:
            return None
        return seen[1]

    def forget(self, conversation_id: str, user_id: str) -> None:
        self._seen.pop((conversation_id, user_id), None)
