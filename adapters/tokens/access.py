"""Access tokens: JWTs signed with HS256 under the key set (RFC 7519, RFC 9068, and RFC 8725 for what to refuse)."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
from jwt.types import Options

from domain.auth.ports import AccessClaims
from domain.kernel.accounts import Role
from domain.kernel.clock import Clock, epoch_seconds
from domain.kernel.errors import InvalidToken
from domain.kernel.ids import is_uuid7
from domain.kernel.keys import Key, Keys

ALGORITHM: Final = "HS256"
"""Pinned: what a token says about its algorithm is compared with this, never followed (RFC 8725 §3.1)."""
TYPE: Final = "at+jwt"
"""RFC 9068 §2.1: no other JWT of ours, should there be one, passes for an access token."""
MAX_CHARS: Final = 2048
_PURPOSE: Final = "access-token"
_CLOCKS_DIFFER_BY: Final = 60
_ROLES: Final = frozenset(role.value for role in Role)
_OPTIONS: Final[Options] = {
    "require": ["iss", "aud", "sub", "sid", "role", "jti", "iat", "exp"],
    # Times are compared with our clock below, not with the system's.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


_KEPT: Final = 4096
"""Tokens whose signature need not be computed again: half a kilobyte each."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token said whose signature held under *key*."""

    key: Key
    claims: AccessClaims
    issued: int
    expires: int


class JwtAccessTokens:
    """Conforms to the port `AccessTokens`."""

    def __init__(self, keys: Keys, clock: Clock, *, issuer: str, audience: str, ttl: timedelta) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._ttl = ttl
        self._verified: OrderedDict[bytes, Verified] = OrderedDict()
        """By the token's digest: a token itself is kept nowhere."""

    async def issue(self, *, user_id: str, session_id: str, role: str) -> str:
        key = (await self._keys.get()).current
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "role": role,
            "jti": secrets.token_urlsafe(12),
            "iat": epoch_seconds(now),
            "exp": epoch_seconds(now + self._ttl),
        }
        return jwt.encode(claims, key.derive(_PURPOSE), ALGORITHM, {"typ": TYPE, "kid": key.kid})

    async def read(self, token: str) -> AccessClaims:
        """Raises InvalidToken for whatever is not an unexpired access token of ours.

        A signature is computed once for each token. At each use it is asked anew whether the key is still one of ours
        and whether the time is right; whether the session stands is asked elsewhere, of the cache, each time.
        """
        if len(token) > MAX_CHARS:
            raise InvalidToken
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is None or (await self._keys.get(known.key.kid)).find(known.key.kid) != known.key:
            known = await self._verify(token)
            self._verified[digest] = known
            if len(self._verified) > _KEPT:
                self._verified.popitem(last=False)
        now = epoch_seconds(self._clock.now())
        if not known.issued - _CLOCKS_DIFFER_BY <= now < known.expires:
            self._verified.pop(digest, None)
            raise InvalidToken
        return known.claims

    async def _verify(self, token: str) -> Verified:
        try:
            header = jwt.get_unverified_header(token)
            kid = str(header.get("kid"))
            key = (await self._keys.get(kid)).find(kid)
            if key is None or header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
                raise InvalidToken
            claims = jwt.decode(
                token,
                key.derive(_PURPOSE),
                [ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidToken from error
        return _checked(key, claims)


def _checked(key: Key, claims: dict[str, Any]) -> Verified:
    issued, expires, role = claims["iat"], claims["exp"], claims["role"]
    if not (_is_time(issued) and _is_time(expires)):
        raise InvalidToken
    user_id, session_id = claims["sub"], claims["sid"]
    if not all(isinstance(claim, str) for claim in (user_id, session_id, role)):
        raise InvalidToken
    if role not in _ROLES or not is_uuid7(user_id) or not is_uuid7(session_id):
        raise InvalidToken
    return Verified(key, AccessClaims(user_id, session_id, role), issued, expires)


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
