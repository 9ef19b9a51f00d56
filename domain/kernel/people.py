"""People as others see them: a projection of the account, kept where it is read.

The truth is the account. `domain.users` keeps the `person` item in the chat container (so that a conversation list
reads heads and people in one call) and the directory's entries, right after the account was written, with an outbox
task as the net for a crash between the two. So what is here may be a moment old, and never goes back in time: each
projection carries the account's version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from domain.kernel.documents import Item
from domain.kernel.outbox import SWEEP_AFTER, Task, outbox_item

PERSON_ID: Final = "person"
GUEST: Final = "guest"
FORMER_GUEST: Final = "Former guest"
PROJECTIONS: Final = "projections"
"""The queue of `projection_task`."""


@dataclass(frozen=True, slots=True)
class Person:
    """*avatar* is a file's id.

    *status* is the account's, or `guest`, with whom nobody opens a conversation or brings them into one. A person
    whose account is gone is `erased`, without name; who was a guest is then called `FORMER_GUEST`.
    """

    id: str
    name: str
    avatar: str | None
    status: str


class People(Protocol):
    async def find(self, user_id: str) -> Person | None:
        """None for an account that never was, or was not verified yet."""
        ...

    async def find_many(self, user_ids: Sequence[str]) -> dict[str, Person]:
        """Those who exist, by id; at most 1,000, in one store call."""
        ...


class Projector(Protocol):
    """Makes what others see of a person follow the account. Safe to repeat, in any order."""

    async def project(self, user_id: str) -> None: ...


def person_key(user_id: str) -> tuple[str, str]:
    """(pk, id) of the person's item in the chat container."""
    return user_id, PERSON_ID


def person_item(person: Person, *, version: int) -> Item:
    return {
        "id": PERSON_ID,
        "pk": person.id,
        "type": "person",
        "name": person.name,
        "avatar": person.avatar,
        "status": person.status,
        "version": version,
    }


def read_person(item: Item) -> Person:
    return Person(id=item["pk"], name=item["name"], avatar=item.get("avatar"), status=item["status"])


def renamed_item(user_id: str, *, version: int, now: datetime) -> Item:
    """The outbox item for the batch that gives the person's item another name: what chat matches names by follows."""
    task = Task(f"renamed-{user_id}-{version}", "chat", {"task": "rename", "userId": user_id})
    return outbox_item(task, pk=user_id, now=now - SWEEP_AFTER)  # nobody hands it over but the sweep


def projection_task(user_id: str, *, task_id: str) -> Task:
    """For the outbox, in the batch that changes an account. *task_id* is fresh for each change."""
    payload: dict[str, Any] = {"userId": user_id}
    return Task(task_id, PROJECTIONS, payload)
