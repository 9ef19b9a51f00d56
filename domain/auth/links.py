"""Links that were mailed: which one a token opens, and how it is used up."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.auth.accounts import Accounts, Held
from domain.kernel.accounts import Account
from domain.kernel.cache import Cache, Rate
from domain.kernel.documents import Delete, Stored
from domain.kernel.errors import InvalidToken, RateLimited
from domain.kernel.keys import Keys, digest, same
from domain.kernel.links import Link, Purpose, new_link, read_link_token

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Links:
    accounts: Accounts
    keys: Keys
    cache: Cache
    mails_per_hour: int
    """For one account and purpose: nobody's mailbox is to be flooded in our name."""

    async def make(self, user_id: str, purpose: Purpose, *, lasts: timedelta, link_id: str | None = None) -> Link:
        now = self.accounts.clock.now()
        return new_link(
            (await self.keys.get()).current,
            purpose=purpose,
            user_id=user_id,
            link_id=link_id or self.accounts.ids.new(),
            now=now,
            expires_at=now + lasts,
        )

    async def require_mailable(self, user_id: str, purpose: Purpose) -> None:
        """Raises RateLimited when the person was sent enough of these."""
        admission = await self.cache.admit([Rate(f"mail:{purpose.value}:{user_id}", self.mails_per_hour, _HOUR)])
        if admission.allowance.retry_after is not None:
            raise RateLimited(retry_after=admission.allowance.retry_after)

    async def open(self, token: str, purpose: Purpose) -> tuple[Held, Delete]:
        """The account that a good link leads to, and the operation that uses the link up. Raises InvalidToken."""
        name = read_link_token(await self.keys.get(), token, purpose=purpose)
        if name is None:
            raise InvalidToken
        stored, held = await self.accounts.find_with_link(name)
        if stored is None or held is None or not self._is_good(stored, held.account, token, purpose):
            raise InvalidToken
        return held, Delete(stored.item["id"], if_match=stored.etag)

    def _is_good(self, stored: Stored, account: Account, token: str, purpose: Purpose) -> bool:
        link = Link.from_item(stored.item)
        if link.purpose is not purpose or self.accounts.clock.now() >= link.expires_at:
            return False
        changed_at = account.password_changed_at
        if purpose is Purpose.RESET_PASSWORD and changed_at is not None and link.created_at < changed_at:
            return False  # mailed before the password was last changed, so no longer needed
        return same(link.digest.encode(), digest(token.encode()).encode())
