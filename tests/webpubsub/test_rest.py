"""The REST data plane: every row, through Microsoft's server SDK where it has a method, with exact status codes."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.rest import HttpRequest
from azure.messaging.webpubsubservice import WebPubSubServiceClient as SyncClient
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient
from yarl import URL

from devhost.webpubsub import Config
from tests.webpubsub.world import HUB, KEY, SECOND_KEY, Place, place

AWKWARD = ["plain", "a/b c", "ümläut", "100%", "q?a=b&c#d", "'quoted'", "a+b", "x\\y"]


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


async def call(talk: Place, method: str, path: str, **options: Any) -> tuple[int, bytes]:
    """A request to the hub, signed as the SDK signs, with nothing else of it."""
    url = f"{talk.url}/api/hubs/{HUB}{path}"
    token = options.pop("token", None) or jwt.encode({"aud": url, "exp": 2**31}, KEY, algorithm="HS256")

    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    async with talk.http.request(method, URL(url, encoded=True), headers=headers, **options) as response:
        return response.status, await response.read()


# -- sending ------------------------------------------------------------------------------------------------------


async def test_a_message_reaches_all_a_group_a_user_a_connection(talk: Place) -> None:
    alice = await talk.open("alice", groups=["g"])
    bob = await talk.open("bob")
    await talk.server.send_to_all({"to": "all"})
    await talk.server.send_to_group("g", {"to": "group"})
    await talk.server.send_to_user("bob", {"to": "user"})
    await talk.server.send_to_connection(alice.id, {"to": "connection"})
    server = {"type": "message", "from": "server", "dataType": "json"}
    group = {"type": "message", "from": "group", "group": "g", "fromUserId": None, "dataType": "json"}
    assert await alice.receive() == {**server, "data": {"to": "all"}}
    assert await alice.receive() == {**group, "data": {"to": "group"}}
    assert await alice.receive() == {**server, "data": {"to": "connection"}}
    assert await bob.receive() == {**server, "data": {"to": "all"}}
    assert await bob.receive() == {**server, "data": {"to": "user"}}


async def test_every_content_type_becomes_its_data_type(talk: Place) -> None:
    alice = await talk.open("alice")
    raw = await talk.open("raw", protocols=())
    await talk.server.send_to_all("tëxt".encode(), content_type="text/plain")
    await talk.server.send_to_all(b"\x00\xff", content_type="application/octet-stream")
    await talk.server.send_to_all("a JSON string", content_type="application/json")
    assert [(m["dataType"], m["data"]) for m in [await alice.receive() for _ in range(3)]] == [
        ("text", "tëxt"),
        ("binary", "AP8="),
        ("json", "a JSON string"),
    ]
    assert await raw.socket.receive_str() == "tëxt"
    assert await raw.socket.receive_bytes() == b"\x00\xff"
    assert await raw.socket.receive_str() == '"a JSON string"'


@pytest.mark.parametrize("path", ["/:send", "/groups/none/:send", "/users/none/:send", "/connections/none/:send"])
async def test_sending_to_nobody_is_accepted(talk: Place, path: str) -> None:
    status, body = await call(talk, "POST", path + "?api-version=2024-12-01", json={})
    assert (status, body) == (202, b"")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"", 400),
        ("application/json", b"\xff", 400),
        ("application/json", b"1 2", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json; charset=utf-16", "[1]".encode("utf-16"), 202),
        ("text/plain", b"\xff", 400),
        ("text/plain; charset=latin-1", b"\xff", 202),
        ("text/plain; charset=nonsense", b"x", 400),
        ("text/plain", b"", 202),
        ("application/octet-stream", b"\xff", 202),
        (None, b"\xff", 202),
        ("image/png", b"x", 415),
        ("application/x-protobuf", b"x", 415),
    ],
)
async def test_the_body_must_be_what_its_type_says(
    talk: Place, content_type: str | None, body: bytes, status: int
) -> None:
    options: dict[str, Any] = {"headers": {"Content-Type": content_type}} if content_type else {}
    if not content_type:
        options["skip_auto_headers"] = ["Content-Type"]
    assert (await call(talk, "POST", "/:send", data=body, **options))[0] == status


async def test_a_message_has_at_most_one_megabyte(talk: Place) -> None:
    alice = await talk.open("alice", max_msg_size=0)
    for size, status in ((1024 * 1024, 202), (1024 * 1024 + 1, 413)):
        assert (await call(talk, "POST", "/:send", data=io.BytesIO(b"x" * size)))[0] == status
    assert len((await alice.receive())["data"]) > 1024 * 1024


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(talk: Place) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(32):
            yield b"x" * 65536

    assert (await call(talk, "POST", "/:send", data=endless()))[0] == 413


async def test_excluded_connections_are_spared(talk: Place) -> None:
    clients = [await talk.open("u", groups=["g"]) for _ in range(3)]
    await talk.server.send_to_group("g", 1, excluded=[clients[0].id, clients[1].id])
    await talk.server.send_to_all(2, excluded=[clients[2].id])
    assert [(await client.receive())["data"] for client in clients] == [2, 2, 1]


async def test_metadata_headers_become_metadata(talk: Place) -> None:
    alice = await talk.open("alice")
    await talk.server.send_to_all(1, headers={"X-WebPubSub-Metadata-Trace-Id": "Abc 1"})
    assert (await alice.receive())["metadata"] == {"trace-id": "Abc 1"}
    too_long = {"headers": {"X-WebPubSub-Metadata-k": "v" * 1025}}
    assert (await call(talk, "POST", "/:send", json=1, **too_long))[0] == 400


@pytest.mark.parametrize(
    ("ttl", "status"), [("0", 202), ("300", 202), ("301", 400), ("-1", 400), ("x", 400), ("1e2", 400)]
)
async def test_the_time_to_live_is_0_to_300_seconds(talk: Place, ttl: str, status: int) -> None:
    assert (await call(talk, "POST", f"/:send?messageTtlSeconds={ttl}", json=1))[0] == status


async def test_a_group_ends_with_its_last_member(talk: Place) -> None:
    assert not await talk.server.group_exists("g")
    alice = await talk.open("alice", groups=["g"])
    assert await talk.server.group_exists("g")
    await talk.server.remove_connection_from_group("g", alice.id)
    assert not await talk.server.group_exists("g")


# -- connections, users, groups -----------------------------------------------------------------------------------


async def test_existence(talk: Place) -> None:
    alice = await talk.open("alice", groups=["g"])
    assert await talk.server.connection_exists(alice.id)
    assert await talk.server.user_exists("alice")
    assert await talk.server.group_exists("g")
    for path in (f"/connections/{alice.id}x", "/users/bob", "/groups/h"):
        assert await call(talk, "HEAD", path) == (404, b"")


async def test_a_connection_is_put_into_groups_and_taken_out(talk: Place) -> None:
    alice = await talk.open("alice")
    await talk.server.add_connection_to_group("g", alice.id)
    await talk.server.add_connection_to_group("h", alice.id)
    await talk.server.send_to_group("g", 1)
    assert (await alice.receive())["group"] == "g"
    await talk.server.remove_connection_from_group("g", alice.id)
    await talk.server.send_to_group("g", 2)
    await talk.server.send_to_group("h", 3)
    assert (await alice.receive())["data"] == 3
    await talk.server.remove_connection_from_all_groups(alice.id)
    await talk.server.send_to_group("h", 4)
    await alice.settled()
    assert (await call(talk, "PUT", "/groups/g/connections/none"))[0] == 404
    assert (await call(talk, "DELETE", "/groups/g/connections/none"))[0] == 204
    assert (await call(talk, "DELETE", "/connections/none/groups"))[0] == 204
    assert (await call(talk, "PUT", f"/groups/%20/connections/{alice.id}"))[0] == 400


async def test_a_user_is_put_into_groups_with_all_its_connections_and_taken_out(talk: Place) -> None:
    devices = [await talk.open("alice") for _ in range(2)]
    await talk.server.add_user_to_group("g", "alice")
    later = await talk.open("alice")
    await talk.server.send_to_group("g", 1)
    for device in devices:
        assert (await device.receive())["data"] == 1
    await later.settled()
    await talk.server.remove_user_from_group("g", "alice")
    assert not await talk.server.group_exists("g")
    await talk.server.add_user_to_group("g", "alice")
    await talk.server.add_user_to_group("h", "alice")
    await talk.server.remove_user_from_all_groups("alice")
    assert not await talk.server.group_exists("g")
    assert not await talk.server.group_exists("h")
    assert (await call(talk, "PUT", "/users/none/groups/g"))[0] == 404
    assert (await call(talk, "DELETE", "/users/none/groups/g"))[0] == 204
    assert (await call(talk, "DELETE", "/users/none/groups"))[0] == 204


@pytest.mark.parametrize("name", AWKWARD)
async def test_users_and_groups_may_have_any_name(talk: Place, name: str) -> None:
    alice = await talk.open(name, groups=[name])
    await talk.server.send_to_user(name, 1)
    await talk.server.send_to_group(name, 2)
    assert (await alice.receive())["data"] == 1
    assert (await alice.receive())["group"] == name
    assert await talk.server.user_exists(name)
    assert await talk.server.group_exists(name)
    await talk.server.add_user_to_group("other", name)
    await talk.server.remove_user_from_group("other", name)
    await talk.server.close_user_connections(name)
    assert (await alice.receive())["event"] == "disconnected"


async def test_every_connection_a_filter_takes_joins_and_leaves_groups(talk: Place) -> None:
    for user in ("alice", "bob"):
        await talk.open(user)
    body = {"groups": ["g", "h"], "filter": "userId eq 'alice'"}
    assert (await call(talk, "POST", "/:addToGroups", json=body)) == (200, b"")
    members = [m async for m in talk.server.list_connections(group="h")]
    assert [m.user_id for m in members] == ["alice"]
    assert (await call(talk, "POST", "/:removeFromGroups", json={"groups": ["g", "h"]})) == (200, b"")
    assert not await talk.server.group_exists("g")
    bad: object
    for bad in ({"groups": []}, {"groups": [" "]}, {}, [], {"groups": ["g"], "filter": "nonsense"}):
        assert (await call(talk, "POST", "/:addToGroups", json=bad))[0] == 400
    assert (await call(talk, "POST", "/:addToGroups", data=b"x"))[0] == 415


# -- closing ------------------------------------------------------------------------------------------------------


async def test_closing_says_why_and_spares_who_is_excluded(talk: Place) -> None:
    alice, bob, eve = [await talk.open(user, groups=["g"]) for user in ("alice", "bob", "eve")]
    await talk.server.close_connection(alice.id, reason="no more")
    assert await alice.receive() == {"type": "system", "event": "disconnected", "message": "no more"}
    assert await alice.close_code() == 1000
    await talk.server.close_group_connections("g", excluded=[eve.id], reason="ü" * 200)
    assert (await bob.receive())["message"] == "ü" * 200
    assert await bob.close_code() == 1000
    assert await talk.server.connection_exists(eve.id)
    await talk.server.close_user_connections("eve")
    assert (await eve.receive())["event"] == "disconnected"
    last = await talk.open()
    await talk.server.close_all_connections()
    assert await last.close_code() == 1000
    assert not await talk.server.connection_exists(last.id)
    assert (await call(talk, "DELETE", "/connections/none"))[0] == 204
    for path in ("/:closeConnections", "/groups/none/:closeConnections", "/users/none/:closeConnections"):
        assert (await call(talk, "POST", path))[0] == 204


# -- listing ------------------------------------------------------------------------------------------------------


async def test_members_are_listed_page_by_page(talk: Place) -> None:
    opened = [await talk.open(f"u{n}" if n % 2 else None, groups=["g"]) for n in range(7)]
    everyone = [(m.connection_id, m.user_id) async for m in talk.server.list_connections(group="g")]
    assert everyone == [(c.id, f"u{n}" if n % 2 else None) for n, c in enumerate(opened)]
    pages = talk.server.list_connections(group="g", maxpagesize=2, top=5).by_page()
    sizes = [len([m async for m in page]) async for page in pages]
    assert sizes == [2, 2, 1]
    status, body = await call(talk, "GET", "/groups/none/connections")
    assert (status, body) == (200, b'{"value":[]}')
    for query in (
        "maxpagesize=201",
        "maxpagesize=0",
        "top=0",
        "top=x",
        "continuationToken=%25",
        "continuationToken=eHg=",
    ):
        assert (await call(talk, "GET", f"/groups/g/connections?{query}"))[0] == 400


# -- permissions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permission", ["sendToGroup", "joinLeaveGroup"])
async def test_permissions_are_granted_and_revoked_on_a_live_connection(talk: Place, permission: str) -> None:
    alice = await talk.open("alice")
    frame: dict[str, Any] = {"type": "sendToGroup", "data": 1, "noEcho": True}
    if permission == "joinLeaveGroup":
        frame = {"type": "joinGroup"}
    server = talk.server
    assert not await server.has_permission(permission, alice.id, target_name="g")
    await server.grant_permission(permission, alice.id, target_name="g")
    assert await server.has_permission(permission, alice.id, target_name="g")
    assert not await server.has_permission(permission, alice.id)
    assert (await alice.ack(**frame, group="g", ackId=1))["success"]
    assert not (await alice.ack(**frame, group="h", ackId=2))["success"]
    await server.revoke_permission(permission, alice.id, target_name="g")
    assert not (await alice.ack(**frame, group="g", ackId=3))["success"]
    await server.grant_permission(permission, alice.id)
    assert await server.has_permission(permission, alice.id)
    assert (await alice.ack(**frame, group="g", ackId=4))["success"]
    await server.revoke_permission(permission, alice.id)
    assert not (await alice.ack(**frame, group="g", ackId=5))["success"]
    assert (await call(talk, "PUT", f"/permissions/{permission}/connections/none"))[0] == 404
    assert (await call(talk, "DELETE", f"/permissions/{permission}/connections/none"))[0] == 204
    assert (await call(talk, "PUT", f"/permissions/other/connections/{alice.id}"))[0] == 400


# -- filters ------------------------------------------------------------------------------------------------------


async def test_a_filter_chooses_the_receivers(talk: Place) -> None:
    alice = await talk.open("alice", groups=["g", "vip"])
    bob = await talk.open("bob", groups=["g"])
    await talk.server.send_to_group("g", 1, filter="'vip' in groups and not startswith(userId, 'b')")
    await talk.server.send_to_all(2, filter="userId eq 'bob' or connectionId eq ''")
    assert (await alice.receive())["data"] == 1
    assert (await bob.receive())["data"] == 2


async def test_a_bad_filter_is_400_and_sends_nothing(talk: Place) -> None:
    alice = await talk.open("alice")
    with pytest.raises(HttpResponseError) as refused:
        await talk.server.send_to_all(1, filter="userId eq")
    assert refused.value.status_code == 400
    response: Any = refused.value.response
    assert response.headers["x-ms-error-code"] == "BadRequest"
    error = response.json()
    assert (error["code"], error["target"]) == ("BadRequest", "filter")
    assert "(Parameter 'filter')" in error["message"]
    await alice.settled()


# -- tokens and the rest ------------------------------------------------------------------------------------------


async def test_client_tokens_are_made_by_the_service_too(talk: Place) -> None:
    query = "?userId=al%2Fice&role=webpubsub.sendToGroup&group=g&group=h&minutesToExpire=5"
    status, body = await call(talk, "POST", f"/:generateToken{query}")
    assert status == 200
    claims = jwt.decode(body[10:-2], KEY, algorithms=["HS256"], options={"verify_aud": False})
    assert claims["exp"] - claims["nbf"] == 300

    token = json.loads(body)["token"]
    client = await talk.open_url(f"{talk.url}/client/hubs/{HUB}?access_token={token}")
    assert client.connected["userId"] == "al/ice"
    await talk.server.send_to_group("h", 1)
    assert (await client.receive())["group"] == "h"
    for bad in ("minutesToExpire=0", "clientType=MQTT", "minutesToExpire=x"):
        assert (await call(talk, "POST", f"/:generateToken?{bad}"))[0] == 400


def signed(talk: Place, key: str = KEY, **claims: Any) -> str:
    return jwt.encode({"aud": f"{talk.url}/api/hubs/{HUB}/:send", "exp": 2**31, **claims}, key, algorithm="HS256")


async def test_who_has_no_key_gets_401_and_nothing_else(talk: Place) -> None:
    wrong = [
        "",
        "nonsense",
        "a.b.c",
        signed(talk, "another-key-of-the-right-length-0123456789"),
        signed(talk, exp=1),
        signed(talk, exp="soon"),
        signed(talk, exp=None),
        signed(talk, nbf=2**31),
        signed(talk, aud=f"{talk.url}/api/hubs/{HUB}/other"),
        signed(talk, aud=None),
        jwt.encode({"aud": f"{talk.url}/api/hubs/{HUB}/:send", "exp": 2**31}, "", algorithm="none"),
        jwt.encode({"aud": f"{talk.url}/api/hubs/{HUB}/:send", "exp": 2**31}, KEY * 2, algorithm="HS512"),
    ]
    for token in wrong:
        headers = {"Authorization": f"Bearer {token}"}
        async with talk.http.post(f"{talk.url}/api/hubs/{HUB}/:send", json=1, headers=headers) as response:
            assert (response.status, await response.read()) == (401, b""), token
    async with talk.http.post(f"{talk.url}/api/hubs/{HUB}/:send", json=1) as response:
        assert response.status == 401


async def test_either_key_is_good_and_the_host_and_query_of_aud_do_not_matter(talk: Place) -> None:
    good = [
        signed(talk, SECOND_KEY),
        signed(talk, aud=f"https://elsewhere:1/API/hubs/{HUB.upper()}/%3Asend?api-version=1"),
        signed(talk, aud=["x", f"http://h/api/hubs/{HUB}/:send"]),
    ]
    for token in good:
        assert (await call(talk, "POST", "/:send?api-version=1", json=1, token=token))[0] == 202


async def test_the_sdk_tells_a_wrong_key(talk: Place) -> None:
    wrong = f"Endpoint={talk.url};AccessKey={'x' * 32};Version=1.0;"

    async with WebPubSubServiceClient.from_connection_string(wrong, HUB) as server:
        with pytest.raises(ClientAuthenticationError):
            await server.send_to_all({})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/api/health", 200),
        ("GET", "/api/health", 200),
        ("GET", "/API/health?x=1", 200),
        ("POST", "/api/hubs/1st/:send", 400),
        ("POST", f"/api/hubs/{'x' * 129}/:send", 400),
        ("POST", "/api/hubs/%FF/:send", 400),
        ("POST", "/api/hubs/h/:send", 401),
        ("GET", "/", 404),
        ("GET", "/api/hubs", 404),
        ("GET", f"/client/hubs/{HUB}", 400),
        ("GET", "/client/other", 400),
    ],
)
async def test_what_needs_no_key(talk: Place, method: str, path: str, status: int) -> None:

    async with talk.http.request(method, URL(talk.url + path, encoded=True)) as response:
        assert response.status == status


async def test_unknown_resources_and_methods(talk: Place) -> None:
    assert (await call(talk, "POST", "/:nothing"))[0] == 404
    assert (await call(talk, "GET", "/:send"))[0] == 405


async def test_hubs_are_apart_and_have_no_case(talk: Place) -> None:
    alice = await talk.open("alice")
    other = SyncClient.from_connection_string(talk.service.connection_string("127.0.0.1"), "other")

    with other:
        await asyncio.to_thread(other.send_to_all, {"x": 1})
        request = HttpRequest("POST", f"/api/hubs/{HUB.lower()}/:send", json={"y": 1})
        assert (await asyncio.to_thread(other.send_request, request)).status_code == 202
    assert (await alice.receive())["data"] == {"y": 1}


async def test_a_user_name_in_the_path_is_decoded_once(talk: Place) -> None:
    client = await talk.open("a%2Fb")
    assert (await call(talk, "POST", f"/users/{quote('a%2Fb', safe='')}/:send", json=1))[0] == 202
    assert (await client.receive())["data"] == 1


def test_keys_are_checked() -> None:
    for bad in ("", "a;b"):
        with pytest.raises(ValueError, match="access key"):
            Config(bad)
    assert "secret" not in repr(Config("secret", "secret"))
