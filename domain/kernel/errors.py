"""What can go wrong, in the words of the product.

    DomainError
     ├─ Invalid              bad input, field by field
     ├─ NotFound             absent, or not for the caller to see
     ├─ Conflict             somebody else was first
     ├─ PreconditionFailed   the caller's copy is out of date
     ├─ Unauthenticated      who is calling is not proven
     │   ├─ MissingToken         nothing was shown
     │   ├─ InvalidToken         what was shown is not genuine, or has expired
     │   └─ TokenRevoked         it was genuine; its session has been ended
     ├─ Forbidden            known, and not allowed
     ├─ RateLimited          too much, too fast
     └─ Unavailable          a dependency does not answer; try again

A feature subclasses these when clients must tell the case apart by its `code`. Only `web/errors.py` knows
status codes. Every `code` has a section in `docs/errors.md`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """The coarse kind of a failure; the HTTP edge maps each to one status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD = "method"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    TOO_LARGE = "too_large"
    MEDIA_TYPE = "media_type"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Fault:
    """One bad field. *path* is dotted JSON (`referrer.email`, `services[2]`); *code* is a stable slug."""

    path: str
    code: str
    message: str


class DomainError(Exception):
    """Something the caller can be told. *message* never holds personal data, hosts, queries or stack traces."""

    code: ClassVar[str]
    kind: ClassVar[Kind]
    message: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        faults: Sequence[Fault] = (),
        retry_after: float | None = None,
    ) -> None:
        self.text = message or self.message
        self.faults = tuple(faults)
        self.retry_after = retry_after
        """Seconds after which trying again makes sense; `None` when it does not, or nobody knows."""
        super().__init__(self.text)


class Invalid(DomainError):
    code = "validation_error"
    kind = Kind.INVALID
    message = "Some fields are not valid."

    @classmethod
    def field(cls, path: str, code: str, message: str) -> "Invalid":
        """One bad field."""
        return cls(faults=[Fault(path, code, message)])

    @classmethod
    def raise_all(cls, *checks: Callable[[], object]) -> None:
        """Run every check, and raise one Invalid with the faults of all that raised one."""
        faults: list[Fault] = []
        for check in checks:
            try:
                check()
            except Invalid as error:
                faults.extend(error.faults)
        if faults:
            raise cls(faults=faults)


class NotFound(DomainError):
    """Also raised where the caller may not know: absence and secrecy look the same."""

    code = "not_found"
    kind = Kind.NOT_FOUND
    message = "There is no such thing here."


class Conflict(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = "This was changed by someone else, or exists already."


class PreconditionFailed(DomainError):
    code = "precondition_failed"
    kind = Kind.PRECONDITION
    message = "This has changed since you last read it. Read it again."


class Unauthenticated(DomainError):
    kind = Kind.UNAUTHENTICATED


class MissingToken(Unauthenticated):
    code = "missing_token"
    message = "Sign in first."


class InvalidToken(Unauthenticated):
    code = "invalid_token"
    message = "This token is not valid, or has expired."


class TokenRevoked(Unauthenticated):
    code = "token_revoked"
    message = "This session has been ended. Sign in again."


class Forbidden(DomainError):
    code = "forbidden"
    kind = Kind.FORBIDDEN
    message = "You may not do this."


class RateLimited(DomainError):
    code = "rate_limit_exceeded"
    kind = Kind.RATE_LIMITED
    message = "Too many requests. Wait a little, then try again."


class Unavailable(DomainError):
    code = "service_unavailable"
    kind = Kind.UNAVAILABLE
    message = "A service we depend on does not answer. Try again shortly."
