"""The name on each of a person's places, made to follow their profile.

It is there to be matched, never shown: a message that mentions somebody must find them by the two document calls that
a send has, and the conversation's own partition is all that one of those can read
(docs/adr/0160-a-name-to-be-matched-lies-with-the-place.md).
"""

from collections.abc import Sequence
from typing import Final

from domain.chat.errors import ConversationBusy
from domain.chat.model import partition_of
from domain.chat.records import MEMBER
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Patch, Query
from domain.kernel.people import person_key, read_person

PAGE: Final = 200
RACES: Final = 12


class Naming:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def follow(self, user_id: str) -> None:
        """The person has another name, or none any more: so do their places. Safe to repeat, in any order.

        One query and one `find_many` for two hundred conversations, one patch each. Raises Unavailable.
        """
        above = None
        while True:
            page = await self._documents.query(CHAT, user_id, Query(starts="in:", above=above, limit=PAGE))
            await self.settle(user_id, [each.item["conversationId"] for each in page])
            if len(page) < PAGE:
                return
            above = page[-1].item["id"]

    async def settle(self, user_id: str, conversation_ids: Sequence[str]) -> None:
        """Have these places (at most 200) bear the name.

        Name and place are read together, and the place is written only if it is still so: of two that race the one
        with the older name loses, and reads again. Raises ConversationBusy.
        """
        waiting = list(conversation_ids)
        for _ in range(RACES):
            keys = [(partition_of(each), MEMBER + user_id) for each in waiting]
            found = await self._documents.find_many(CHAT, [person_key(user_id), *keys])
            name = read_person(found[0].item).name if found[0] else ""
            lost = []
            for conversation_id, place in zip(waiting, found[1:], strict=True):
                if place is None or place.item.get("leftAt"):
                    continue
                change = {"set": {"name": name}} if name else {"remove": ("name",)}
                try:
                    await self._documents.patch(
                        CHAT, place.item["pk"], Patch(place.item["id"], **change, if_match=place.etag)
                    )
                except (ItemStale, ItemNotFound):
                    lost.append(conversation_id)
            if not lost:
                return
            waiting = lost
        raise ConversationBusy(retry_after=1)
