"""Where a request comes from: CORS for pages that may read answers, CSRF for cookies sent from elsewhere."""

from contextlib import suppress
from typing import Final

from web.edge import Edge, origin_of
from web.errors import CsrfFailed
from web.incoming import Incoming

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
EXPOSED: Final = (
    "ETag, Location, Retry-After, X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "
    "Idempotent-Replayed, Deprecation, Sunset, traceresponse"
)
ACCEPTED: Final = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, traceparent, tracestate"
)
PREFLIGHT_SECONDS: Final = 7200  # what Chromium honours at most


def own_origins(incoming: Incoming) -> set[str]:
    """The origins this request was addressed to: its URL as the host has it, and its `Host`.

    No page can choose the `Host` its browser sends, and cookies go only to the host they came from.
    """
    host = incoming.headers.get("host")
    urls = (incoming.url, f"{incoming.url.partition(':')[0]}://{host}") if host else (incoming.url,)
    own = set()
    for url in urls:
        with suppress(ValueError):  # a Host that is none
            own.add(origin_of(url))
    return own


def is_same_site(incoming: Incoming, edge: Edge) -> bool:
    """Whether a page of ours sent this, as far as the browser says; False when it says nothing.

    `Origin` decides where there is one, else Fetch Metadata: `none` is the user's own doing (OWASP, CSRF prevention).
    """
    origin = incoming.headers.get("origin")
    if origin:
        return origin in edge.policy.trusted_origins or origin in own_origins(incoming)
    return incoming.headers.get("sec-fetch-site") in {"same-origin", "none"}


def require_same_site(incoming: Incoming, edge: Edge) -> None:
    """Raises CsrfFailed for a request that changes state with a cookie, unless a page of ours sent it."""
    if incoming.method not in SAFE_METHODS and not is_same_site(incoming, edge):
        raise CsrfFailed


def add_cors(headers: dict[str, str], incoming: Incoming, edge: Edge) -> None:
    """Let the pages on the allow-list read the answer. `Vary` always, or a cache would mix up two origins' answers."""
    headers["Vary"] = "Origin"
    origin = incoming.headers.get("origin")
    if not origin:
        return
    if origin in edge.policy.trusted_origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
    elif edge.policy.any_origin:
        headers["Access-Control-Allow-Origin"] = "*"
    else:
        return
    headers["Access-Control-Expose-Headers"] = EXPOSED


def preflight_headers(incoming: Incoming, edge: Edge, methods: str) -> dict[str, str]:
    """The answer to `OPTIONS` with `Access-Control-Request-Method` (Fetch §4.8); the origin is judged by `add_cors`."""
    headers = {"Vary": "Access-Control-Request-Method, Access-Control-Request-Headers", "Allow": methods}
    origin = incoming.headers.get("origin")
    if origin and (origin in edge.policy.trusted_origins or edge.policy.any_origin):
        headers["Access-Control-Allow-Methods"] = methods
        headers["Access-Control-Allow-Headers"] = ACCEPTED
        headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return headers
