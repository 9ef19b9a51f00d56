"""The edge's two questions about a token. Conforms to `web.access.Authenticator`."""

from dataclasses import dataclass

from domain.auth.ports import AccessClaims, AccessTokens
from domain.auth.revocation import Revocation
from domain.kernel.cache import SessionState


@dataclass(frozen=True)
class SessionAuthenticator:
    tokens: AccessTokens
    revocation: Revocation

    async def read_token(self, token: str) -> AccessClaims:
        """Raises InvalidToken."""
        return await self.tokens.read(token)

    async def load_session(self, user_id: str, session_id: str) -> SessionState:
        """One store call; the cache learns the answer. Raises Unavailable."""
        return await self.revocation.load(user_id, session_id)
