"""Finding people: `GET /users`."""

from dataclasses import dataclass
from typing import Final

from domain.kernel.containers import DIRECTORY
from domain.kernel.documents import DocumentStore, Query
from domain.kernel.names import words
from domain.users.model import Found
from domain.users.records import PEOPLE, is_shown_for, read_found

_SPARE: Final = 2
"""How many times *limit* are read, because one person's names can be found twice."""


@dataclass(frozen=True)
class Directory:
    documents: DocumentStore

    async def find_people(self, query: str, *, after: str | None, limit: int) -> tuple[list[Found], str | None]:
        """People with a word in their name that begins like *query*, in the order of what was found; one store query.

        Case and accents do not matter; several words must follow each other. An empty *query* lists everybody by
        name; one without letters or digits finds nobody. *after* is the position the page before ended with. Returns
        up to *limit* people, and where the next page starts, None on the last. A page may be short.
        """
        prefix = " ".join(words(query))
        if query.strip() and not prefix:
            return [], None
        most = _SPARE * limit if prefix else limit
        wanted = Query(
            order="key",
            above=after,
            starts=prefix or None,
            eq={} if prefix else {"first": True},
            limit=most + 1,
        )
        found = [stored.item for stored in await self.documents.query(DIRECTORY, PEOPLE, wanted)]
        people: list[Found] = []
        position = None
        for item in found[:most]:
            if len(people) == limit:
                break
            position = str(item["key"])
            if not prefix or is_shown_for(item, prefix):
                people.append(read_found(item))
        is_last = not found or position == found[-1]["key"]
        return people, None if is_last else position
