"""Ending e-mails about missed messages by the link in one of them, without signing in (RFC 8058)."""

from dataclasses import dataclass
from typing import Final

from domain.kernel.accounts import ACCOUNT_ID, Account, Digest
from domain.kernel.activity import Activity
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Create, DocumentStore, ItemNotFound, Patch
from domain.kernel.errors import InvalidToken
from domain.kernel.ids import Ids
from domain.kernel.keys import Keys
from domain.kernel.unsubscribing import read_unsubscribe_token

UNSUBSCRIBED: Final = "unsubscribed"


@dataclass(frozen=True)
class Unsubscribing:
    documents: DocumentStore
    keys: Keys
    clock: Clock
    ids: Ids

    async def end_digests(self, token: str) -> None:
        """Safe to repeat; nothing to do for an account that is gone. One read and one batch. Raises InvalidToken."""
        user_id = read_unsubscribe_token(await self.keys.get(), token)
        if user_id is None:
            raise InvalidToken
        stored = await self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        if stored is None or Account.from_item(stored.item).preferences.email_digest is Digest.OFF:
            return
        now = self.clock.now()
        off = Patch(ACCOUNT_ID, set={"preferences/emailDigest": Digest.OFF.value, "updatedAt": to_iso(now)})
        trail = Activity(self.ids.new(), UNSUBSCRIBED, now)
        try:
            await self.documents.batch(ACCOUNTS, user_id, [off, Create(trail.to_item(user_id))])
        except ItemNotFound:
            return
