"""MackChat over HTTP, as its clients see it."""

import hashlib
import hmac
import itertools
from typing import Any

import pytest

from domain.chat.model import direct_conversation_id
from domain.kernel.ids import is_uuid7
from tests.budget import CountingDocuments
from tests.world import Person, World

KEY = "k" * 44
COUNT = itertools.count(1)


@pytest.fixture
async def ada(world: World) -> Person:
    return await world.sign_up("ada")


@pytest.fixture
async def bob(world: World) -> Person:
    return await world.sign_up("bob")


async def open_direct(world: World, me: Person, other: Person) -> Any:
    answer = await world.client.post(
        "/api/v1/conversations", json={"type": "direct", "participantIds": [other.id]}, headers=me.bearer
    )
    assert answer.status_code in {200, 201}, answer.text
    return answer


async def say(world: World, me: Person, where: str, text: str, **more: Any) -> Any:
    body = {"text": text, **more}
    return await world.client.post(f"/api/v1/conversations/{where}/messages", json=body, headers=me.bearer)


async def test_two_people_talk(world: World, ada: Person, bob: Person) -> None:
    opened = await open_direct(world, ada, bob)
    assert opened.status_code == 201
    room = opened.json()["id"]
    assert (await open_direct(world, bob, ada)).status_code == 200
    said = await say(world, ada, room, "  Hello Bob \n")
    assert said.status_code == 201
    message = said.json()
    assert message["seq"] == 1
    assert message["text"] == "Hello Bob"
    assert message["senderId"] == ada.id
    assert is_uuid7(message["id"])
    assert said.headers["location"] == f"/api/v1/messages/{message['id']}"
    read = await world.client.get(f"/api/v1/conversations/{room}/messages", headers=bob.bearer)
    assert read.json() == {"items": [message], "pagination": {"hasMore": False, "nextCursor": None}}
    mine = (await world.client.get("/api/v1/conversations", headers=bob.bearer)).json()["items"]
    assert [(row["name"], row["unreadCount"], row["lastMessage"]["text"]) for row in mine] == [("Ada", 1, "Hello Bob")]
    await world.parts.chat.sending.settle()
    assert [(where, event["event"], event["data"]) for where, event in world.realtime.sent if "group" in where] == [
        (f"group:c.{room}", "message.new", message)
    ]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"type": "direct", "participantIds": []}, "participantIds"),
        ({"type": "direct", "participantIds": ["nobody"]}, "participantIds[0]"),
        ({"type": "direct", "participantIds": ["01890a5d-ac96-774b-bcce-b302099a8057"]}, "participantIds[0]"),
        ({"type": "party", "participantIds": ["01890a5d-ac96-774b-bcce-b302099a8057"]}, "type"),
        ({"participantIds": "x"}, "type"),
    ],
)
async def test_what_cannot_be_opened_is_said_field_by_field(
    world: World, ada: Person, body: dict[str, Any], path: str
) -> None:
    answer = await world.client.post("/api/v1/conversations", json=body, headers=ada.bearer)
    assert answer.status_code == 400
    assert path in [detail["path"] for detail in answer.json()["error"]["details"]]


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001, "bell \x07"])
async def test_text_that_cannot_be_said_is_refused(world: World, ada: Person, bob: Person, text: str) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    answer = await say(world, ada, room, text)
    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["error"]["details"]] == ["text"]


async def test_four_thousand_code_points_fit_whatever_their_bytes(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    assert (await say(world, ada, room, "😀" * 4000)).status_code == 201


async def test_the_same_client_message_id_gives_the_same_message(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    first = await say(world, ada, room, "once", clientMessageId="c1")
    again = await say(world, ada, room, "once", clientMessageId="c1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


async def test_strangers_find_nothing(world: World, ada: Person, bob: Person) -> None:
    eve = await world.sign_up("eve")
    room = (await open_direct(world, ada, bob)).json()["id"]
    for where in (room, direct_conversation_id(eve.id, ada.id), "not-an-id"):
        for method, path in (("GET", ""), ("GET", "/messages"), ("POST", "/messages")):
            body = {"text": "hi"} if method == "POST" else None
            answer = await world.client.request(
                method, f"/api/v1/conversations/{where}{path}", json=body, headers=eve.bearer
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_an_unverified_account_cannot_talk(world: World, ada: Person) -> None:
    new = await world.sign_up("new", verified=False)
    for method, path in (("POST", "conversations"), ("GET", "conversations"), ("POST", "chat/negotiate")):
        answer = await world.client.request(method, f"/api/v1/{path}", headers=new.bearer)
        assert answer.json()["error"]["code"] == "email_not_verified"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("before=x", "before"),
        ("before=3&after=1", "before"),
        ("after=-1", "after"),
    ],
)
async def test_bad_page_requests_are_named(world: World, ada: Person, bob: Person, query: str, path: str) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    answer = await world.client.get(f"/api/v1/conversations/{room}/messages?{query}", headers=ada.bearer)
    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["error"]["details"]] == [path]


async def test_pages_follow_one_another(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    for n in range(1, 8):
        await say(world, ada, room, str(n))
    seen: list[int] = []
    query = "limit=3"
    while True:
        page = (await world.client.get(f"/api/v1/conversations/{room}/messages?{query}", headers=bob.bearer)).json()
        seen = [message["seq"] for message in page["items"]] + seen
        if not page["pagination"]["hasMore"]:
            break
        query = f"limit=3&before={page['pagination']['nextCursor']}"
    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_negotiate_gives_a_url_bound_to_the_person_and_the_sign_in(world: World, ada: Person) -> None:
    answer = (await world.client.post("/api/v1/chat/negotiate", headers=ada.bearer)).json()
    assert answer["userId"] == ada.id
    assert answer["hub"] == "mackchat"
    assert answer["expiresAt"] == "2026-01-20T13:00:00.000Z"
    call = next(call for call in world.realtime.calls if call[0] == "client_access")
    assert call[1] == ada.id
    assert call[3] == f"s.{call[2]}"


def event(kind: str, person: Person | None, connection: str = "conn-1", key: str = KEY, **more: str) -> dict[str, str]:
    signature = hmac.new(key.encode(), connection.encode(), hashlib.sha256).hexdigest()
    headers = {
        "ce-type": f"azure.webpubsub.{kind}",
        "ce-id": str(next(COUNT)),
        "ce-hub": "mackchat",
        "ce-connectionId": connection,
        "ce-signature": f"sha256={'0' * 64},sha256={signature}",
        "webhook-request-origin": "localhost",
        **more,
    }
    return headers | ({"ce-userId": person.id} if person else {})


async def session_of(world: World, person: Person) -> str:
    await world.client.post("/api/v1/chat/negotiate", headers=person.bearer)
    return next(call[2] for call in reversed(world.realtime.calls) if call[0] == "client_access")


async def test_the_service_is_welcomed_only_under_its_own_name(world: World) -> None:
    path = "/api/v1/chat/events"
    good = await world.client.options(path, headers={"webhook-request-origin": "localhost"})
    assert good.status_code == 200
    assert good.headers["webhook-allowed-origin"] == "localhost"
    bad = await world.client.options(path, headers={"webhook-request-origin": "evil.example"})
    assert bad.status_code == 403
    assert "webhook-allowed-origin" not in bad.headers


async def test_connect_joins_the_callers_conversations(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    session = await session_of(world, ada)
    body = {"claims": {"sub": [ada.id], "webpubsub.group": [f"s.{session}"]}, "query": {}, "headers": {}}
    answer = await world.client.post("/api/v1/chat/events", json=body, headers=event("sys.connect", ada))
    assert answer.status_code == 200
    assert answer.json() == {"groups": [f"s.{session}", f"c.{room}"], "roles": []}


async def test_connect_refuses_whom_it_should(world: World, ada: Person, bob: Person) -> None:
    session = await session_of(world, ada)

    async def connect(person: Person, session_id: str, **headers: str) -> int:
        body = {"claims": {"webpubsub.group": [f"s.{session_id}"]}}
        answer = await world.client.post(
            "/api/v1/chat/events", json=body, headers=event("sys.connect", person) | headers
        )
        return answer.status_code

    assert await connect(ada, session) == 200
    assert await connect(bob, session) == 403, "another person's session"
    assert await connect(ada, "01890a5d-ac96-774b-bcce-b302099a8057") == 403, "no such session"
    assert await connect(ada, session, **{"ce-signature": "sha256=" + "0" * 64}) == 403
    assert await connect(ada, session, **{"ce-hub": "other"}) == 403
    assert await connect(ada, session, **{"ce-type": "azure.webpubsub.sys.other"}) == 404
    await world.client.post("/api/v1/auth/logout", headers=ada.bearer)
    assert await connect(ada, session) == 403, "signed out"


async def let_in(world: World, person: Person, connection: str = "conn-1") -> None:
    body = {"claims": {"webpubsub.group": [f"s.{await session_of(world, person)}"]}}
    answer = await world.client.post("/api/v1/chat/events", json=body, headers=event("sys.connect", person, connection))
    assert answer.status_code == 200, answer.text


async def test_a_message_event_does_what_its_twin_does_and_only_once(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    await let_in(world, ada)
    headers = event("user.message", ada)
    body = {"conversationId": room, "text": "over the socket"}
    first = await world.client.post("/api/v1/chat/events", json=body, headers=headers)
    again = await world.client.post("/api/v1/chat/events", json=body, headers=headers)
    assert first.status_code == 200
    assert first.json() == again.json()
    assert first.json()["seq"] == 1
    assert (await say(world, bob, room, "and back")).json()["seq"] == 2


async def test_an_event_counts_only_for_whom_the_connection_was_let_in_as(
    world: World, ada: Person, bob: Person
) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    await let_in(world, ada)

    async def send(person: Person, connection: str = "conn-1", **headers: str) -> int:
        answer = await world.client.post(
            "/api/v1/chat/events",
            json={"conversationId": room, "text": "x"},
            headers=event("user.message", person, connection) | headers,
        )
        return answer.status_code

    assert await send(ada) == 200
    assert await send(bob) == 403, "another's connection"
    assert await send(ada, "conn-2") == 403, "never let in"
    assert await send(ada, **{"ce-source": "/hubs/mackchat/client/conn-2"}) == 400
    assert await send(ada, **{"ce-source": "/hubs/mackchat/client/conn-1"}) == 200
    vars(world.parts.chat).pop("bindings")  # another instance
    vars(world.parts.chat).pop("connections")
    assert await send(ada) == 200
    await world.client.post("/api/v1/auth/logout", headers=ada.bearer)
    assert await send(ada) == 403, "signed out"
    bobs = event("sys.connect", bob)
    claims = {"claims": {"webpubsub.group": [f"s.{await session_of(world, bob)}"]}}
    taken = await world.client.post("/api/v1/chat/events", json=claims, headers=bobs)
    assert taken.status_code == 403, "a connection never changes hands"


async def test_a_connection_that_is_gone_says_nothing_more(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    await let_in(world, ada)
    for _ in range(2):
        gone = await world.client.post("/api/v1/chat/events", json={}, headers=event("sys.disconnected", ada))
        assert gone.status_code == 204
    body = {"conversationId": room, "text": "x"}
    late = await world.client.post("/api/v1/chat/events", json=body, headers=event("user.message", ada))
    assert late.status_code == 403


async def test_a_known_connection_costs_no_document_call_to_type(world: World, ada: Person, bob: Person) -> None:
    room = (await open_direct(world, ada, bob)).json()["id"]
    await let_in(world, ada)
    await say(world, ada, room, "hello")
    counting = CountingDocuments(world.parts.documents)
    vars(world.parts)["documents"] = counting
    with counting.measure() as calls:
        body = {"conversationId": room, "state": "start"}
        answer = await world.client.post("/api/v1/chat/events", json=body, headers=event("user.typing", ada))
    assert answer.status_code == 204
    assert calls.total == 0


async def test_broken_events_are_refused_clearly(world: World, ada: Person) -> None:
    for headers, body in (
        ({}, b"{}"),
        (event("user.message", ada), b"not json"),
        (event("user.message", ada), b"{}"),
        (event("sys.connect", ada), b"[1]"),
        (event("sys.connect", ada), b'{"claims": {"webpubsub.group": "s.x"}}'),
        (event("sys.connect", None), b"{}"),
    ):
        answer = await world.client.post("/api/v1/chat/events", content=body, headers=headers)
        assert answer.status_code in {400, 403}, (headers, body, answer.text)
        assert answer.json()["error"]["code"] in {"validation_error", "forbidden"}
