"""The wiring of what people in chat decide about each other, each part built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.chat.blocking import Blocks
from domain.chat.expiry import Expiry
from domain.chat.holding import LegalHolds
from domain.chat.legal_holds import renew_holds
from domain.chat.muting import Muting
from domain.chat.presence import Presence
from domain.chat.reception import Reception
from domain.chat.reports import Reports
from domain.chat.retention import Retention
from domain.chat.search import MessageIndex, Search
from runtime.services import Embedded

if TYPE_CHECKING:
    from runtime.parts import Parts


class SocialParts:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def muting(self) -> Muting:
        parts = self._parts
        return Muting(parts.documents, parts.realtime, parts.chat.behind, parts.clock)

    @cached_property
    def blocks(self) -> Blocks:
        parts = self._parts
        return Blocks(parts.documents, parts.chat.people, parts.outbox, parts.chat.known, parts.clock, parts.ids)

    @cached_property
    def presence(self) -> Presence:
        parts = self._parts
        return Presence(parts.documents, parts.realtime, parts.chat.behind, parts.clock, parts.ids)

    @cached_property
    def reception(self) -> Reception:
        parts = self._parts
        return Reception(parts.documents, parts.chat.groups, parts.chat.people, parts.settings.chat.guest_hosts)

    @cached_property
    def reports(self) -> Reports:
        parts = self._parts
        return Reports(parts.documents, parts.chat.changes, parts.chat.people, parts.outbox, parts.clock, parts.ids)

    @cached_property
    def legal_holds(self) -> LegalHolds:
        parts = self._parts
        return LegalHolds(parts.documents, parts.chat.people, parts.outbox, parts.clock, parts.ids)

    @cached_property
    def retention(self) -> Retention:
        parts = self._parts
        return Retention(parts.documents, parts.chat.groups, parts.outbox, parts.chat.behind, parts.clock, parts.ids)

    @cached_property
    def expiry(self) -> Expiry:
        parts = self._parts
        return Expiry(parts.documents, self.message_index, parts.realtime, parts.outbox, parts.clock, parts.ids)

    async def renew_holds(self) -> None:
        """Have what people under hold came into lately be under hold, too."""
        await renew_holds(self._parts.documents, self._parts.queue)

    @cached_property
    def message_index(self) -> MessageIndex:
        match self._parts.settings.documents:
            case Embedded(folder):
                from adapters.search.fts import FtsIndex

                return FtsIndex(folder / "search.db", self._parts.documents)
            case _:
                from adapters.search.scan import ScanningIndex

                return ScanningIndex(self._parts.documents)

    @cached_property
    def search(self) -> Search:
        return Search(self._parts.documents, self._parts.files.of_messages, self.message_index)

    async def close(self) -> None:
        if "message_index" in vars(self):
            await self.message_index.close()
