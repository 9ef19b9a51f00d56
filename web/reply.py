"""What a handler gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Cookie:
    """One `Set-Cookie`. An empty value with `max_age` zero clears it. Always `HttpOnly; SameSite=Lax`."""

    name: str
    value: str = field(repr=False)
    path: str
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Reply:
    """*body* is a msgspec Struct, or anything msgspec encodes; None sends none. Bytes are sent as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()
    media_type: str = "application/json"
    cacheable: bool = False
    """True for what is the same for everyone; all else is sent with `Cache-Control: no-store`."""
