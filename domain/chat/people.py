"""People as chat reads them: from their items in chat's own container."""

from collections.abc import Sequence

from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore
from domain.kernel.people import Person, person_key, read_person


class StoredPeople:
    """`People` over the document store: one call, whoever is asked for."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def find(self, user_id: str) -> Person | None:
        return (await self.find_many([user_id])).get(user_id)

    async def find_many(self, user_ids: Sequence[str]) -> dict[str, Person]:
        found = await self._documents.find_many(CHAT, [person_key(user_id) for user_id in user_ids])
        return {stored.item["pk"]: read_person(stored.item) for stored in found if stored is not None}
