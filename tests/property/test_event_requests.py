"""Whatever is posted to the event handler, signed or not: an answer that says what it is, and nothing is broken."""

import asyncio
import hashlib
import hmac
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.test_chat_signals import open_direct, say
from tests.world import Person, World, a_world

KEY = "k" * 44
URL = "/api/v1/chat/events"
REFUSED = {400, 401, 403, 404, 409, 413, 415}
EVENTS = ["sys.connect", "sys.connected", *["user.message"] * 4, "user.read", "user.typing", "user.other"]
ODD = ["azure.webpubsub.", "azure.webpubsub.sys.", "other", ""]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
IDS = st.sampled_from(["{room}", "{stranger}", "{ada}", "", "../x", "\u0000"])
LIKE_OURS = st.fixed_dictionaries(
    {},
    optional={
        "conversationId": IDS | JSON,
        "text": st.text(max_size=20) | JSON,
        "seq": st.integers(-(2**70), 2**70) | JSON,
        "state": st.sampled_from(["start", "stop"]) | JSON,
        "clientMessageId": st.text(max_size=200) | JSON,
        "replyTo": IDS | JSON,
        "claims": JSON,
        "more": JSON,
    },
)
BODIES = st.binary(max_size=60) | JSON.map(lambda each: json.dumps(each).encode()) | LIKE_OURS
HEADERS = st.fixed_dictionaries(
    {"ce-type": st.sampled_from([*(f"azure.webpubsub.{each}" for each in EVENTS), *ODD])},
    optional={
        "ce-id": st.sampled_from(["1", "", "x" * 2000]),
        "ce-hub": st.sampled_from(["mackchat", "MACKCHAT", "other", ""]),
        "ce-userid": IDS,
        "ce-source": st.sampled_from(["/hubs/mackchat/client/c1", "/hubs/mackchat/client/c2", ""]),
        "ce-signature": st.sampled_from(["", "sha256=", "sha256=" + "0" * 64, "é"]),
        "content-type": st.sampled_from(["application/json", "text/plain", "application/octet-stream", "x", ""]),
    },
)
Asked = tuple[dict[str, str], Any, bool]


def signature(connection: str) -> str:
    return "sha256=" + hmac.new(KEY.encode(), connection.encode(), hashlib.sha256).hexdigest()


async def connect(world: World, person: Person) -> None:
    await world.client.post("/api/v1/chat/negotiate", headers=person.bearer)
    session = next(call[2] for call in reversed(world.realtime.calls) if call[0] == "client_access")
    body = {"claims": {"webpubsub.group": [f"s.{session}"]}}
    reply = await world.client.post(URL, json=body, headers=headers_of("sys.connect", person.id))
    assert reply.status_code == 200, reply.text


def headers_of(kind: str, user_id: str) -> dict[str, str]:
    return {
        "ce-type": f"azure.webpubsub.{kind}",
        "ce-id": "0",
        "ce-hub": "mackchat",
        "ce-connectionid": "c1",
        "ce-userid": user_id,
        "ce-signature": signature("c1"),
        "content-type": "application/json",
    }


async def play(folder: Path, asked: list[Asked]) -> None:
    async with a_world(folder) as world:
        ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
        room = await open_direct(world, ada, bob)
        await connect(world, ada)
        names = {"room": room, "ada": ada.id, "stranger": bob.id}
        said = 0
        for changes, body, keep in asked:
            headers = headers_of("user.message", ada.id) | changes
            if keep:  # else what is wrong is the signature, or it is nobody's
                headers |= {"ce-signature": signature("c1")}
            headers = {name: fill(value, names) for name, value in headers.items()}
            content = body if isinstance(body, bytes) else fill(json.dumps(body), names).encode()
            encoded = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
            reply = await world.client.post(URL, content=content, headers=encoded)
            assert reply.status_code in {200, 204} | REFUSED, (headers, content, reply.text)
            if reply.status_code in REFUSED:
                assert reply.json()["error"]["code"], reply.text
            if not keep and changes.get("ce-signature") is not None:
                assert reply.status_code in REFUSED
            said += reply.status_code == 200 and b'"seq"' in reply.content and b'"senderId"' in reply.content
        valid = {"conversationId": room, "text": "as it should be"}
        sent = await world.client.post(URL, json=valid, headers=headers_of("user.message", ada.id) | {"ce-id": "last"})
        gone = any(keep and changes["ce-type"].endswith("sys.disconnected") for changes, _, keep in asked)
        assert sent.status_code == 200 or gone, sent.text
        said += sent.status_code == 200
        page = (await world.client.get(f"/api/v1/conversations/{room}/messages", headers=ada.bearer)).json()["items"]
        assert {message["senderId"] for message in page} <= {ada.id}, "nobody speaks for another"
        assert len(page) <= said
        assert (await say(world, bob, room, "still here"))["seq"] == len(page) + 1


def fill(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


@settings(max_examples=8)
@given(st.lists(st.tuples(HEADERS, BODIES, st.booleans()), min_size=20, max_size=40))
def test_whatever_is_posted_is_answered_and_breaks_nothing(asked: list[Asked]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), asked))
