"""What others see of a person, made to follow the account: the directory's items, and the person chat reads.

An account's `version` says which state is newer. The head of the directory's items and the person's item each carry
the version they show, and are written only over the etag that was read *before* the account: so an older state never
replaces a newer one, whoever is late, and doing it again changes nothing.
"""

from dataclasses import dataclass
from typing import Final

from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.clock import Clock
from domain.kernel.containers import ACCOUNTS, CHAT, DIRECTORY
from domain.kernel.documents import (
    Create,
    Delete,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Replace,
    Stored,
    Upsert,
)
from domain.kernel.errors import Unavailable
from domain.kernel.people import FORMER_GUEST, GUEST, Person, person_item, person_key, read_person, renamed_item
from domain.users.records import (
    GONE_VERSION,
    PEOPLE,
    gone_item,
    head_item,
    name_item_id,
    name_items,
    user_item_id,
)

MAX_TRIES: Final = 5


@dataclass(frozen=True)
class Projection:
    """The kernel's `Projector`."""

    documents: DocumentStore
    clock: Clock

    async def project(self, user_id: str) -> None:
        """Safe to repeat, in any order, at the same time. Raises Unavailable, also when it keeps losing races."""
        for _ in range(MAX_TRIES):
            head = await self.documents.find(DIRECTORY, PEOPLE, user_item_id(user_id))
            person = await self.documents.find(CHAT, *person_key(user_id))
            stored = await self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
            account = None if stored is None else Account.from_item(stored.item)
            try:
                await self._write_directory(user_id, head, account)
                await self._write_person(user_id, person, account)
            except (ItemExists, ItemStale, ItemNotFound):
                continue  # somebody else projected meanwhile
            return
        raise Unavailable(retry_after=1)

    async def _write_directory(self, user_id: str, head: Stored | None, account: Account | None) -> None:
        if account is None and head is None:
            return
        new_head = gone_item(user_id) if account is None else head_item(account)
        if head is not None and head.item["version"] >= new_head["version"]:
            return
        names = [] if account is None else name_items(account)
        before = 0 if head is None else int(head.item["names"])
        operations: list[Operation] = [Create(new_head) if head is None else Replace(new_head, if_match=head.etag)]
        operations += [Upsert(item) for item in names]
        operations += [Delete(name_item_id(user_id, position)) for position in range(len(names), before)]
        await self.documents.batch(DIRECTORY, PEOPLE, operations)

    async def _write_person(self, user_id: str, person: Stored | None, account: Account | None) -> None:
        if person is None and (account is None or not (account.verified or account.is_guest)):
            return  # nobody has met them yet
        item = _person_item(user_id, account, was=None if person is None else read_person(person.item))
        if person is None:
            await self.documents.create(CHAT, item)
        elif person.item["version"] < item["version"]:
            operations: list[Operation] = [Replace(item, if_match=person.etag)]
            if person.item["name"] != item["name"]:
                now = self.clock.now()
                operations.append(Create(renamed_item(user_id, version=item["version"], now=now)))
            await self.documents.batch(CHAT, user_id, operations)


def _person_item(user_id: str, account: Account | None, *, was: Person | None) -> Item:
    if account is None:
        name = FORMER_GUEST if was is not None and was.status == GUEST else ""
        return person_item(Person(user_id, name, None, "erased"), version=GONE_VERSION)
    is_guest = account.is_guest and not account.suspended
    status = GUEST if is_guest else account.status.value
    return person_item(Person(user_id, account.name, account.avatar, status), version=account.version)
