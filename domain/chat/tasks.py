"""The queue `chat`: what follows a write, and could not be done with it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain.chat.blocking import settle_blocks
from domain.chat.changes import Changes
from domain.chat.groups import Groups
from domain.chat.holds import settle_hold
from domain.chat.legal_holds import settle_hold_on
from domain.chat.naming import Naming
from domain.chat.places import Places
from domain.chat.presence import Presence
from domain.chat.reception import Reception
from domain.chat.scheduling import Scheduling
from domain.kernel.clock import Clock, from_iso
from domain.kernel.documents import DocumentStore

Work = Callable[[Mapping[str, Any]], Awaitable[object]]


class ChatTasks:
    """Every task is safe to run twice."""

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        places: Places,
        groups: Groups,
        changes: Changes,
        presence: Presence,
        scheduling: Scheduling,
        reception: Reception,
    ) -> None:
        self._work: Mapping[str, Work] = {
            "place": groups.place,
            "tellGroup": lambda task: groups.tell(task["conversationId"]),
            "touch": lambda task: places.touch(
                task["conversationId"], since=from_iso(task["from"]), wakes="wakes" in task
            ),
            "tell": lambda task: changes.tell(task["messageId"]),
            "discard": changes.discard,
            "block": lambda task: settle_blocks(documents, *task["userIds"]),
            "hold": lambda task: settle_hold(documents, clock, task["reportId"], task["messageId"]),
            "legalHold": lambda task: settle_hold_on(documents, clock, task["kind"], task["subjectId"]),
            "presence": lambda task: presence.settle(task["userId"]),
            "rename": lambda task: Naming(documents).follow(task["userId"]),
            "receive": lambda task: reception.open(task["userId"], task["conversationId"]),
            "due": scheduling.point,
        }

    async def run(self, task: Mapping[str, Any]) -> None:
        """Raises Unavailable, and KeyError for a task nobody wrote."""
        await self._work[task["task"]](task)
