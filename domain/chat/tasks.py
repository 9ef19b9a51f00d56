"""The queue `chat`: what follows a write, and could not be done with it."""

from collections.abc import Mapping
from typing import Any

from domain.chat.blocking import settle_blocks
from domain.chat.changes import Changes
from domain.chat.groups import Groups
from domain.chat.holds import settle_hold
from domain.chat.naming import Naming
from domain.chat.places import Places
from domain.chat.presence import Presence
from domain.chat.scheduling import Scheduling
from domain.kernel.clock import Clock, from_iso
from domain.kernel.documents import DocumentStore


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
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._places = places
        self._groups = groups
        self._changes = changes
        self._presence = presence
        self._scheduling = scheduling

    async def run(self, task: Mapping[str, Any]) -> None:
        """Raises Unavailable, and KeyError for a task nobody wrote."""
        match task["task"]:
            case "place":
                await self._groups.place(task)
            case "tellGroup":
                await self._groups.tell(task["conversationId"])
            case "touch":
                await self._places.touch(task["conversationId"], since=from_iso(task["from"]), wakes="wakes" in task)
            case "tell":
                await self._changes.tell(task["messageId"], task["event"])
            case "block":
                await settle_blocks(self._documents, *task["userIds"])
            case "hold":
                await settle_hold(self._documents, self._clock, task["reportId"], task["messageId"])
            case "presence":
                await self._presence.settle(task["userId"])
            case "rename":
                await Naming(self._documents).follow(task["userId"])
            case "due":
                await self._scheduling.point(task)
            case unknown:
                raise KeyError(unknown)
