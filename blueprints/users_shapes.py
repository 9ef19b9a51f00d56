"""The JSON of `/users` and `/admin/users`."""

from typing import Annotated

import msgspec

from domain.kernel.accounts import MAX_NAME, Account, Digest, Preferences, Role, Status, Theme
from domain.kernel.activity import Activity
from domain.kernel.clock import to_iso
from domain.kernel.quiet import MAX_ZONE_CHARS, TIME_PATTERN, QuietHours
from domain.users.model import KEEP, AccountChange, Found, Keep, Profile, ProfileChange, Wanted
from web.bodies import In, Out
from web.paging import PageQuery

MAX_QUERY_CHARS = 100

SearchText = Annotated[str, msgspec.Meta(max_length=MAX_QUERY_CHARS)]


ClockTime = Annotated[str, msgspec.Meta(pattern=TIME_PATTERN, description="`HH:MM`, by the clock of `timeZone`.")]
TimeZone = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MAX_ZONE_CHARS, description="An IANA name: `America/Chicago`.")
]
QUIET_HOURS = "preferences.quietHours"


class QuietHoursOut(Out):
    start: str
    end: str
    time_zone: str


class PreferencesOut(Out):
    """*quietHours*: when nothing is pushed, and e-mails about missed messages wait."""

    notifications: bool
    email_updates: bool
    theme: Theme
    email_digest: Digest
    quiet_hours: QuietHoursOut | None

    @classmethod
    def of(cls, preferences: Preferences) -> "PreferencesOut":
        quiet = preferences.quiet_hours
        hours = None if quiet is None else QuietHoursOut(f"{quiet.start:%H:%M}", f"{quiet.end:%H:%M}", quiet.zone)
        return cls(
            notifications=preferences.notifications,
            email_updates=preferences.email_updates,
            theme=preferences.theme,
            email_digest=preferences.email_digest,
            quiet_hours=hours,
        )


class AccountMetadataOut(Out):
    created_at: str
    updated_at: str
    last_login: str | None

    @classmethod
    def of(cls, account: Account) -> "AccountMetadataOut":
        last_login_at = account.last_login_at
        return cls(
            created_at=to_iso(account.created_at),
            updated_at=to_iso(account.updated_at),
            last_login=None if last_login_at is None else to_iso(last_login_at),
        )


def guest_until(account: Account) -> str | msgspec.UnsetType:
    return msgspec.UNSET if account.guest_until is None else to_iso(account.guest_until)


class ProfileOut(Out):
    """What somebody sees of themselves. *avatar* is a file's id; courses and lessons are ids.

    A guest has no *email*, and *guestUntil* is when their account ends.
    """

    id: str
    email: str | None
    name: str
    avatar: str | None
    role: Role
    status: Status
    email_verified: bool
    enrolled_courses: list[str]
    completed_lessons: list[str]
    preferences: PreferencesOut
    metadata: AccountMetadataOut
    guest_until: str | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, profile: Profile) -> "ProfileOut":
        account = profile.account
        return cls(
            id=account.id,
            email=account.email or None,
            name=account.name,
            avatar=account.avatar,
            role=account.role,
            status=account.status,
            email_verified=account.email_verified,
            guest_until=guest_until(account),
            enrolled_courses=list(profile.enrolled_courses),
            completed_lessons=list(profile.completed_lessons),
            preferences=PreferencesOut.of(account.preferences),
            metadata=AccountMetadataOut.of(account),
        )


class QuietHoursIn(In):
    """Over midnight where *end* is earlier than *start*."""

    start: ClockTime
    end: ClockTime
    time_zone: TimeZone

    def wanted(self) -> QuietHours:
        return QuietHours.of(self.start, self.end, self.time_zone, path=QUIET_HOURS)


class PreferencesIn(In):
    """*emailDigest*: how often an e-mail may tell of missed messages. *quietHours* null: none."""

    notifications: bool | msgspec.UnsetType = msgspec.UNSET
    email_updates: bool | msgspec.UnsetType = msgspec.UNSET
    theme: Theme | msgspec.UnsetType = msgspec.UNSET
    email_digest: Digest | msgspec.UnsetType = msgspec.UNSET
    quiet_hours: QuietHoursIn | msgspec.UnsetType | None = msgspec.UNSET

    def wanted_hours(self) -> QuietHours | Keep | None:
        if isinstance(self.quiet_hours, msgspec.UnsetType):
            return KEEP
        return None if self.quiet_hours is None else self.quiet_hours.wanted()


class ProfileIn(In):
    """What is left out stays as it is. *avatar* null takes the picture away."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)] | msgspec.UnsetType = msgspec.UNSET
    avatar: Annotated[str, msgspec.Meta(max_length=64)] | msgspec.UnsetType | None = msgspec.UNSET
    preferences: PreferencesIn = msgspec.field(default_factory=PreferencesIn)

    def wanted(self) -> ProfileChange:
        preferences = self.preferences
        return ProfileChange(
            name=self.name or None,
            avatar=KEEP if self.avatar is msgspec.UNSET else self.avatar,
            notifications=None if preferences.notifications is msgspec.UNSET else preferences.notifications,
            email_updates=None if preferences.email_updates is msgspec.UNSET else preferences.email_updates,
            theme=preferences.theme or None,
            email_digest=preferences.email_digest or None,
            quiet_hours=preferences.wanted_hours(),
        )


class ActivityOut(Out):
    """*code* says what happened, *details* to which ids. *device* and *ip* are of the request that did it."""

    id: str
    code: str
    at: str
    device: str | None
    ip: str | None
    details: dict[str, str]

    @classmethod
    def of(cls, activity: Activity) -> "ActivityOut":
        return cls(
            id=activity.id,
            code=activity.code,
            at=to_iso(activity.at),
            device=activity.device,
            ip=activity.ip,
            details=dict(activity.details),
        )


class PeopleQuery(PageQuery):
    """*query* is the beginning of any word of a name; without it everybody is listed by name."""

    query: SearchText = ""


class PersonOut(Out):
    id: str
    name: str
    avatar: str | None

    @classmethod
    def of(cls, found: Found) -> "PersonOut":
        return cls(found.id, found.name, found.avatar)


class AccountsQuery(PageQuery):
    """*query* is part of a name or an e-mail address."""

    status: Status | None = None
    role: Role | None = None
    query: SearchText = ""

    def wanted(self) -> Wanted:
        return Wanted(self.status, self.role, self.query)


class AccountOut(Out):
    """An account, as administrators see it. A guest's has no *email*, and ends at *guestUntil*."""

    id: str
    email: str | None
    name: str
    avatar: str | None
    role: Role
    status: Status
    email_verified: bool
    metadata: AccountMetadataOut
    guest_until: str | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, account: Account) -> "AccountOut":
        return cls(
            id=account.id,
            email=account.email or None,
            name=account.name,
            avatar=account.avatar,
            role=account.role,
            status=account.status,
            email_verified=account.email_verified,
            guest_until=guest_until(account),
            metadata=AccountMetadataOut.of(account),
        )


class AccountIn(In):
    """What is left out stays as it is."""

    role: Role | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET

    def wanted(self) -> AccountChange:
        return AccountChange(role=self.role or None, status=self.status or None)
