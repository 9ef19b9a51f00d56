"""Whatever arrives at the service's port: who talks properly goes on talking, and nothing is left behind."""

import asyncio
import json
import os
import random
import struct
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.webpubsub.world import ALL_ROLES, JSON, RELIABLE, Client, Place, place

KEYS = ["type", "group", "ackId", "dataType", "data", "noEcho", "event", "sequenceId", "ttlSeconds", "metadata", "x"]
TYPES = ["joinGroup", "leaveGroup", "sendToGroup", "event", "ping", "sequenceAck", "SENDTOGROUP", "", "connected"]
ATTACKERS = 40
PIECES = 30


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


def a_value(dice: random.Random, depth: int = 0) -> Any:
    simple: list[Callable[[], Any]] = [
        lambda: None,
        lambda: dice.random() < 0.5,
        lambda: dice.choice([-1, 0, 1, 2**31, 2**63, 2**64, 10**40]),
        lambda: dice.choice([0.5, -0.0, 1e308]),
        lambda: dice.choice(["", "g", "text", "json", "binary", "\u0000", "\ud83d\ude00", "é" * 300, "g" * 1025]),
    ]
    if depth > 3 or dice.random() < 0.7:
        return dice.choice(simple)()
    if dice.random() < 0.5:
        return [a_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(KEYS): a_value(dice, depth + 1) for _ in range(dice.randrange(4))}


def a_text(dice: random.Random) -> str:
    """Like a frame of the subprotocol, and sometimes one; or cut short, or nested beyond sense."""
    frame = {key: a_value(dice) for key in dice.sample(KEYS, dice.randrange(len(KEYS)))}
    if dice.random() < 0.8:
        frame["type"] = dice.choice(TYPES)
    text = json.dumps(frame)
    what = dice.random()
    if what < 0.1:
        return text[: dice.randrange(len(text) + 1)]
    return "[" * 100_000 if what < 0.12 else text


def a_ws_frame(dice: random.Random) -> bytes:
    """RFC 6455 §5.2, with whatever may be wrong in it: reserved bits and opcodes, no mask, lengths that lie."""
    payload = dice.choice([a_text(dice).encode(), dice.randbytes(dice.randrange(200)), b"\xff\xfe"])[:60_000]
    first = dice.choice([0x81, 0x81, 0x82, 0x80, 0x01, 0x88, 0x89, 0x8A, dice.randrange(256)])
    length = dice.choice([len(payload)] * 6 + [0, 125, 2**16, 2**62])
    mask = 0x80 if dice.random() < 0.9 else 0
    if length < 126:
        head = struct.pack("!BB", first, mask | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask | 127, length)
    key = dice.randbytes(4) if mask else b""
    masked = bytes(byte ^ key[n % 4] for n, byte in enumerate(payload)) if key else payload
    return head + key + masked


async def rant(talk: Place, dice: random.Random) -> None:
    """One attacker with a TCP connection: a handshake, good or bad, then frames in pieces, then gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", talk.service.port)
    url = urlsplit(await talk.client_url("eve", roles=ALL_ROLES, groups=["g"]))
    good = (
        f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {dice.choice([JSON, RELIABLE])}\r\n\r\n"
    ).encode()
    bad = [dice.randbytes(300), good.replace(b"GET", b"POST"), good[:-2], good.replace(b"13", b"99"), b"\r\n" * 50]
    drain = asyncio.create_task(reader.read())
    try:
        writer.write(good if dice.random() < 0.8 else dice.choice(bad))
        for _ in range(dice.randrange(PIECES)):
            data = a_ws_frame(dice)
            at = dice.randrange(len(data) + 1)
            for piece in (data[:at], data[at:]):
                writer.write(piece)
                await asyncio.sleep(0)
        await writer.drain()
    except ConnectionError:
        pass  # the service had heard enough
    finally:
        writer.transport.abort()
        drain.cancel()
        await asyncio.gather(drain, return_exceptions=True)


async def chatter(talk: Place, dice: random.Random) -> None:
    """One with a proper WebSocket, who says improper things."""
    client = await talk.open("mallory", protocols=(dice.choice([JSON, RELIABLE]),), roles=ALL_ROLES)
    for _ in range(PIECES):
        if client.socket.closed:
            break
        try:
            if dice.random() < 0.1:
                await client.socket.send_bytes(dice.randbytes(50))
            else:
                await client.socket.send_str(a_text(dice))
        except ConnectionError:
            break
    await client.socket.close()


async def still_talks(one: Client, other: Client, number: int) -> None:
    """*other* gets what *one* says, past whatever improper senders say in the same group."""
    await one.send(type="sendToGroup", group="g", data={"proper": number})
    while True:
        got = await other.receive()
        if got["type"] == "message" and got["data"] == {"proper": number}:
            return


@pytest.mark.parametrize("seed", [os.environ.get("FUZZ_SEED", f"{n}") for n in range(3)])
async def test_nothing_that_is_sent_disturbs_who_talks_properly(
    talk: Place, seed: str, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same attacks for the same seed
    one, other = [await talk.open(name, roles=ALL_ROLES, groups=["g"]) for name in ("ada", "bob")]
    for number in range(ATTACKERS):
        attack = rant if dice.random() < 0.7 else chatter
        await asyncio.gather(attack(talk, dice), still_talks(one, other, number))
    async with asyncio.timeout(10):
        while talk.service.describe()["sockets"] > 2:  # noqa: ASYNC110 - sockets end when their goodbyes have
            await asyncio.sleep(0.01)
    await still_talks(one, other, ATTACKERS)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
