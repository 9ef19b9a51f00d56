"""The three kinds of JSON Web Token the service takes: of a server, of a client, of a reconnection.

HS256 and nothing else, so this is an HMAC, two JSON objects and a comparison; importing a JWT library with its
public-key cryptography would add 9 MB to a process that holds thousands of sockets. `tests/webpubsub` holds it
to PyJWT in both directions.
"""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

SKEW: Final = 300.0
"""Seconds by which clocks may differ: what Microsoft's servers allow."""
RECONNECT_ISSUER: Final = "https://webpubsub.azure.com"
RECONNECT_SECONDS: Final = 7 * 86400
_HEADER: Final = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
_REMEMBERED: Final = 4096
_LONGEST: Final = 64 * 1024


class BadToken(Exception):
    """Not a token of this service, or not for this place and time."""


def sign(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def mint(key: bytes, claims: dict[str, Any]) -> str:
    body = _HEADER + b"." + urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=")
    return (body + b"." + urlsafe_b64encode(sign(key, body)).rstrip(b"=")).decode()


class Tokens:
    """Checks tokens against a set of keys; the first key signs."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of the keys signed and whose time is right. Raises BadToken.

        A signature that was good once is not computed again: a server sends the same token with many requests.
        """
        claims = self._known.get(token)
        if claims is None:
            claims = self._read(token)
            self._known[token] = claims
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        now = time.time()
        if now - SKEW >= claims["exp"] or now + SKEW < claims.get("nbf", 0):
            raise BadToken("the time is not right")
        return claims

    def _read(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST:
            raise BadToken("too long")
        try:
            head, body, signature = token.encode("ascii").split(b".")
            header = msgspec.json.decode(_decoded(head), type=dict[str, Any])
            claims = msgspec.json.decode(_decoded(body), type=dict[str, Any])
            given = _decoded(signature)
        except (ValueError, RecursionError) as error:
            raise BadToken("not a token") from error
        if header.get("alg") != "HS256":
            raise BadToken("another algorithm")
        signed = token.rpartition(".")[0].encode()
        if not any(hmac.compare_digest(sign(key, signed), given) for key in self._keys):
            raise BadToken("signed by somebody else")
        for name, needed in (("exp", True), ("nbf", False)):
            value = claims.get(name)
            if isinstance(value, bool) or not (isinstance(value, int | float) or (value is None and not needed)):
                raise BadToken(f"no {name}")
        if claims.get("nbf", 0) is None:
            del claims["nbf"]
        return claims

    def server(self, token: str, raw_path: str) -> dict[str, Any]:
        """Check the token of a REST call to *raw_path* (as sent, without query). Raises BadToken."""
        claims = self.claims(token)
        _check_audience(claims, raw_path)
        return claims

    def client(self, token: str, hub: str) -> dict[str, Any]:
        """Check the token with which a client opens a connection to *hub*. Raises BadToken."""
        claims = self.claims(token)
        _check_audience(claims, f"/client/hubs/{hub}")
        return claims

    def mint_client(self, audience: str, claims: dict[str, Any], *, seconds: int) -> str:
        now = int(time.time())
        return mint(self._keys[0], {"aud": audience, "iat": now, "nbf": now, "exp": now + seconds, **claims})

    def mint_reconnection(self, connection_id: str) -> str:
        now = int(time.time())
        return mint(
            self._keys[0],
            {
                "iss": RECONNECT_ISSUER,
                "aud": connection_id,
                "jti": token_urlsafe(12),
                "nbf": now,
                "exp": now + RECONNECT_SECONDS,
            },
        )

    def may_reconnect(self, token: str, connection_id: str) -> bool:
        try:
            claims = self.claims(token)
        except BadToken:
            return False
        return claims.get("iss") == RECONNECT_ISSUER and claims.get("aud") == connection_id


def _decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _check_audience(claims: dict[str, Any], raw_path: str) -> None:
    """Compare the path alone: the host a server knows the service by need not be the one its clients use."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    for one in audiences:
        if isinstance(one, str) and _path(one) == unquote(raw_path).lower().rstrip("/"):
            return
    raise BadToken("for another place")


@lru_cache(maxsize=4096)  # with each request of a server comes the audience of the one before
def _path(audience: str) -> str:
    try:
        return unquote(urlsplit(audience).path).lower().rstrip("/")
    except ValueError:
        return ""
