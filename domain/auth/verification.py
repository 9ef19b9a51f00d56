"""Proving that an e-mail address is the person's: by the link that was mailed to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.auth.accounts import MAX_TRIES, Accounts, TooBusy
from domain.auth.links import Links
from domain.auth.model import Client
from domain.auth.revocation import Revocation
from domain.kernel.accounts import ACCOUNT_ID, Account, Status
from domain.kernel.clock import to_iso
from domain.kernel.documents import ItemNotFound, ItemStale, Patch
from domain.kernel.errors import InvalidToken
from domain.kernel.links import Purpose

VERIFY_WITHIN: Final = timedelta(hours=48)


@dataclass(frozen=True)
class Verification:
    accounts: Accounts
    links: Links
    revocation: Revocation

    async def verify(self, token: str, client: Client) -> None:
        """The address is proven: every session of the person may do more from now on. Raises InvalidToken."""
        for _ in range(MAX_TRIES):
            held, use_up = await self.links.open(token, Purpose.VERIFY_EMAIL)
            account = held.account
            write = self.accounts.write(account.id)
            write.add(use_up, Patch(ACCOUNT_ID, set=verified(account, write.now), if_match=held.etag))
            write.note("email_verified", client)
            write.settle_sessions()
            write.project()
            try:
                return await self.accounts.commit(write, at_once=self.revocation.follow)
            except ItemNotFound:
                raise InvalidToken from None  # used by a twin meanwhile
            except ItemStale:
                continue
        raise TooBusy

    async def try_verify(self, token: str, client: Client) -> bool:
        """The same for those who want to know, not to fail."""
        try:
            await self.verify(token, client)
        except InvalidToken:
            return False
        return True

    async def resend(self, user_id: str, client: Client) -> None:
        """Mail another link, unless there is nothing left to prove. Earlier links stay good. Raises RateLimited."""
        held = await self.accounts.find(user_id)
        if held is None or held.account.email_verified:
            return
        await self.links.require_mailable(user_id, Purpose.VERIFY_EMAIL)
        write = self.accounts.write(user_id)
        write.mail_link(await self.links.make(user_id, Purpose.VERIFY_EMAIL, lasts=VERIFY_WITHIN))
        write.note("verification_requested", client)
        await self.accounts.commit(write)


def verified(account: Account, now: datetime) -> dict[str, Any]:
    """The account's members that a proof of its address changes. A suspension is another matter and stays."""
    status = Status.ACTIVE if account.status is Status.PENDING else account.status
    return {
        "emailVerified": True,
        "status": status.value,
        "version": account.version + 1,
        "updatedAt": to_iso(now),
    }
