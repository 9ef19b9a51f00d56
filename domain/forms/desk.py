"""The desk: staff read what was sent in, take it on, and note what they did."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.forms.model import FormStatus, Submission
from domain.forms.ports import Filter, FormStore, HistoryEntry, Revision, Staff
from domain.kernel.clock import Clock
from domain.kernel.errors import Invalid, NotFound, PreconditionFailed
from domain.kernel.ids import Ids


@dataclass(frozen=True, slots=True)
class Assignment:
    """*user_id* None takes the form from whoever has it."""

    user_id: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What staff ask for; None leaves as it is."""

    status: FormStatus | None = None
    assignment: Assignment | None = None
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Actor:
    user_id: str
    request_id: str | None = None


class SubmissionNotFound(NotFound):
    message = "There is no such form."


@dataclass(frozen=True, slots=True)
class FormDesk:
    store: FormStore
    staff: Staff
    clock: Clock
    ids: Ids

    async def page(self, wanted: Filter, *, before: str | None, limit: int) -> Sequence[Submission]:
        """The newest first, those with an id below *before*: one statement over one index."""
        return await self.store.page(wanted, before=before, limit=limit)

    async def get(self, submission_id: str) -> tuple[Submission, Sequence[HistoryEntry]]:
        """Raises SubmissionNotFound."""
        found = await self.store.find_with_history(submission_id)
        if found is None:
            raise SubmissionNotFound
        return found

    async def change(
        self, submission_id: str, change: Change, actor: Actor, *, version: int | None
    ) -> tuple[Submission, Sequence[HistoryEntry]]:
        """Apply *change*, on *version* only if one is given. What changes nothing is not written.

        Raises:
            SubmissionNotFound: no such form.
            Invalid: assigned to somebody who does not handle forms.
            PreconditionFailed: it is not at *version* any more.
        """
        assignment = change.assignment
        if assignment is not None and assignment.user_id is not None:
            await self._check_assignee(assignment.user_id)
        entry_id, audit_id, now = self.ids.new(), self.ids.new(), self.clock.now()

        def decide(before: Submission) -> Revision | None:
            if version is not None and before.version != version:
                raise PreconditionFailed
            after, changes = apply(before, change, now)
            if not changes and change.note is None:
                return None
            return Revision(after, changes, entry_id, audit_id, actor.user_id, change.note, actor.request_id)

        return await self.store.change(submission_id, decide)

    async def _check_assignee(self, user_id: str) -> None:
        if not await self.staff.may_handle(user_id):
            raise Invalid.field("assignedTo", "unknown_user", "There is no such member of staff.")


def apply(before: Submission, change: Change, now: datetime) -> tuple[Submission, dict[str, tuple[Any, Any]]]:
    """The submission as changed at *now*, and each member that differs.

    Resolving sets `resolved_at`, reopening clears it.
    """
    changes: dict[str, tuple[Any, Any]] = {}
    after = replace(before, updated_at=now, version=before.version + 1)
    if change.status is not None and change.status != before.status:
        changes["status"] = (before.status, change.status)
        after = replace(after, status=change.status, resolved_at=now if change.status == "resolved" else None)
    if change.assignment is not None and change.assignment.user_id != before.assigned_to:
        changes["assignedTo"] = (before.assigned_to, change.assignment.user_id)
        after = replace(after, assigned_to=change.assignment.user_id)
    return after, changes
