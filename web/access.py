"""Who is calling, and the shape of a rule about it. The rules themselves are named in `blueprints/access.py`."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from domain.kernel.cache import SessionState


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose access token held and whose session stands."""

    user_id: str
    session_id: str
    role: str
    verified: bool
    guest: bool = False


class Requires(Enum):
    NOTHING = "nothing"
    """Public. A valid token is still honoured: `call.identity` is then known."""
    SIGN_IN = "sign_in"
    """Signed in; the e-mail need not be verified yet."""
    VERIFIED = "verified"
    """Signed in, and the e-mail is verified. Guests, who have none, only where the rule names them."""
    SERVICE = "service"
    """Not a person: the handler itself proves the caller (a signed webhook)."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an endpoint. *roles* empty: any role. What asks for a sign-in refuses guests, without *guests*."""

    name: str
    requires: Requires
    roles: frozenset[str] = frozenset()
    guests: bool = False


class TokenClaims(Protocol):
    """What a genuine, unexpired access token says. Whether its session still stands is another question."""

    @property
    def user_id(self) -> str: ...

    @property
    def session_id(self) -> str: ...


class Authenticator(Protocol):
    """The edge's view of `domain.auth`."""

    async def read_token(self, token: str) -> TokenClaims:
        """Check signature, algorithm, kid, typ, iss, aud and times. No I/O once the keys are known.

        Raises InvalidToken.
        """
        ...

    async def load_session(self, user_id: str, session_id: str) -> SessionState:
        """The session as the store has it, when the cache does not know; the cache learns it. One store call."""
        ...
