"""What each endpoint declares, once: the same words validate requests, document them and are checked by tests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from web.access import Access

if TYPE_CHECKING:
    from web.call import Call
    from web.reply import Reply

DEFAULT_MAX_BODY_BYTES = 64 * 1024

Handler = Callable[["Call"], Awaitable["Reply"]]


class Limit(Enum):
    """Which rate counts a request. The numbers are settings (`APP_RATE_LIMIT_…`)."""

    DEFAULT = "default"
    """Per user where one is signed in, else per address."""
    SIGNUP = "signup"
    LOGIN = "login"
    FORGOT_PASSWORD = "forgot_password"  # noqa: S105 - a name
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    GUEST = "guest"
    UPLOAD = "upload"
    FORMS = "forms"
    """Each form has a counter of its own."""
    NONE = "none"
    """Not counted at all: probes and the realtime service's webhook."""


@dataclass(frozen=True, slots=True)
class Deprecated:
    """The operation goes away: since when that is known, and when it will."""

    since: datetime
    sunset: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. *route* is as the Functions host takes it (`v1/courses/{course_id}`), without the prefix."""

    name: str
    method: str
    route: str
    access: Access
    handler: Handler
    summary: str
    description: str = ""
    takes: type[Any] | None = None
    """A msgspec Struct: the JSON body. Unknown fields are refused."""
    query: type[Any] | None = None
    """A msgspec Struct: the query string. Unknown parameters are ignored."""
    gives: Any = None
    """The type of the success body, for OpenAPI."""
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses of success, with the same body."""
    errors: tuple[str, ...] = ()
    """Codes beyond those every endpoint can answer."""
    limit: Limit = Limit.DEFAULT
    idempotent: bool = False
    """Takes `Idempotency-Key`: the first answer is kept for 24 h and given again."""
    replays_itself: bool = False
    """Takes `Idempotency-Key` too, but the handler sees to it: its answers are secrets that must not be kept, or the
    key becomes durable in the very transaction it guards."""
    refusal_ends_session: bool = False
    """An answer that a token is invalid or revoked also clears both cookies (refresh)."""
    etag: bool = False
    """A GET that carries `ETag` and answers `If-None-Match`."""
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    media_types: tuple[str, ...] = ("application/json",)
    """What bodies it takes. `*/*` hands the raw bytes to the handler."""
    deprecated: Deprecated | None = None


ENDPOINTS: dict[str, Endpoint] = {}
"""Every endpoint by function name, filled as the blueprints are imported."""
