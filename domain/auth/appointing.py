"""Accounts made by an operator, at the console: verified and active from the start."""

from dataclasses import dataclass, replace

from domain.auth.accounts import Accounts
from domain.auth.errors import UserExists
from domain.auth.passwords import clean_password
from domain.auth.ports import CommonPasswords, PasswordHasher
from domain.auth.sign_up import new_account
from domain.kernel.accounts import Role, Status
from domain.kernel.addresses import clean_email
from domain.kernel.documents import Create, ItemExists
from domain.kernel.names import clean_name


@dataclass(frozen=True)
class Appointing:
    accounts: Accounts
    hasher: PasswordHasher
    common: CommonPasswords

    async def create_user(self, email: str, name: str, role: Role, password: str) -> str:
        """The new person's id. Raises Invalid, UserExists, Unavailable."""
        address = clean_email(email)
        name = clean_name(name)
        clean = clean_password(password, self.common, about=(name, address.canonical), path="password")
        user_id = await self.accounts.reserve(address.key)
        async with self.hasher.place():
            password_hash = await self.hasher.hash(clean)
        write = self.accounts.write(user_id)
        account = replace(
            new_account(user_id, address, name, password_hash, write.now),
            role=role,
            status=Status.ACTIVE,
            email_verified=True,
        )
        write.add(Create(account.to_item()))
        write.note("account_created", role=role.value)
        write.project()
        try:
            await self.accounts.commit(write)
        except ItemExists:
            raise UserExists from None
        return user_id
