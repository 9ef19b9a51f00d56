"""Who is calling, and may they: rates and session in one cache trip, CSRF, the endpoint's access rule."""

from datetime import datetime, timedelta
from typing import Final

from domain.kernel.cache import Allowance, Rate, SessionState
from domain.kernel.errors import Forbidden, MissingToken, RateLimited, TokenRevoked, Unauthenticated
from web.access import Access, Identity, Requires, TokenClaims
from web.cookies import ACCESS_TOKEN
from web.declaration import Endpoint, Limit
from web.edge import Edge
from web.errors import EmailNotVerified, NotForGuests
from web.incoming import Incoming, network_of
from web.origins import SAFE_METHODS, is_same_site, require_same_site

_BY_CALLER: Final = frozenset({Limit.DEFAULT, Limit.UPLOAD})
_NOBODY: Final = frozenset({Requires.NOTHING, Requires.SERVICE})
_MINUTE: Final = timedelta(minutes=1)


async def admit(
    incoming: Incoming, endpoint: Endpoint, edge: Edge, cookies: dict[str, str], address: str
) -> Identity | None:
    """Let the request in, and say who makes it: None for a stranger.

    Raises RateLimited, MissingToken, InvalidToken, TokenRevoked, CsrfFailed, EmailNotVerified, Forbidden, Unavailable.
    Whoever fails to prove themselves is counted by address, so that tokens cannot be guessed at the price of nothing.
    """
    requires = endpoint.access.requires
    # A preflight is the browser's, not the page's. Like probes and webhooks it is nobody's, and counts for nothing.
    if requires in _NOBODY and (endpoint.limit is Limit.NONE or incoming.method == "OPTIONS"):
        incoming.allowance = uncounted(edge)
        return None
    claims, refused, by_cookie = await _read_token(incoming, edge, cookies)
    if claims is not None and by_cookie and requires is Requires.NOTHING and incoming.method not in SAFE_METHODS:
        # A public address: a cookie sent along by some other site makes nobody the caller, and harms nobody.
        claims = claims if is_same_site(incoming, edge) else None
    session = await _count(incoming, endpoint, edge, claims, address)
    if claims is None:
        if requires in _NOBODY:
            return None
        raise refused or MissingToken
    if by_cookie and requires is not Requires.NOTHING:
        require_same_site(incoming, edge)
    if session is None:
        session = await edge.authenticator().load_session(claims.user_id, claims.session_id)
    return _judge(endpoint.access, claims, session)


async def _read_token(
    incoming: Incoming, edge: Edge, cookies: dict[str, str]
) -> tuple[TokenClaims | None, Unauthenticated | None, bool]:
    """The token's claims, or why it was refused; and whether it came as a cookie. `Authorization` wins over it."""
    authorization = incoming.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
    else:
        token = cookies.get(ACCESS_TOKEN, "")
    if not token:
        return None, None, False
    try:
        return await edge.authenticator().read_token(token), None, authorization is None
    except Unauthenticated as error:
        return None, error, False


async def _count(
    incoming: Incoming, endpoint: Endpoint, edge: Edge, claims: TokenClaims | None, address: str
) -> SessionState | None:
    """One cache trip for every rate that counts this request, and the session's state. Raises RateLimited."""
    session_id = None if claims is None else claims.session_id
    if endpoint.limit is Limit.NONE or incoming.method == "OPTIONS":  # a preflight is the browser's, not the page's
        incoming.allowance = uncounted(edge)
        return None if session_id is None else (await edge.cache.admit((), session_id=session_id)).session
    admission = await edge.cache.admit(_rates(endpoint, edge, claims, address), session_id=session_id)
    incoming.allowance = allowance = admission.allowance
    if allowance.retry_after is not None:
        raise RateLimited(retry_after=allowance.retry_after)
    return admission.session


def _rates(endpoint: Endpoint, edge: Edge, claims: TokenClaims | None, address: str) -> tuple[Rate, ...]:
    rates = edge.policy.rates
    network = network_of(address)
    if claims is None:
        default = Rate(f"ip:{network}", rates.public, _MINUTE)
    else:
        default = Rate(f"user:{claims.user_id}", rates.signed_in, _MINUTE)
    limit = endpoint.limit
    if limit is Limit.DEFAULT:
        return (default,)
    whose = claims.user_id if claims is not None and limit in _BY_CALLER else network
    counter = endpoint.name if limit is Limit.FORMS else limit.value
    return (default, Rate(f"{counter}:{whose}", rates.named[limit], _MINUTE))


def uncounted(edge: Edge) -> Allowance:
    """What a request that no rate counts is told: all of the public limit is free."""
    now: datetime = edge.clock.now()
    return Allowance(edge.policy.rates.public, edge.policy.rates.public, int(now.timestamp()))


def _judge(access: Access, claims: TokenClaims, session: SessionState) -> Identity | None:
    if session.revoked:
        if access.requires is Requires.NOTHING:
            return None
        raise TokenRevoked
    if session.guest and not access.guests and access.requires is not Requires.NOTHING:
        raise NotForGuests
    if access.requires is Requires.VERIFIED and not (session.verified or session.guest):
        raise EmailNotVerified
    if access.roles and session.role not in access.roles:
        raise Forbidden
    return Identity(claims.user_id, claims.session_id, session.role, session.verified, session.guest)
