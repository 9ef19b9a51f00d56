"""Accounts as sign-in reads and writes them."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from domain.auth.model import Session
from domain.auth.records import read_session, session_item_id
from domain.auth.write import PersonalWrite
from domain.kernel.accounts import ACCOUNT_ID, Account, reservation_item, reservation_key
from domain.kernel.clock import Clock
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import DocumentStore, Item, ItemExists, ItemNotFound, ItemStale, Stored
from domain.kernel.errors import Unavailable
from domain.kernel.ids import Ids
from domain.kernel.links import LinkName, link_item_id
from domain.kernel.outbox import Outbox
from domain.kernel.people import PROJECTIONS, Projector

MAX_TRIES: Final = 5
"""How often a write that lost a race is judged anew, before the caller is asked to come back."""


@dataclass(frozen=True, slots=True)
class Held:
    """An account as read, and the etag that a write must still find."""

    account: Account
    etag: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldSession:
    session: Session
    etag: str = field(repr=False)


class Accounts:
    def __init__(
        self,
        documents: DocumentStore,
        outbox: Callable[[], Outbox],
        projector: Callable[[], Projector],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.documents = documents
        self._projector = projector
        self.clock = clock
        self.ids = ids
        self._outbox = outbox

    def write(self, user_id: str) -> PersonalWrite:
        """A batch to fill and to `commit`."""
        return PersonalWrite(user_id, now=self.clock.now(), ids=self.ids)

    async def commit(self, write: PersonalWrite, *, at_once: Callable[[str], Awaitable[None]] | None = None) -> None:
        """Do the batch, then *at_once* with the person's id, let others see it, and offer the tasks to their queues.

        What fails after the batch is done by the queues. Raises what `DocumentStore.batch` raises.
        """
        await self.documents.batch(ACCOUNTS, write.user_id, write.operations)
        if at_once is not None:
            with suppress(Unavailable):
                await at_once(write.user_id)
        for item in write.outbox:
            if item["queue"] == PROJECTIONS:
                await self._outbox().do_now(ACCOUNTS, item, self._projector().project(write.user_id))
            else:
                await self._outbox().offer(ACCOUNTS, item)

    async def find(self, user_id: str) -> Held | None:
        return _held(await self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID))

    async def find_reserved(self, email_key: str) -> str | None:
        """The id of the person whose address this is; their account may not be there yet."""
        stored = await self.documents.find(ACCOUNTS, *reservation_key(email_key))
        return None if stored is None else str(stored.item["userId"])

    async def find_by_email(self, email_key: str) -> Held | None:
        """Two reads, also for an address that nobody has: the time must not tell."""
        user_id = await self.find_reserved(email_key)
        return await self.find(user_id or self.ids.new())

    async def find_with_session(self, user_id: str, session_id: str) -> tuple[HeldSession | None, Held | None]:
        """Both in one call."""
        session, account = await self._find_two(user_id, session_item_id(session_id))
        return (None if session is None else HeldSession(read_session(session.item), session.etag)), _held(account)

    async def find_with_link(self, name: LinkName) -> tuple[Stored | None, Held | None]:
        """The link's item and its account, in one call."""
        return await self.find_with(name.user_id, link_item_id(name.link_id))

    async def find_with(self, user_id: str, item_id: str) -> tuple[Stored | None, Held | None]:
        """Another item of the person's and the account, in one call."""
        other, account = await self._find_two(user_id, item_id)
        return other, _held(account)

    async def _find_two(self, user_id: str, item_id: str) -> tuple[Stored | None, Stored | None]:
        one, account = await self.documents.find_many(ACCOUNTS, [(user_id, item_id), (user_id, ACCOUNT_ID)])
        return one, account

    async def do_now(self, item: Item, work: Awaitable[object]) -> None:
        """Do what `PersonalWrite.hold` has put into the batch; what fails is left to the sweep."""
        await self._outbox().do_now(ACCOUNTS, item, work)

    async def reserve(self, email_key: str, user_id: str | None = None) -> str:
        """The id of the person whose address this is from now on: *user_id*, or a new one, if it was nobody's."""
        user_id = user_id or self.ids.new()
        item = reservation_item(email_key, user_id=user_id, now=self.clock.now())
        try:
            await self.documents.create(ACCOUNTS, item)
        except ItemExists:
            return await self.find_reserved(email_key) or user_id
        return user_id

    async def release(self, email_key: str, user_id: str) -> None:
        """Give an address back that *user_id* reserved and never took. Another's stays theirs. Safe to repeat."""
        stored = await self.documents.find(ACCOUNTS, *reservation_key(email_key))
        if stored is not None and stored.item["userId"] == user_id:
            with suppress(ItemNotFound, ItemStale):
                await self.documents.delete(ACCOUNTS, *reservation_key(email_key), if_match=stored.etag)


class TooBusy(Unavailable):
    """Lost one race after another: there is more going on with this account than a person can cause."""

    message = "This account is busy. Try again shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=1)


def _held(stored: Stored | None) -> Held | None:
    return None if stored is None else Held(Account.from_item(stored.item), stored.etag)
