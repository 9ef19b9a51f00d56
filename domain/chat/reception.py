"""Guests' conversations: each has one, with those who are there for guests. Walk: `docs/flows/guests.md`.

It is a group, led by its hosts, who may bring in others of the staff. Nobody can bring a guest into any other: a
person whose status is `guest` is nobody one could talk to, for `open_direct` and `Groups` alike. Conforms to
`domain.auth.ports.Reception`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from domain.chat.errors import ConversationNotFound, NotParticipant, ParticipantNotFound
from domain.chat.groups import Groups
from domain.chat.moves import ADMIN, MEMBER_ROLE
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query
from domain.kernel.errors import Forbidden, NotFound, Unavailable
from domain.kernel.people import GUEST, People, Person

TITLE: Final = "Guest"
"""Of the conversation, instead of the guest's name, which is shown with their place and goes when they go."""

_PLACES: Final = 1000


class NobodyThere(Unavailable):
    message = "Nobody is there for guests at the moment. Please use the contact form."


@dataclass(frozen=True)
class Reception:
    documents: DocumentStore
    groups: Groups
    people: People
    hosts: Sequence[str]
    """The ids of those who receive guests, a few; empty: guests are not received."""

    async def require_open(self) -> None:
        """Raises NotFound where guests are not received, and NobodyThere while no host's account is active."""
        if not self.hosts:
            raise NotFound
        if not _active(await self.people.find_many(self.hosts), self.hosts):
            raise NobodyThere

    async def open(self, guest_id: str, conversation_id: str) -> None:
        """Open the guest's conversation with the hosts who are active by now. Safe to repeat.

        Nothing happens for a guest who is gone, or no guest any more. Raises Unavailable.
        """
        people = await self.people.find_many([guest_id, *self.hosts])
        if guest_id not in people:
            raise Unavailable  # others are yet to see them: the task comes again
        hosts = _active(people, self.hosts)
        if people[guest_id].status != GUEST:
            return
        if not hosts:
            raise NobodyThere
        roles = dict.fromkeys(hosts, ADMIN) | {guest_id: MEMBER_ROLE}
        names = {user_id: person.name for user_id, person in people.items()}
        await self.groups.begin(conversation_id, TITLE, roles, names)

    async def dismiss(self, guest_id: str) -> None:
        """Take the guest out of their conversation. Safe to repeat. Raises Unavailable."""
        places = await self.documents.query(CHAT, guest_id, Query(starts="in:", limit=_PLACES))
        for place in places:
            if place.item["type"] == "membership":
                with suppress(ConversationNotFound, NotParticipant, ParticipantNotFound, Forbidden):
                    await self.groups.remove(guest_id, place.item["conversationId"], guest_id)


def _active(people: dict[str, Person], hosts: Sequence[str]) -> list[str]:
    return [host for host in hosts if host in people and people[host].status == "active"]
