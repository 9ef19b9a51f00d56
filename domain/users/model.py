"""Profiles and their changes: values and pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from domain.kernel.accounts import Account, Digest, Role, Status, Theme
from domain.kernel.errors import Conflict, Forbidden, NotFound
from domain.kernel.names import clean_name
from domain.kernel.quiet import QuietHours


class UserNotFound(NotFound):
    message = "There is no such person."


class GuestStays(Conflict):
    """A guest has no address to vouch for, and no lasting place to have a role in."""

    message = "A guest can only be suspended."


class NotYourself(Forbidden):
    """So there is always an administrator left: the one who is changing things."""

    message = "Another administrator has to change your own role or status."


@dataclass(frozen=True, slots=True)
class Profile:
    """What somebody sees of themselves. *etag* is the account's in the store, for a change that must find it."""

    account: Account
    enrolled_courses: Sequence[str]
    completed_lessons: Sequence[str]
    etag: str = field(repr=False)


class Keep(Enum):
    """Told apart from None, which takes the avatar away."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What somebody wants changed of their own profile; None (or KEEP) leaves a member as it is."""

    name: str | None = field(default=None, repr=False)
    avatar: str | Keep | None = KEEP
    notifications: bool | None = None
    email_updates: bool | None = None
    theme: Theme | None = None
    email_digest: Digest | None = None
    quiet_hours: QuietHours | Keep | None = KEEP

    def members(self) -> dict[str, Any]:
        """The account's members to set, by `Patch` path. Raises Invalid for a name that is none."""
        wanted: dict[str, Any] = {
            "name": None if self.name is None else clean_name(self.name),
            "preferences/notifications": self.notifications,
            "preferences/emailUpdates": self.email_updates,
            "preferences/theme": None if self.theme is None else self.theme.value,
            "preferences/emailDigest": None if self.email_digest is None else self.email_digest.value,
        }
        members = {path: value for path, value in wanted.items() if value is not None}
        if self.avatar is not KEEP:
            members["avatar"] = self.avatar
        if self.quiet_hours is not KEEP:
            members["preferences/quietHours"] = None if self.quiet_hours is None else self.quiet_hours.to_item()
        return members


SEEN_BY_OTHERS: Final = frozenset({"name", "avatar"})
"""Members whose change is projected."""


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody in the directory, as anybody may see them."""

    id: str
    name: str = field(repr=False)
    avatar: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An administrator's filter. *query* is part of a name or an e-mail address."""

    status: Status | None = None
    role: Role | None = None
    query: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an administrator wants changed of somebody's account."""

    role: Role | None = None
    status: Status | None = None


def plan(account: Account, wanted: AccountChange) -> Mapping[str, Any]:
    """The account's members to set; empty when everything is so already. Pure.

    Who sets `active` vouches for an address that was never confirmed; `pending_verification` takes a confirmation
    back. A suspension leaves it alone. Raises GuestStays.
    """
    members: dict[str, Any] = {}
    if account.is_guest and (wanted.role not in {None, account.role} or wanted.status is Status.PENDING):
        raise GuestStays
    if wanted.role is not None and wanted.role is not account.role:
        members["role"] = wanted.role.value
    if wanted.status is not None and wanted.status is not account.status:
        members["status"] = wanted.status.value
        if wanted.status is not Status.SUSPENDED and not account.is_guest:
            members["emailVerified"] = wanted.status is Status.ACTIVE
    return members
