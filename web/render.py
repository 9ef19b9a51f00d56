"""Replies become responses: headers that are on every answer, cookies, entity tags."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import format_datetime
from hashlib import blake2b
from typing import Any, Final

import azure.functions as func

from domain.kernel.clock import epoch_seconds
from domain.kernel.errors import DomainError
from web.bodies import encode
from web.declaration import Deprecated, Endpoint
from web.edge import Edge
from web.errors import envelope, retry_after_of, server_error, status_of
from web.incoming import Incoming
from web.origins import add_cors
from web.reply import Cookie, Reply

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # What we send is data: nothing in it may load, run or be framed, should a browser ever be made to show it.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
}
STRICT_TRANSPORT: Final = "max-age=63072000; includeSubDomains"
NO_STORE: Final = "no-store"
NOT_MODIFIED: Final = 304


def body_bytes(body: Any) -> bytes:
    """Bytes as they are, nothing for None, else JSON."""
    if body is None:
        return b""
    return body if isinstance(body, bytes) else encode(body)


def entity_tag(body: bytes) -> str:
    """A strong validator (RFC 9110 §8.8.3): equal exactly when the bytes are."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def matches(header: str, tag: str, *, weak: bool) -> bool:
    """Whether *tag* is listed in an `If-Match` (strong) or `If-None-Match` (weak comparison, RFC 9110 §8.8.3.2)."""
    if header.strip() == "*":
        return True
    listed = (entry.strip() for entry in header.split(","))
    return any((entry.removeprefix("W/") if weak else entry) == tag for entry in listed)


def bake(cookie: Cookie, *, secure: bool) -> str:
    """`Set-Cookie`. Never `Domain` or `Expires`: proxies before us are known to drop such cookies."""
    parts = f"{cookie.name}={cookie.value}; Path={cookie.path}; Max-Age={int(cookie.max_age.total_seconds())}"
    return f"{parts}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def error_reply(error: DomainError, request_id: str) -> Reply:
    headers = dict(getattr(error, "headers", ()))
    status = status_of(error)
    retry_after = retry_after_of(error)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status == 401:  # noqa: PLR2004
        # RFC 9110 §15.5.2 wants a challenge, RFC 6750 §3.1 this word for a token that was shown and refused.
        headers["WWW-Authenticate"] = "Bearer" if error.code == "missing_token" else 'Bearer error="invalid_token"'
    return Reply(status, envelope(error, request_id), headers)


def fault_reply(request_id: str) -> Reply:
    return Reply(500, server_error(request_id))


def respond(reply: Reply, incoming: Incoming, edge: Edge | None, endpoint: Endpoint) -> func.HttpResponse:
    """The response to send; *edge* is None when even the settings could not be read."""
    status, body = reply.status, body_bytes(reply.body)
    headers = _common_headers(incoming, edge)
    if not reply.cacheable:
        headers["Cache-Control"] = NO_STORE
    if endpoint.deprecated is not None:
        _announce_end(headers, endpoint.deprecated)
    if endpoint.etag and status == 200 and incoming.method in {"GET", "HEAD"}:  # noqa: PLR2004
        headers["ETag"] = tag = entity_tag(body)
        asked = incoming.headers.get("if-none-match")
        if asked and matches(asked, tag, weak=True):
            status, body = NOT_MODIFIED, b""
    for name, value in reply.headers.items():
        headers[name] = f"{headers['Vary']}, {value}" if name == "Vary" and "Vary" in headers else value
    if incoming.method == "HEAD":
        body = b""
    response = func.HttpResponse(body, status_code=status, headers=headers, mimetype=reply.media_type)
    secure = edge is None or edge.policy.cookie_secure
    for cookie in reply.cookies:
        response.headers.add("Set-Cookie", bake(cookie, secure=secure))
    return response


def _announce_end(headers: dict[str, str], deprecated: Deprecated) -> None:
    """RFC 9745 writes the one as a structured date, RFC 8594 the other as an HTTP date."""
    headers["Deprecation"] = f"@{epoch_seconds(deprecated.since)}"
    headers["Sunset"] = format_datetime(deprecated.sunset.astimezone(UTC), usegmt=True)


def _common_headers(incoming: Incoming, edge: Edge | None) -> dict[str, str]:
    headers: dict[str, str] = {**SECURITY_HEADERS, "X-Request-Id": incoming.request_id}
    allowance = incoming.allowance
    if allowance is not None:
        headers["X-RateLimit-Limit"] = str(allowance.limit)
        headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        headers["X-RateLimit-Reset"] = str(allowance.reset_at)
    if incoming.trace_id is not None:
        # W3C Trace Context, level 2: tells the caller that its trace id is the one in our logs.
        headers["traceresponse"] = f"00-{incoming.trace_id}-{incoming.span_id}-01"
    if edge is not None:
        if edge.policy.https or incoming.url.startswith("https:"):
            headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        add_cors(headers, incoming, edge)
    return headers
