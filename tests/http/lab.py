"""Endpoints that exist only to show what the edge does with any endpoint, behind the dev host's HTTP triggers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import azure.functions as func
import httpx
import msgspec

from adapters.documents.sqlite import SqliteDocuments
from blueprints.access import ADMINS, ANYONE, SIGNED_IN, SIGNED_IN_UNVERIFIED
from blueprints.fallback import bp as fallback
from devhost.asgi import HttpTriggers
from domain.kernel.cache import SessionState
from domain.kernel.errors import InvalidToken, NotFound, Unavailable
from domain.kernel.ids import SystemIds
from domain.kernel.keys import Key, KeySet
from runtime import parts
from tests.budget import CountingCache, CountingDocuments
from tests.factories import NOON, ManualClock
from web import edge as web_edge
from web.bodies import In, Out, Query, Verbatim
from web.call import Call
from web.cookies import session_cookies
from web.declaration import ENDPOINTS, Deprecated, Limit
from web.edge import Edge, EdgePolicy, EdgeRates
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, page, read_position
from web.reply import Reply

API = "http://localhost:7071"
SITE = "http://localhost:3000"
SECRET = "ada@example.org"
NOTE_ID = "018d2b1e-7a3c-7c4e-8f5a-0123456789ab"
bp = func.Blueprint()
_before = set(ENDPOINTS)


Tag = Annotated[str, msgspec.Meta(max_length=5)]


class PersonIn(In, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=10)]
    phone: str | None = None


class NoteIn(In, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    urgency: Literal["low", "high"] = "low"
    count: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    ratio: float = 0.5
    tags: Annotated[list[Tag], msgspec.Meta(max_length=3)] = msgspec.field(default_factory=list)
    author: PersonIn | None = None
    readers: list[PersonIn] = msgspec.field(default_factory=list)
    labels: dict[str, int] = msgspec.field(default_factory=dict)
    password: Annotated[Verbatim, msgspec.Meta(min_length=3)] | None = None


class NoteOut(Out):
    id: str
    text: str


class FilterQuery(PageQuery, kw_only=True):
    tag: str | None = None


class FindQuery(Query, kw_only=True):
    ids: list[str] = msgspec.field(default_factory=list)
    exact: bool = False
    max_count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 3


@dataclass
class Desk:
    """What the handlers did."""

    notes: list[NoteOut] = field(default_factory=list)
    bodies: list[NoteIn] = field(default_factory=list)
    queries: list[FindQuery] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    fail_next: Exception | None = None


desk = Desk()


@endpoint(bp, "POST", "v1/lab/notes", access=SIGNED_IN, takes=NoteIn, gives=NoteOut, status=201, idempotent=True)
async def lab_add_note(call: Call) -> Reply:
    """Add a note."""
    note = NoteOut(id=call.new_id, text=call.body(NoteIn).text)
    desk.notes.append(note)
    if desk.fail_next:
        error, desk.fail_next = desk.fail_next, None
        raise error
    return Reply(201, note, {"Location": f"/api/v1/lab/notes/{note.id}"})


@endpoint(bp, "POST", "v1/lab/forms", access=ANYONE, takes=NoteIn, gives=NoteOut, limit=Limit.FORMS, idempotent=True)
async def lab_form(call: Call) -> Reply:
    """Take a form."""
    desk.calls.append(call)
    desk.bodies.append(call.body(NoteIn))
    return Reply(200, NoteOut(id=call.new_id, text=call.body(NoteIn).text))


@endpoint(bp, "GET", "v1/lab/notes/{note_id}", access=SIGNED_IN, gives=NoteOut, etag=True)
async def lab_get_note(call: Call) -> Reply:
    """Read a note."""
    return Reply(200, desk.notes[0] if call.path_id("note_id") == NOTE_ID else None)


@endpoint(bp, "PATCH", "v1/lab/notes/{note_id}", access=SIGNED_IN, takes=NoteIn, gives=NoteOut)
async def lab_change_note(call: Call) -> Reply:
    """Change a note."""
    if call.path_id("note_id") != NOTE_ID:
        raise NotFound
    call.check_if_match(desk.notes[0])
    desk.notes[0] = NoteOut(id=NOTE_ID, text=call.body(NoteIn).text)
    return Reply(200, desk.notes[0])


@endpoint(bp, "GET", "v1/lab/list", access=SIGNED_IN, query=FilterQuery, gives=PageOut[int])
async def lab_list(call: Call) -> Reply:
    """Count from 0 to 49."""
    query = call.query(FilterQuery)
    start = await read_position(call, query) or 0
    numbers = list(range(50))[start : start + query.limit]
    following = start + query.limit
    return Reply(200, await page(call, query, numbers, after=following if following < 50 else None))


@endpoint(bp, "GET", "v1/lab/other-list", access=SIGNED_IN, query=FilterQuery, gives=PageOut[int])
async def lab_other_list(call: Call) -> Reply:
    """Another list."""
    position = await read_position(call, call.query(FilterQuery))
    return Reply(200, await page(call, call.query(FilterQuery), [position or 0], after=None))


@endpoint(bp, "GET", "v1/lab/find", access=ANYONE, query=FindQuery)
async def lab_find(call: Call) -> Reply:
    """Find."""
    desk.queries.append(call.query(FindQuery))
    return Reply(204)


@endpoint(bp, "GET", "v1/lab/public", access=ANYONE, etag=True)
async def lab_public(call: Call) -> Reply:
    """Tell who asks."""
    return Reply(200, {"who": call.identity and call.identity.user_id}, {"Vary": "Accept"}, cacheable=True)


@endpoint(bp, "GET", "v1/lab/me", access=SIGNED_IN_UNVERIFIED)
async def lab_me(call: Call) -> Reply:
    """Tell who asks."""
    return Reply(200, {"who": call.user_id, "role": call.caller.role})


@endpoint(bp, "DELETE", "v1/lab/admin", access=ADMINS)
async def lab_admin(call: Call) -> Reply:
    """Do what only admins may."""
    return Reply(204)


@endpoint(bp, "POST", "v1/lab/uploads", access=SIGNED_IN, limit=Limit.UPLOAD)
async def lab_upload(call: Call) -> Reply:
    """Ask for an upload."""
    return Reply(200, {})


@endpoint(bp, "POST", "v1/lab/fault", access=ANYONE)
async def lab_fault(call: Call) -> Reply:
    """Fail."""
    raise RuntimeError(f"{SECRET} is in host db-7")


@endpoint(bp, "GET", "v1/lab/down", access=ANYONE)
async def lab_down(call: Call) -> Reply:
    """Find a dependency down."""
    raise Unavailable(retry_after=2.2)


@endpoint(bp, "POST", "v1/lab/refresh", access=ANYONE, refusal_ends_session=True)
async def lab_refresh(call: Call) -> Reply:
    """Go by the refresh cookie."""
    call.require_same_site()
    if call.cookies.get("refreshToken") != "good":
        raise InvalidToken
    minute = call.edge.clock.now() - call.edge.clock.now()
    cookies = session_cookies(access_token="a.b.c", access_ttl=minute, refresh_token="r", refresh_ttl=minute)
    return Reply(200, {}, cookies=cookies)


@endpoint(bp, "GET", "v1/lab/old", access=ANYONE, deprecated=Deprecated(since=NOON, sunset=NOON + timedelta(days=365)))
async def lab_old(call: Call) -> Reply:
    """Go away some day."""
    return Reply(204)


@endpoint(bp, "GET", "v1/lab/unwritable", access=ANYONE)
async def lab_unwritable(call: Call) -> Reply:
    """Answer what cannot be written."""
    return Reply(200, object())


@endpoint(bp, "GET", "v1/lab/split", access=ANYONE)
async def lab_split(call: Call) -> Reply:
    """Answer a header with a line break."""
    return Reply(302, headers={"Location": "/\r\nSet-Cookie: a=b"})


@endpoint(bp, "GET", "v1/lab/probe", access=ANYONE, limit=Limit.NONE)
async def lab_probe(call: Call) -> Reply:
    """Be there."""
    return Reply(204)


LAB = {name: ENDPOINTS.pop(name) for name in set(ENDPOINTS) - _before}
_app = func.FunctionApp()
_app.register_functions(bp)
_app.register_functions(fallback)
_triggers = HttpTriggers(_app)


@dataclass(frozen=True)
class Claims:
    user_id: str
    session_id: str


@dataclass
class Doorman:
    """An authenticator whose tokens are `user:session`; the session's name says what became of it."""

    loads: int = 0

    async def read_token(self, token: str) -> Claims:
        if token == "keys-are-away":
            raise Unavailable
        user_id, found, session_id = token.partition(":")
        if not found:
            raise InvalidToken
        return Claims(user_id, session_id)

    async def load_session(self, user_id: str, session_id: str) -> SessionState:
        self.loads += 1
        role = "admin" if user_id == "admin" else "user"
        return SessionState(revoked=session_id == "ended", role=role, verified=session_id != "unverified")


@dataclass
class FixedKeys:
    keys: KeySet

    async def get(self, kid: str | None = None) -> KeySet:  # noqa: ARG002 - the port's shape
        return self.keys


@dataclass
class Lab:
    client: httpx.AsyncClient
    clock: ManualClock
    doorman: Doorman
    keys: FixedKeys
    documents: CountingDocuments
    cache: CountingCache
    desk: Desk

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """As ADA by her Bearer token, unless *headers* say otherwise (`if_match` becomes `If-Match`)."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json={} if body is None else body, headers={**ADA, **given})


ADA = {"Authorization": "Bearer ada:s1"}
ADA_COOKIE = {"Cookie": "accessToken=ada:s1"}


@asynccontextmanager
async def a_lab(folder: Path, *, address: str = "203.0.113.7", **policy: Any) -> AsyncGenerator[Lab]:
    clock = ManualClock()
    doorman = Doorman()
    keys = FixedKeys(KeySet(Key("k1", b"1" * 32)))
    documents = CountingDocuments(SqliteDocuments(folder / "lab.db", clock))
    named = dict.fromkeys(Limit, 5)
    options = {
        "site_url": SITE,
        "api_url": API,
        "allowed_origins": ("https://partner.example",),
        "cookie_secure": True,
        "trusted_proxy_depth": 1,
        "rates": EdgeRates(public=100, signed_in=1000, named=named),
        **policy,
    }
    cache = CountingCache(clock)
    edge = Edge(EdgePolicy(**options), clock, SystemIds(clock), cache, lambda: doorman, lambda: documents, lambda: keys)
    web_edge.use(lambda: edge)
    ENDPOINTS.update(LAB)
    desk.__init__()  # type: ignore[misc]
    transport = httpx.ASGITransport(_triggers, client=(address, 50505))
    try:
        async with httpx.AsyncClient(transport=transport, base_url=API) as client:
            yield Lab(client, clock, doorman, keys, documents, cache, desk)
    finally:
        for name in LAB:
            del ENDPOINTS[name]
        web_edge.use(lambda: parts.get().edge)
        await documents.close()
