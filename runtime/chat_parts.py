"""The wiring of MackChat, each part built on first use."""

import random
from functools import cached_property
from typing import TYPE_CHECKING

from domain.chat.attached import MessageHolder
from domain.chat.attaching import Attaching
from domain.chat.behind import Behind
from domain.chat.bindings import Bindings
from domain.chat.changes import Changes
from domain.chat.connections import Connections
from domain.chat.conversations import Conversations
from domain.chat.digests import Digests
from domain.chat.drafts import Drafts
from domain.chat.due import DueMessages
from domain.chat.groups import Groups
from domain.chat.history import History
from domain.chat.known import Known
from domain.chat.noticing import Noticing
from domain.chat.people import StoredPeople
from domain.chat.places import Places
from domain.chat.publishing import Publisher
from domain.chat.receipts import Receipts
from domain.chat.scheduling import Scheduling
from domain.chat.sending import Sending
from domain.chat.signals import Typing
from domain.chat.sync import Sync
from domain.chat.tasks import ChatTasks
from domain.chat.unread import UnreadCount
from runtime.chat_sessions import StandingSessions

if TYPE_CHECKING:
    from runtime.parts import Parts


class ChatParts:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def people(self) -> StoredPeople:
        return StoredPeople(self._parts.documents)

    @cached_property
    def conversations(self) -> Conversations:
        return Conversations(
            self._parts.documents,
            self.people,
            self.places,
            self._parts.outbox,
            self.known,
            self._parts.clock,
            self._parts.ids,
            retain_days=self._parts.settings.chat.retain_days,
        )

    @cached_property
    def sync(self) -> Sync:
        return Sync(self._parts.documents, self._parts.files.of_messages, self.conversations, self._parts.clock)

    @cached_property
    def places(self) -> Places:
        return Places(self._parts.documents, self.people, self._parts.realtime, self._parts.clock)

    @cached_property
    def groups(self) -> Groups:
        return Groups(
            self._parts.documents,
            self.conversations,
            self.people,
            self.places,
            self._parts.realtime,
            self._parts.outbox,
            self.behind,
            self.known,
            self._parts.files.avatars,
            self._parts.clock,
            self._parts.ids,
            retain_days=self._parts.settings.chat.retain_days,
        )

    @cached_property
    def history(self) -> History:
        return History(self._parts.documents, self._parts.files.of_messages, self.known)

    @cached_property
    def publisher(self) -> Publisher:
        parts = self._parts
        return Publisher(parts.documents, parts.realtime, parts.files.of_messages, parts.clock)

    @cached_property
    def sending(self) -> Sending:
        def pause(lost: int) -> float:
            """Up to 5 ms after the first lost race, doubling up to 160 ms: random, so that rivals part."""
            return random.random() * 0.005 * 2.0 ** min(lost, 5)  # noqa: S311 - jitter, not a secret

        return Sending(
            self._parts.documents,
            self.publisher,
            self.attaching,
            self._parts.outbox,
            self.behind,
            self.known,
            self._parts.clock,
            self._parts.ids.new,
            pause,
        )

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(self._parts.documents, self._parts.realtime, self.behind, self._parts.clock)

    @cached_property
    def scheduling(self) -> Scheduling:
        parts = self._parts
        return Scheduling(parts.documents, parts.realtime, parts.outbox, self.behind, parts.clock, parts.ids)

    @cached_property
    def due(self) -> DueMessages:
        return DueMessages(self._parts.documents, self.sending, self._parts.realtime, self.behind, self._parts.clock)

    @cached_property
    def attaching(self) -> Attaching:
        return Attaching(self._parts.documents, self._parts.files.of_messages, self._parts.ids.new)

    @cached_property
    def holder(self) -> MessageHolder:
        return MessageHolder(self._parts.documents, self._lose_file)

    async def _lose_file(self, message_id: str, file_id: str) -> None:
        """Built when a file is lost, and not for who reads one: changes bring the realtime service's SDK along."""
        await self.changes.lose_file(message_id, file_id)

    @cached_property
    def behind(self) -> Behind:
        return Behind()

    @cached_property
    def known(self) -> Known:
        return Known(self._parts.clock)

    @cached_property
    def receipts(self) -> Receipts:
        return Receipts(
            self._parts.documents,
            self._parts.realtime,
            self._parts.outbox,
            self.behind,
            self._parts.clock,
            self._parts.ids,
        )

    @cached_property
    def changes(self) -> Changes:
        return Changes(
            self._parts.documents,
            self._parts.files.of_messages,
            self._parts.realtime,
            self._parts.outbox,
            self.behind,
            self.known,
            self._parts.clock,
            self._parts.ids,
            self._parts.settings.chat.change_within,
        )

    @cached_property
    def tasks(self) -> ChatTasks:
        return ChatTasks(
            self._parts.documents,
            self._parts.clock,
            self.places,
            self.groups,
            self.changes,
            self._parts.social.presence,
            self.scheduling,
            self._parts.social.reception,
        )

    @cached_property
    def unread(self) -> UnreadCount:
        return UnreadCount(self._parts.documents, self._parts.clock)

    @cached_property
    def digests(self) -> Digests:
        return Digests(
            self._parts.documents,
            self._parts.outbox,
            self.unread,
            self._parts.clock,
            self._parts.ids,
            self._parts.settings.chat.digest_after,
        )

    @cached_property
    def noticing(self) -> Noticing:
        parts = self._parts
        return Noticing(parts.documents, parts.queue, self.digests, parts.clock, pushes=parts.push.is_set_up)

    @cached_property
    def typing(self) -> Typing:
        return Typing(self._parts.documents, self._parts.realtime, self.known, self.behind, self._parts.clock)

    @cached_property
    def connections(self) -> Connections:
        return Connections(self.conversations, self._parts.realtime, self.sessions, self.bindings, self._parts.clock)

    @cached_property
    def sessions(self) -> StandingSessions:
        return StandingSessions(self._parts.cache, self._parts.authenticator)

    @cached_property
    def bindings(self) -> Bindings:
        return Bindings(self._parts.documents, self.sessions)

    async def close(self) -> None:
        """Let what still works behind the answers finish."""
        for name in ("sending", "behind"):
            if name in vars(self):
                await vars(self).pop(name).close()
