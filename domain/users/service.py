"""A person's own profile and trail.  The walk of a change: `docs/flows/profile.md`."""

import asyncio
from dataclasses import dataclass
from typing import Final

from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.activity import ID_PREFIX as ACTIVITY_PREFIX
from domain.kernel.activity import Activity
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import (
    Create,
    DocumentStore,
    Item,
    ItemNotFound,
    ItemStale,
    Operation,
    Patch,
    Query,
    Stored,
)
from domain.kernel.errors import Invalid, PreconditionFailed
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, outbox_item
from domain.kernel.people import Projector, projection_task
from domain.users.model import SEEN_BY_OTHERS, Profile, ProfileChange, UserNotFound
from domain.users.ports import Avatars, Learning

PROFILE_CHANGED: Final = "profile_changed"


@dataclass(frozen=True)
class Profiles:
    documents: DocumentStore
    learning: Learning
    avatars: Avatars | None
    """None where nothing can be uploaded: every avatar is then refused."""
    projector: Projector
    outbox: Outbox
    clock: Clock
    ids: Ids

    async def get(self, user_id: str) -> Profile:
        """Two store calls at once. Raises UserNotFound for an account that is gone while its token lives."""
        stored, learnt = await asyncio.gather(
            self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID), self.learning.summary(user_id)
        )
        if stored is None:
            raise UserNotFound
        return Profile(Account.from_item(stored.item), learnt.enrolled_courses, learnt.completed_lessons, stored.etag)

    async def change(self, profile: Profile, wanted: ProfileChange, *, only_if_unchanged: bool) -> Profile:
        """Change what *wanted* says of *profile*, and let others see it. Members it does not name stay as they are.

        With *only_if_unchanged*, nothing is done to an account that was written since *profile* was read.

        Raises Invalid, PreconditionFailed, UserNotFound.
        """
        user_id, now = profile.account.id, self.clock.now()
        members = wanted.members()
        await self._check_avatar(user_id, members.get("avatar"))
        if not members:
            return profile
        fields = ",".join(sorted(path.removeprefix("preferences/") for path in members))
        trail = Activity(self.ids.new(), PROFILE_CHANGED, now, details={"fields": fields})
        follow_up = self._projection(user_id) if SEEN_BY_OTHERS & members.keys() else None
        operations: list[Operation] = [
            Patch(
                ACCOUNT_ID,
                incr={} if follow_up is None else {"version": 1},
                set={**members, "updatedAt": to_iso(now)},
                if_match=profile.etag if only_if_unchanged else None,
            ),
            Create(trail.to_item(user_id)),
            *([] if follow_up is None else [Create(follow_up)]),
        ]
        stored = await self._write(user_id, operations)
        if follow_up is not None:
            await self.outbox.do_now(ACCOUNTS, follow_up, self.projector.project(user_id))
        account = Account.from_item(stored.item)
        return Profile(account, profile.enrolled_courses, profile.completed_lessons, stored.etag)

    async def list_activity(self, user_id: str, *, before: str | None, limit: int) -> tuple[list[Activity], str | None]:
        """The newest first, *before* an entry's id; and where the next page starts. One store query."""
        query = Query(
            starts=ACTIVITY_PREFIX,
            below=None if before is None else ACTIVITY_PREFIX + before,
            descending=True,
            limit=limit + 1,
        )
        found = await self.documents.query(ACCOUNTS, user_id, query)
        entries = [Activity.from_item(stored.item) for stored in found]
        return entries[:limit], entries[limit - 1].id if len(entries) > limit else None

    async def _check_avatar(self, user_id: str, file_id: str | None) -> None:
        if file_id is None:
            return
        if self.avatars is None or not await self.avatars.may_use(user_id, file_id):
            raise Invalid.field("avatar", "unknown_file", "Is not a picture that you uploaded as your avatar.")

    def _projection(self, user_id: str) -> Item:
        task = projection_task(user_id, task_id=self.ids.new())
        return outbox_item(task, pk=user_id, now=self.clock.now())

    async def _write(self, user_id: str, operations: list[Operation]) -> Stored:
        try:
            stored, *_ = await self.documents.batch(ACCOUNTS, user_id, operations)
        except ItemStale:
            raise PreconditionFailed from None
        except ItemNotFound:
            raise UserNotFound from None
        if stored is None:
            raise UserNotFound
        return stored
