"""The account as every feature that touches it sees it: one item, one mapping, one version.

`domain.auth` creates it and guards it, `domain.users` shows and changes its profile. Each writes only its own members,
by `Patch`, so neither undoes the other. Whatever changes what others may see of the person (name, avatar, role,
status, verified) adds 1 to `version` in the same write and queues a projection (`domain/kernel/people.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item

Role = Literal["user", "mentor", "admin"]
Status = Literal["active", "suspended", "pending_verification"]
Theme = Literal["dark", "light"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
ACCOUNT_ID: Final = "account"


@dataclass(frozen=True, slots=True)
class Preferences:
    notifications: bool = True
    email_updates: bool = True
    theme: Theme = "light"


@dataclass(frozen=True, slots=True)
class Account:
    """*email* is as typed, trimmed; uniqueness is the reservation's business, not this item's.

    *verified* means that the present e-mail was confirmed. A new account is `pending_verification`, and becomes
    `active` when it is confirmed.
    """

    id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    role: Role
    status: Status
    verified: bool
    created_at: datetime
    updated_at: datetime
    version: int = 1
    avatar: str | None = None
    last_login_at: datetime | None = None
    preferences: Preferences = field(default_factory=Preferences)

    @property
    def listed(self) -> bool:
        """Others may find this person: active, and the e-mail is confirmed."""
        return self.status == "active" and self.verified


def account_item(account: Account) -> Item:
    """The members this mapping owns. `domain.auth` adds its own when it creates the item (the password's hash)."""
    return {
        "id": ACCOUNT_ID,
        "pk": account.id,
        "type": "account",
        "version": account.version,
        "email": account.email,
        "name": account.name,
        "avatar": account.avatar,
        "role": account.role,
        "status": account.status,
        "verified": account.verified,
        "preferences": {
            "notifications": account.preferences.notifications,
            "emailUpdates": account.preferences.email_updates,
            "theme": account.preferences.theme,
        },
        "createdAt": to_iso(account.created_at),
        "updatedAt": to_iso(account.updated_at),
        "lastLoginAt": None if account.last_login_at is None else to_iso(account.last_login_at),
    }


def read_account(item: Item) -> Account:
    last_login: str | None = item.get("lastLoginAt")
    preferences: dict[str, Any] = item.get("preferences", {})
    return Account(
        id=item["pk"],
        email=item["email"],
        name=item["name"],
        role=item["role"],
        status=item["status"],
        verified=item["verified"],
        created_at=from_iso(item["createdAt"]),
        updated_at=from_iso(item["updatedAt"]),
        version=item["version"],
        avatar=item.get("avatar"),
        last_login_at=None if last_login is None else from_iso(last_login),
        preferences=Preferences(
            notifications=preferences.get("notifications", True),
            email_updates=preferences.get("emailUpdates", True),
            theme=preferences.get("theme", "light"),
        ),
    )
