"""Accounts, as administrators see and change them.  Decisions: `docs/adr/0042-who-may-change-an-administrator.md`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from domain.kernel.accounts import ACCOUNT_ID, Account, Role, Status
from domain.kernel.activity import Activity
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import ACCOUNTS, DIRECTORY
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Query,
    Stored,
)
from domain.kernel.errors import Conflict, DomainError, Forbidden, PreconditionFailed
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.people import Projector, projection_task
from domain.kernel.sessions import settle_sessions_task
from domain.users.model import AccountChange, NotYourself, UserNotFound, Wanted, plan
from domain.users.ports import SignIns
from domain.users.records import PEOPLE, USER_PREFIX, search_text

LEASE_SECONDS: Final = 30
"""Longer than any change takes, each store call of which ends in seconds."""
MAX_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """An account as read, and the etag that a change must still find."""

    account: Account
    etag: str = field(repr=False)


@dataclass(frozen=True)
class Administration:
    documents: DocumentStore
    projector: Projector
    sign_ins: SignIns
    outbox: Outbox
    clock: Clock
    ids: Ids

    async def list_accounts(
        self, wanted: Wanted, *, before: str | None, limit: int
    ) -> tuple[list[Account], str | None]:
        """The newest accounts first, and the id before which the next page starts. Two store calls.

        The directory says whom the filter finds, the accounts say how they are now: what changed in between is left
        out, so a page may be short.
        """
        filters = {"status": wanted.status, "role": wanted.role}
        query = Query(
            starts=USER_PREFIX,
            below=None if before is None else USER_PREFIX + before,
            descending=True,
            eq={member: value.value for member, value in filters.items() if value is not None},
            contains={"search": search_text(wanted.query)} if wanted.query else {},
            limit=limit + 1,
        )
        heads = await self.documents.query(DIRECTORY, PEOPLE, query)
        user_ids = [str(head.item["userId"]) for head in heads[:limit]]
        found = await self.documents.find_many(ACCOUNTS, [(user_id, ACCOUNT_ID) for user_id in user_ids])
        accounts = [Account.from_item(stored.item) for stored in found if stored is not None]
        matching = [
            account
            for account in accounts
            if wanted.status in {None, account.status} and wanted.role in {None, account.role}
        ]
        return matching, user_ids[-1] if len(heads) > limit else None

    async def get(self, user_id: str) -> HeldAccount:
        """Raises UserNotFound."""
        stored = await self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        if stored is None:
            raise UserNotFound
        return HeldAccount(Account.from_item(stored.item), stored.etag)

    async def change(
        self, actor_id: str, held: HeldAccount, wanted: AccountChange, *, only_if_unchanged: bool
    ) -> Account:
        """Set somebody's role or status, and have their sessions follow at once.

        They all end when the account is suspended, or has to confirm its address again.

        With *only_if_unchanged*, nothing is done to an account that was written since *held* was read.

        Raises NotYourself, Forbidden (the actor is no administrator any more), PreconditionFailed, Conflict (another
        change to an administrator is under way), UserNotFound.
        """
        if actor_id == held.account.id:
            raise NotYourself
        for _ in range(MAX_TRIES):
            members = plan(held.account, wanted)
            if not members:
                return held.account
            try:
                async with self._still_administrator(actor_id, held.account):
                    return await self._write(actor_id, held, members)
            except ItemStale:
                if only_if_unchanged:
                    raise PreconditionFailed from None
                held = await self.get(held.account.id)
        raise Conflict

    async def _write(self, actor_id: str, held: HeldAccount, members: Mapping[str, Any]) -> Account:
        """Raises ItemStale."""
        user_id, now = held.account.id, self.clock.now()
        ends_sessions = members.get("status") in {Status.SUSPENDED.value, Status.PENDING.value}
        projection = self._follow_up(projection_task(user_id, task_id=self.ids.new()), user_id)
        sessions = self._follow_up(settle_sessions_task(user_id, task_id=self.ids.new()), user_id)
        operations: list[Operation] = [
            Patch(
                ACCOUNT_ID,
                incr={"version": 1, "epoch": 1} if ends_sessions else {"version": 1},
                set={**members, "updatedAt": to_iso(now)},
                if_match=held.etag,
            ),
            *(Create(entry.to_item(user_id)) for entry in self._trail(actor_id, members)),
            Create(projection),
            Create(sessions),
        ]
        try:
            stored, *_ = await self.documents.batch(ACCOUNTS, user_id, operations)
        except ItemNotFound:
            raise UserNotFound from None
        if stored is None:
            raise UserNotFound
        await self.outbox.do_now(ACCOUNTS, sessions, self.sign_ins.settle(user_id, ()))
        await self.outbox.do_now(ACCOUNTS, projection, self.projector.project(user_id))
        return Account.from_item(stored.item)

    def _follow_up(self, task: Task, user_id: str) -> Item:
        return outbox_item(task, pk=user_id, now=self.clock.now())

    def _trail(self, actor_id: str, members: Mapping[str, Any]) -> Sequence[Activity]:
        """In the trail of whom it happened to."""
        return [
            Activity(
                self.ids.new(),
                f"{member}_changed",
                self.clock.now(),
                details={member: str(members[member]), "actorId": actor_id},
            )
            for member in ("role", "status")
            if member in members
        ]

    @asynccontextmanager
    async def _still_administrator(self, actor_id: str, target: Account) -> AsyncGenerator[None]:
        """While an administrator is changed, nobody else changes one, and the actor is still one.

        Without it two administrators could each take the other's role at the same moment, and leave nobody.
        """
        if target.role is not Role.ADMIN:
            yield
            return
        lease = await self._take_lease()
        try:
            actor = await self.get(actor_id)
            if actor.account.role is not Role.ADMIN or not actor.account.verified:
                raise Forbidden
            yield
        finally:
            with suppress(DomainError):  # expired by itself, or about to
                await self.documents.delete(ACCOUNTS, lease.item["pk"], lease.item["id"], if_match=lease.etag)

    async def _take_lease(self) -> Stored:
        item: Item = {"pk": "administrators", "id": "lease", "type": "lease", "ttl": LEASE_SECONDS}
        try:
            return await self.documents.create(ACCOUNTS, item)
        except ItemExists:
            raise Conflict("Another administrator is being changed. Try again in a moment.") from None
