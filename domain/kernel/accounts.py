"""A person's account, as `auth` and `users` share it: the record, its item, and who may do what with it.

Container `accounts`. Everything of one person lies in the partition of their id, so that what belongs together is
written together; the e-mail address is reserved in a partition of its own (`reservation_key`).

`auth` and `users` each change only their own members, by `Patch`, or the whole item with `if_match`. Whatever changes
what others may see of the person (name, avatar, role, status, verified) adds 1 to `version` in the same write and
queues a projection (`domain/kernel/people.py`).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item
from domain.kernel.quiet import QuietHours

ACCOUNT_ID: Final = "account"
RESERVATION_ID: Final = "email"
MAX_NAME: Final = 100
"""Characters of a name."""


class Role(StrEnum):
    USER = "user"
    MENTOR = "mentor"
    ADMIN = "admin"


class Status(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    PENDING = "pending_verification"


class Theme(StrEnum):
    DARK = "dark"
    LIGHT = "light"


class Digest(StrEnum):
    """How often an e-mail may tell of missed messages."""

    OFF = "off"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def period(self) -> timedelta | None:
        """At most one mail in each; None: none at all."""
        return _PERIODS.get(self)


_PERIODS: Final = {
    Digest.HOURLY: timedelta(hours=1),
    Digest.DAILY: timedelta(days=1),
    Digest.WEEKLY: timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Preferences:
    notifications: bool = True
    """Devices may be pushed to."""
    email_updates: bool = True
    """E-mail that is not about the account itself may be sent."""
    theme: Theme = Theme.LIGHT
    email_digest: Digest = Digest.DAILY
    quiet_hours: QuietHours | None = None
    """Nothing is pushed within them, and digests wait for their end."""

    @property
    def digest(self) -> Digest:
        return self.email_digest if self.email_updates else Digest.OFF

    def takes_pushes(self, now: datetime) -> bool:
        return self.notifications and not (self.quiet_hours and self.quiet_hours.hold(now))

    def to_item(self) -> Item:
        return {
            "notifications": self.notifications,
            "emailUpdates": self.email_updates,
            "theme": self.theme.value,
            "emailDigest": self.email_digest.value,
            "quietHours": None if self.quiet_hours is None else self.quiet_hours.to_item(),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Preferences":
        """Accounts older than a preference have its default."""
        quiet = item.get("quietHours")
        return cls(
            notifications=item["notifications"],
            email_updates=item["emailUpdates"],
            theme=Theme(item["theme"]),
            email_digest=Digest(item.get("emailDigest", Digest.DAILY)),
            quiet_hours=None if quiet is None else QuietHours.from_item(quiet),
        )


@dataclass(frozen=True, slots=True)
class Account:
    """One person. Personal data stays out of `repr`, and so out of logs."""

    id: str
    email: str = field(repr=False)
    """Empty for a guest."""
    email_key: str = field(repr=False)
    name: str = field(repr=False)
    password_hash: str = field(repr=False)
    """argon2id in PHC form; empty when nobody can sign in with a password."""
    created_at: datetime
    updated_at: datetime
    """When the person or an administrator last changed something; signing in is no change."""
    version: int = 1
    role: Role = Role.USER
    status: Status = Status.PENDING
    email_verified: bool = False
    avatar: str | None = None
    """The id of a completed file."""
    preferences: Preferences = field(default_factory=Preferences)
    last_login_at: datetime | None = None
    login_streak: int = 0
    """Days in a row, in UTC, up to *streak_on*."""
    streak_on: date | None = None
    week_streak_at: datetime | None = None
    """When seven days in a row were first reached; stays when the streak ends."""
    epoch: int = 0
    """Sessions begun under an earlier epoch are over: raising it ends them all in one write."""
    networks: tuple[str, ...] = field(default=(), repr=False)
    """Where the person signed in from lately, the latest first: a stranger's failures do not slow these down."""
    sessions: tuple[str, ...] = ()
    """The latest sign-ins, newest first: those beyond the most a person may have are ended."""
    password_changed_at: datetime | None = None
    """Reset links older than this are void. None: never changed since sign-up."""
    sign_up_session: str | None = None
    """The session that sign-up began, so that a repeated request can answer with it."""
    guest_until: datetime | None = None
    """Of a guest, who has neither address nor password: when the account ends, unless they sign up before."""

    @property
    def is_guest(self) -> bool:
        return self.guest_until is not None

    @property
    def verified(self) -> bool:
        """May use what asks for a verified e-mail address."""
        return self.email_verified and self.status is Status.ACTIVE and not self.is_guest

    @property
    def suspended(self) -> bool:
        return self.status is Status.SUSPENDED

    def to_item(self) -> Item:
        return {
            "pk": self.id,
            "id": ACCOUNT_ID,
            "type": "account",
            "email": self.email,
            "emailKey": self.email_key,
            "name": self.name,
            "passwordHash": self.password_hash,
            "createdAt": to_iso(self.created_at),
            "updatedAt": to_iso(self.updated_at),
            "version": self.version,
            "role": self.role.value,
            "status": self.status.value,
            "emailVerified": self.email_verified,
            "avatar": self.avatar,
            "preferences": self.preferences.to_item(),
            "lastLoginAt": None if self.last_login_at is None else to_iso(self.last_login_at),
            "loginStreak": self.login_streak,
            "streakOn": None if self.streak_on is None else self.streak_on.isoformat(),
            "weekStreakAt": None if self.week_streak_at is None else to_iso(self.week_streak_at),
            "epoch": self.epoch,
            "networks": list(self.networks),
            "sessions": list(self.sessions),
            "passwordChangedAt": None if self.password_changed_at is None else to_iso(self.password_changed_at),
            "signUpSession": self.sign_up_session,
            **({"guestUntil": to_iso(self.guest_until)} if self.guest_until else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> "Account":
        return cls(
            id=item["pk"],
            email=item["email"],
            email_key=item["emailKey"],
            name=item["name"],
            password_hash=item["passwordHash"],
            created_at=from_iso(item["createdAt"]),
            updated_at=from_iso(item["updatedAt"]),
            version=item["version"],
            role=Role(item["role"]),
            status=Status(item["status"]),
            email_verified=item["emailVerified"],
            avatar=item["avatar"],
            preferences=Preferences.from_item(item["preferences"]),
            last_login_at=None if item["lastLoginAt"] is None else from_iso(item["lastLoginAt"]),
            login_streak=item["loginStreak"],
            streak_on=None if item["streakOn"] is None else date.fromisoformat(item["streakOn"]),
            week_streak_at=None if item["weekStreakAt"] is None else from_iso(item["weekStreakAt"]),
            epoch=item["epoch"],
            networks=tuple(item["networks"]),
            sessions=tuple(item["sessions"]),
            password_changed_at=None if item["passwordChangedAt"] is None else from_iso(item["passwordChangedAt"]),
            sign_up_session=item["signUpSession"],
            guest_until=from_iso(item["guestUntil"]) if "guestUntil" in item else None,
        )


def reservation_key(email_key: str) -> tuple[str, str]:
    """(pk, id) of the item that gives an address to one account."""
    return f"email:{email_key}", RESERVATION_ID


def reservation_item(email_key: str, *, user_id: str, now: datetime) -> Item:
    """The address is this person's, for good: whoever creates the account of *user_id* first has it.

    Two partitions cannot be written at once, so the reservation comes first. Where the account never came (the
    process died in between) the next sign-up with this address goes on with the same *user_id*; as only one of them
    can create the account, nothing has to be guessed about who is still alive.
    """
    pk, item_id = reservation_key(email_key)
    return {"pk": pk, "id": item_id, "type": "reservation", "userId": user_id, "createdAt": to_iso(now)}
