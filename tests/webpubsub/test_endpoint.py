"""The client endpoint: who gets in, how, and as what."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import jwt
import pytest

from devhost.webpubsub import Config
from devhost.webpubsub.tokens import BadToken, Tokens
from tests.webpubsub.world import HUB, JSON, KEY, RELIABLE, SECOND_KEY, Place, place


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


def token(key: str = KEY, **claims: Any) -> str:
    made = {"aud": f"http://backend:8080/client/hubs/{HUB}", "exp": 2**31, **claims}
    return jwt.encode({name: value for name, value in made.items() if value is not None}, key, algorithm="HS256")


def grouped(groups: object, **claims: Any) -> str:
    claims["webpubsub.group"] = groups
    return token(**claims)


async def status(talk: Place, path: str, **options: Any) -> int:
    """Of a handshake."""
    try:
        client = await talk.http.ws_connect(f"{talk.url}{path}", **options)
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status
    await client.close()
    return 101


async def test_a_token_of_either_key_for_this_hub_opens_whatever_host_it_names(talk: Place) -> None:
    for good in (
        token(),
        token(SECOND_KEY),
        token(aud=f"https://elsewhere.example/client/hubs/{HUB.upper()}"),
        token(aud=["x", f"http://h/client/hubs/{HUB}"]),
        token(nbf=1, iat=1),
    ):
        assert await status(talk, f"/client/hubs/{HUB}?access_token={good}") == 101


async def test_any_other_token_is_401(talk: Place) -> None:
    for bad in (
        "",
        "nonsense",
        token("some-other-key-of-the-right-length-012345678"),
        token(exp=1),
        token(exp=None),
        token(nbf=2**31),
        token(aud=None),
        token(aud=f"http://h/client/hubs/{HUB}2"),
        token(aud=f"http://h/api/hubs/{HUB}/:send"),
        jwt.encode({"aud": f"http://h/client/hubs/{HUB}", "exp": 2**31}, "", algorithm="none"),
        jwt.encode({"aud": f"http://h/client/hubs/{HUB}", "exp": 2**31}, KEY * 2, algorithm="HS512"),
    ):
        assert await status(talk, f"/client/hubs/{HUB}?access_token={bad}") == 401, bad
    assert await status(talk, f"/client/hubs/{HUB}") == 401


async def test_expiry_ends_no_connection_and_clocks_may_differ_by_five_minutes(talk: Place) -> None:
    import time

    soon = int(time.time())
    client = await talk.open_url(f"{talk.url}/client/hubs/{HUB}?access_token={token(exp=soon - 240)}")
    await client.settled()
    assert await status(talk, f"/client/hubs/{HUB}?access_token={token(exp=soon - 301)}") == 401


async def test_the_hub_may_be_in_the_query_and_the_token_in_a_header(talk: Place) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    for path in (f"/client/?hub={HUB}", f"/client?hub={HUB}", f"/client/hubs/{HUB}/", f"/CLIENT/Hubs/{HUB}"):
        assert await status(talk, path, headers=headers) == 101


@pytest.mark.parametrize("path", ["/client/hubs/1st", "/client/hubs/", "/client/", "/client/hubs/a/b", "/client/x/a"])
async def test_no_endpoint_there(talk: Place, path: str) -> None:
    assert await status(talk, f"{path}?access_token={token()}") == 400


async def test_without_a_token_only_where_that_is_allowed() -> None:
    async with place(Config(KEY, anonymous=True)) as open_to_all:
        nobody = await open_to_all.open_url(f"{open_to_all.url}/client/hubs/{HUB}")
        assert nobody.connected["userId"] is None
        assert await status(open_to_all, f"/client/hubs/{HUB}?access_token=nonsense") == 401


async def test_roles_and_groups_may_be_one_string(talk: Place) -> None:
    one = grouped("g", role="webpubsub.joinLeaveGroup")
    client = await talk.open_url(f"{talk.url}/client/hubs/{HUB}?access_token={one}")
    assert await talk.server.group_exists("g")
    assert (await client.ack(type="joinGroup", group="h", ackId=1))["success"] is True


async def test_a_token_with_a_group_that_cannot_be_is_400(talk: Place) -> None:
    for group in ("", " ", "x" * 1025):
        bad = grouped([group])
        assert await status(talk, f"/client/hubs/{HUB}?access_token={bad}") == 400


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ((JSON,), JSON),
        ((RELIABLE,), RELIABLE),
        ((RELIABLE, JSON), RELIABLE),
        (("mqtt", JSON), JSON),
        (("other",), None),
        ((), None),
        ((JSON.upper(),), JSON.upper()),
    ],
)
async def test_the_first_subprotocol_that_is_spoken_is_chosen(
    talk: Place, offered: tuple[str, ...], chosen: str | None
) -> None:
    socket = await talk.http.ws_connect(await talk.client_url("alice"), protocols=offered)
    assert socket.protocol == chosen
    await socket.close()


async def test_ids_of_connections_are_new_and_safe_in_a_url(talk: Place) -> None:
    ids = {(await talk.open("alice")).id for _ in range(20)}
    assert len(ids) == 20
    assert all(id_.replace("-", "").replace("_", "").isalnum() for id_ in ids)


async def test_no_origin_is_refused(talk: Place) -> None:
    assert await status(talk, f"/client/hubs/{HUB}?access_token={token()}", origin="https://anywhere.example") == 101


async def test_a_url_line_has_at_most_8_kilobytes(talk: Place) -> None:
    many = grouped([f"conversation-{n:030}" for n in range(200)])
    with pytest.raises(aiohttp.ClientError):
        await talk.http.ws_connect(f"{talk.url}/client/hubs/{HUB}?access_token={many}")


@pytest.mark.parametrize(
    "first",
    [
        b"GET /client/hubs/h HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /client/hubs/h HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
        b"GET /client\x00 nonsense\r\n\r\n",
        b"get /clie",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"POST /client HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        b"GET /client/hubs/h HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
)
async def test_what_is_no_handshake_is_ended_and_harms_nobody(talk: Place, first: bytes) -> None:
    alice = await talk.open("alice")
    reader, writer = await asyncio.open_connection("127.0.0.1", talk.service.port)
    writer.write(first)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4", b""), answer
    writer.close()
    await writer.wait_closed()
    await alice.settled()


async def test_the_first_bytes_may_come_one_by_one(talk: Place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", talk.service.port)
    for byte in f"GET /client/hubs/{HUB} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n".encode():
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0)
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 401")
    writer.close()
    await writer.wait_closed()


async def test_frames_before_the_handshakes_answer_end_the_connection(talk: Place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", talk.service.port)
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    head = f"GET /client/hubs/{HUB}?access_token={token()} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
    writer.write(f"{head}Connection: Upgrade\r\n{key}\r\n".encode() + b"\x81\x80\x00\x00\x00\x00")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()


def test_tokens_made_here_are_good_for_pyjwt() -> None:
    made = Tokens([KEY.encode()]).mint_client("http://h/client/hubs/x", {"sub": "ü"}, seconds=60)
    claims = jwt.decode(made, KEY, algorithms=["HS256"], audience="http://h/client/hubs/x")
    assert claims["sub"] == "ü"
    assert jwt.get_unverified_header(made) == {"alg": "HS256", "typ": "JWT"}


def test_a_reconnection_token_is_for_its_connection_alone() -> None:
    tokens = Tokens([KEY.encode()])
    made = tokens.mint_reconnection("one")
    assert tokens.may_reconnect(made, "one")
    assert not tokens.may_reconnect(made, "two")
    assert not tokens.may_reconnect(token(aud="one"), "one")
    with pytest.raises(BadToken):
        tokens.client(made, "one")
