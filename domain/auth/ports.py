"""What sign-in needs from outside."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome of a password check. *rehashed* replaces a stored hash whose parameters are out of date."""

    holds: bool
    rehashed: str | None = field(default=None, repr=False)


class PasswordHasher(Protocol):
    """Slow and hungry on purpose, so few at a time: take a place first, which a crowd is refused."""

    def place(self) -> AbstractAsyncContextManager[None]:
        """Stand in line. Raises Unavailable at once when the line is too long to be worth waiting."""
        ...

    async def hash(self, password: str) -> str:
        """In PHC form, with the parameters of the settings."""
        ...

    async def verify(self, password_hash: str | None, password: str) -> Proof:
        """Check *password*. None for *password_hash* does the same work, and never holds."""
        ...


class CommonPasswords(Protocol):
    def is_common(self, password: str) -> bool:
        """Whether the lower-case *password* is among those that everybody tries first."""
        ...


class Reception(Protocol):
    """Where guests are met: the one conversation each of them has, with those who are there for them."""

    async def require_open(self) -> None:
        """Raises NotFound where guests are not received at all, and Unavailable while nobody is there for them."""
        ...

    async def open(self, guest_id: str, conversation_id: str) -> None:
        """Their conversation. Safe to repeat. Raises Unavailable."""
        ...

    async def dismiss(self, guest_id: str) -> None:
        """Take them out of it. Safe to repeat. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a genuine, unexpired access token says. *role* is as of its issue; the session's state decides."""

    user_id: str
    session_id: str
    role: str


class AccessTokens(Protocol):
    async def issue(self, *, user_id: str, session_id: str, role: str) -> str: ...

    async def read(self, token: str) -> AccessClaims:
        """Raises InvalidToken."""
        ...
