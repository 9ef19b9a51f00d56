"""One request, as handlers see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from domain.kernel.errors import NotFound, PreconditionFailed
from domain.kernel.ids import is_uuid7
from web.access import Identity
from web.declaration import Endpoint
from web.edge import Edge
from web.incoming import Incoming
from web.origins import is_same_site, preflight_headers, require_same_site
from web.render import body_bytes, entity_tag, matches

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """Made by `web.endpoint` after every check that needs no feature has passed."""

    endpoint: Endpoint
    method: str
    url: str
    headers: Mapping[str, str]
    """Names in lower case, repeats joined by commas."""
    route_params: Mapping[str, str]
    raw_body: bytes = field(repr=False)
    request_id: str
    client_address: str
    """The caller's address as far as the trusted proxies vouch for it; `unknown` where nothing does."""
    identity: Identity | None
    cookies: Mapping[str, str] = field(repr=False)
    idempotency_key: str | None
    edge: Edge = field(repr=False)
    incoming: Incoming = field(repr=False)
    _body: Any = field(default=None, repr=False)
    _query: Any = field(default=None, repr=False)
    _new_id: str | None = None

    @property
    def caller(self) -> Identity:
        """The signed-in caller. Only for endpoints whose access rule asks for one."""
        if self.identity is None:
            msg = f"{self.endpoint.name} reads the caller but does not require a sign-in"
            raise RuntimeError(msg)
        return self.identity

    @property
    def user_id(self) -> str:
        return self.caller.user_id

    @property
    def new_id(self) -> str:
        """The id of what this call creates. Under an `Idempotency-Key`, a try after a crash is given the same one."""
        if self._new_id is None:
            self._new_id = self.edge.ids.new()
        return self._new_id

    def use_new_id(self, new_id: str) -> None:
        """Go on with the id of an earlier try."""
        self._new_id = new_id

    def body(self, kind: type[T]) -> T:
        """The validated body; *kind* is the endpoint's `takes`."""
        if not isinstance(self._body, kind):
            msg = f"{self.endpoint.name} does not take {kind.__name__}"
            raise TypeError(msg)
        return self._body

    def query(self, kind: type[T]) -> T:
        """The validated query string; *kind* is the endpoint's `query`."""
        if not isinstance(self._query, kind):
            msg = f"{self.endpoint.name} does not take the query {kind.__name__}"
            raise TypeError(msg)
        return self._query

    def path_id(self, name: str) -> str:
        """The UUIDv7 in the route's *name*. Raises NotFound for anything else: no such thing can exist."""
        value = self.route_params.get(name, "")
        if not is_uuid7(value):
            raise NotFound
        return value

    def require_same_site(self) -> None:
        """For handlers that go by a cookie of their own (the refresh token). Raises CsrfFailed."""
        require_same_site(self.incoming, self.edge)

    @property
    def is_same_site(self) -> bool:
        """Whether a page of ours sent this, as far as the browser says."""
        return is_same_site(self.incoming, self.edge)

    def preflight_headers(self, methods: str) -> dict[str, str]:
        """The headers of the answer to `OPTIONS` where *methods* are taken."""
        return preflight_headers(self.incoming, self.edge, methods)

    def check_if_match(self, current: Any) -> None:
        """Raises PreconditionFailed when `If-Match` names another representation than *current*, the GET's body."""
        wanted = self.headers.get("if-match")
        if wanted is not None and not matches(wanted, entity_tag(body_bytes(current)), weak=False):
            raise PreconditionFailed
