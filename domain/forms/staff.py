"""Who handles forms."""

from dataclasses import dataclass

from domain.kernel.accounts import ACCOUNT_ID, Account, Role, Status
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import DocumentStore
from domain.kernel.ids import is_uuid7


@dataclass(frozen=True, slots=True)
class AccountStaff:
    """Active administrators: nobody else can open a form."""

    documents: DocumentStore

    async def may_handle(self, user_id: str) -> bool:
        if not is_uuid7(user_id):
            return False
        stored = await self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        if stored is None:
            return False
        account = Account.from_item(stored.item)
        return account.role is Role.ADMIN and account.status is Status.ACTIVE
