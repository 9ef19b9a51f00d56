"""What the forms need from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from domain.forms.model import Form, FormStatus, FormType, Origin, Submission
from domain.kernel.errors import Conflict
from domain.kernel.outbox import Task


class KeyTaken(Conflict):
    """A submission with this idempotency key is there already."""


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """Everything that one transaction makes durable.

    *key* is unique among all submissions: what the client's `Idempotency-Key` became, or the id where there was none.
    *fingerprint* tells whether a repeated key came with the same form.
    """

    id: str
    audit_id: str
    form: Form
    key: str
    fingerprint: str
    origin: Origin
    submitted_at: datetime
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Keyed:
    """The submission that has a key, and the fingerprint it came with."""

    submission: Submission
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which submissions to list. *since* is inclusive, *until* exclusive; *text* is found anywhere, without case."""

    type: FormType | None = None
    status: FormStatus | None = None
    assigned_to: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """What one change by staff makes of a submission, and the entry it leaves in the history.

    *changes* maps a member's name to its old and new value.
    """

    after: Submission
    changes: Mapping[str, tuple[Any, Any]]
    entry_id: str
    audit_id: str
    actor_id: str
    note: str | None = field(default=None, repr=False)
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    id: str
    at: datetime
    actor_id: str
    changes: Mapping[str, tuple[Any, Any]]
    note: str | None = field(repr=False)


class FormStore(Protocol):
    """Each method is one transaction. All raise Unavailable; after it a write may have been done all the same."""

    async def add(self, new: NewSubmission) -> Submission:
        """Keep the submission, its audit entry and its tasks. A referral gets the next number of its year.

        Raises KeyTaken; then nothing was kept and no number was used.
        """
        ...

    async def find_by_key(self, key: str) -> Keyed | None: ...

    async def release_key(self, submission_id: str) -> None:
        """Let the submission's key be used again."""
        ...

    async def page(self, wanted: Filter, *, before: str | None, limit: int) -> list[Submission]:
        """The newest first, those with an id below *before*."""
        ...

    async def find(self, submission_id: str) -> Submission | None: ...

    async def find_with_history(self, submission_id: str) -> tuple[Submission, list[HistoryEntry]] | None:
        """With its history, oldest first."""
        ...

    async def change(
        self, submission_id: str, decide: Callable[[Submission], Revision | None]
    ) -> tuple[Submission, list[HistoryEntry]]:
        """Make of the submission what *decide*, a pure function, says; None leaves it as it is.

        Returns the same as `find_with_history`. A change that raced is decided again.

        Raises SubmissionNotFound, and whatever *decide* raises.
        """
        ...

    async def forget_origins(self, *, before: datetime) -> int:
        """Remove where submissions older than *before* came from. Returns how many."""
        ...


class Relay(Protocol):
    """Hands tasks that are already durable to their queues."""

    async def hand_over(self, tasks: Sequence[Task]) -> None:
        """Raises nothing: what cannot be handed over now, a later sweep will."""
        ...


class Attachments(Protocol):
    async def claim(self, file_ids: Sequence[str], *, claimant: str) -> set[str]:
        """Take files for *claimant*. Returns those that are no completed uploads of the category `form`, or were taken
        by another; where there are any, none is taken. Safe to repeat. Raises Unavailable.
        """
        ...


class Challenge(Protocol):
    """Proof that a person filled in the form: a service such as Turnstile or hCaptcha."""

    async def passed(self, token: str, *, address: str | None) -> bool:
        """Raises Unavailable."""
        ...


class Staff(Protocol):
    async def may_handle(self, user_id: str) -> bool:
        """Whether forms can be assigned to this account."""
        ...
