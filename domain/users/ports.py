"""What profiles need from other features."""

from collections.abc import Sequence
from typing import Protocol


class LearningSummary(Protocol):
    """Ids of the courses somebody is enrolled in, and of every lesson ever completed."""

    @property
    def enrolled_courses(self) -> Sequence[str]: ...

    @property
    def completed_lessons(self) -> Sequence[str]: ...


class Learning(Protocol):
    async def summary(self, user_id: str) -> LearningSummary:
        """One store call (for each thousand enrolments)."""
        ...


class Avatars(Protocol):
    async def may_use(self, user_id: str, file_id: str) -> bool:
        """Whether *file_id* is a completed upload of this person's, of the category `avatar`."""
        ...


class SignIns(Protocol):
    """What `domain.auth` does when an account changed under its open sessions."""

    async def settle(self, user_id: str, session_ids: Sequence[str]) -> None:
        """Have the cache and the sockets follow the store: new role, suspended, no longer verified.

        Without *session_ids*, for all of the person's sessions. Safe to repeat. Raises Unavailable.
        """
        ...
