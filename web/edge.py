"""What the edge needs from the rest of the application, and where it gets it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from domain.kernel.cache import Cache
from domain.kernel.clock import Clock
from domain.kernel.documents import DocumentStore
from domain.kernel.ids import Ids
from domain.kernel.keys import Keys
from web.access import Authenticator
from web.declaration import Limit


@dataclass(frozen=True, slots=True)
class EdgeRates:
    """Requests per minute: *public* for an address, *signed_in* for a person, *named* for single endpoints."""

    public: int
    signed_in: int
    named: Mapping[Limit, int]


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """The settings the edge goes by."""

    site_url: str
    api_url: str
    allowed_origins: tuple[str, ...]
    """Besides the site's and the API's own. A `*` lets any page read what is public, without credentials."""
    cookie_secure: bool
    trusted_proxy_depth: int
    rates: EdgeRates
    trusted_origins: frozenset[str] = field(init=False)
    any_origin: bool = field(init=False)
    https: bool = field(init=False)

    def __post_init__(self) -> None:
        listed = {origin_of(url) for url in (self.site_url, self.api_url, *self.allowed_origins) if url != "*"}
        object.__setattr__(self, "trusted_origins", frozenset(listed))
        object.__setattr__(self, "any_origin", "*" in self.allowed_origins)
        object.__setattr__(self, "https", self.api_url.startswith("https:"))


@dataclass(frozen=True, slots=True)
class Edge:
    """Parts that cost an import or a connection come as functions, called when a request needs them."""

    policy: EdgePolicy
    clock: Clock
    ids: Ids
    cache: Cache
    authenticator: Callable[[], Authenticator]
    documents: Callable[[], DocumentStore]
    keys: Callable[[], Keys]


def origin_of(url: str) -> str:
    """The origin of a URL as browsers write it (RFC 6454 §6.2): lower case, without a default port."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme.lower()}://{host}{port}"


def _nobody() -> Edge:
    msg = "web.edge.use() was never called"
    raise RuntimeError(msg)


_provider: Callable[[], Edge] = _nobody


def use(provider: Callable[[], Edge]) -> None:
    """Say where the edge comes from; asked at each request, so that tests may change it."""
    global _provider  # noqa: PLW0603 - one application in a process
    _provider = provider


def get() -> Edge:
    """Raises whatever a bad environment raises."""
    return _provider()
