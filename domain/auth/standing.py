"""What an administrator decides about an account: its role, and whether it may be used."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.auth.accounts import MAX_TRIES, Accounts, TooBusy
from domain.auth.model import Client
from domain.auth.revocation import Revocation
from domain.kernel.accounts import ACCOUNT_ID, Account, Role, Status
from domain.kernel.clock import to_iso
from domain.kernel.documents import ItemStale, Patch
from domain.kernel.errors import NotFound


@dataclass(frozen=True)
class Standing:
    accounts: Accounts
    revocation: Revocation

    async def change(
        self, user_id: str, *, role: Role | None, status: Status | None, actor_id: str, client: Client
    ) -> Account:
        """Set what is given, in one write. It holds at once, for tokens already given out too.

        A suspension ends every session. Who sets `active` vouches for an address that was never verified; who sets
        `pending_verification` has it verified anew. Raises NotFound, Unavailable.
        """
        for _ in range(MAX_TRIES):
            held = await self.accounts.find(user_id)
            if held is None:
                raise NotFound
            write = self.accounts.write(user_id)
            changes = decide(held.account, role, status, write.now)
            if not changes:
                return held.account
            write.add(Patch(ACCOUNT_ID, set=changes, if_match=held.etag))
            for name in ("role", "status"):
                if name in changes:
                    write.note(f"{name}_changed", client, actorId=actor_id, **{name: changes[name]})
            write.settle_sessions()
            write.project()
            try:
                await self.accounts.commit(write, at_once=self.revocation.follow)
            except ItemStale:
                continue
            return Account.from_item({**held.account.to_item(), **changes})
        raise TooBusy


def decide(account: Account, role: Role | None, status: Status | None, now: datetime) -> dict[str, Any]:
    """The account's members to change; none where it is so already."""
    changes: dict[str, Any] = {}
    if role is not None and role is not account.role:
        changes["role"] = role.value
    if status is not None and status is not account.status:
        changes["status"] = status.value
        if status is Status.SUSPENDED:
            changes["epoch"] = account.epoch + 1
        else:
            changes["emailVerified"] = status is Status.ACTIVE
    if changes:
        changes |= {"version": account.version + 1, "updatedAt": to_iso(now)}
    return changes
