"""The two cookies of a browser's session.

`accessToken` goes with every request, `refreshToken` only to `/api/v1/auth`. Scripts see neither (`HttpOnly`), other
sites cannot make a browser send them with a write (`SameSite=Lax`, and the edge's own check).
"""

from datetime import timedelta
from typing import Final

from web.reply import Cookie

ACCESS_TOKEN: Final = "accessToken"  # noqa: S105 - a name
REFRESH_TOKEN: Final = "refreshToken"  # noqa: S105 - a name
ACCESS_PATH: Final = "/"
REFRESH_PATH: Final = "/api/v1/auth"
_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def session_cookies(
    *, access_token: str, access_ttl: timedelta, refresh_token: str, refresh_ttl: timedelta
) -> tuple[Cookie, ...]:
    """Both cookies of a session that was opened or refreshed, each for as long as its token holds."""
    return (
        Cookie(ACCESS_TOKEN, _checked(access_token), ACCESS_PATH, access_ttl),
        Cookie(REFRESH_TOKEN, _checked(refresh_token), REFRESH_PATH, refresh_ttl),
    )


def cleared_cookies() -> tuple[Cookie, ...]:
    """Both cookies, emptied: `Max-Age=0` and no `Expires`, which a proxy is known to drop."""
    nothing = timedelta()
    return (Cookie(ACCESS_TOKEN, "", ACCESS_PATH, nothing), Cookie(REFRESH_TOKEN, "", REFRESH_PATH, nothing))


def _checked(token: str) -> str:
    """Tokens are base64url and dots: anything else the Functions library would drop without a word."""
    if not token or not _SAFE.issuperset(token):
        msg = "a token that no cookie can carry"
        raise ValueError(msg)
    return token
