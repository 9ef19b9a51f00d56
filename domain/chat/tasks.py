"""The queue `chat`: what follows a write, and could not be done with it."""

from collections.abc import Mapping
from typing import Any

from domain.chat.changes import Changes
from domain.chat.conversations import Conversations
from domain.kernel.clock import from_iso


class ChatTasks:
    """Every task is safe to run twice."""

    def __init__(self, conversations: Conversations, changes: Changes) -> None:
        self._conversations = conversations
        self._changes = changes

    async def run(self, task: Mapping[str, Any]) -> None:
        """Raises Unavailable, and KeyError for a task nobody wrote."""
        match task["task"]:
            case "join":
                await self._conversations.join(task["conversationId"])
            case "touch":
                await self._conversations.touch(task["conversationId"], since=from_iso(task["from"]))
            case "tell":
                await self._changes.tell(task["messageId"], task["event"])
            case unknown:
                raise KeyError(unknown)
