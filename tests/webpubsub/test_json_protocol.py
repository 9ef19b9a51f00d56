"""`json.webpubsub.azure.v1`, on the wire."""

import base64
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from tests.webpubsub.world import ALL_ROLES, JSON, Client, Place, place


@pytest.fixture
async def talk() -> AsyncGenerator[Place]:
    async with place() as made:
        yield made


async def test_the_first_frame_says_who_one_is(talk: Place) -> None:
    client = await talk.open("alice")
    assert client.socket.protocol == JSON
    assert client.connected == {
        "type": "system",
        "event": "connected",
        "userId": "alice",
        "connectionId": client.connected["connectionId"],
    }
    nobody = await talk.open()
    assert nobody.connected["userId"] is None


async def test_a_member_gets_what_is_sent_to_its_group_also_its_own(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES)
    bob = await talk.open("bob", roles=ALL_ROLES)
    assert (await alice.ack(type="joinGroup", group="g", ackId=1))["success"] is True
    assert (await bob.ack(type="joinGroup", group="g", ackId=1))["success"] is True
    await alice.send(type="sendToGroup", group="g", ackId=2, dataType="json", data={"n": 1})
    expected = {
        "type": "message",
        "from": "group",
        "group": "g",
        "fromUserId": "alice",
        "dataType": "json",
        "data": {"n": 1},
    }
    assert await bob.receive() == expected
    assert await alice.receive() == expected  # the message is there before its ack
    assert await alice.receive() == {"type": "ack", "ackId": 2, "success": True}


async def test_no_echo_spares_the_sending_connection_and_no_other(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    phone = await talk.open("alice", groups=["g"])
    await alice.ack(type="sendToGroup", group="g", ackId=1, noEcho=True, dataType="text", data="hi")
    assert (await phone.receive())["data"] == "hi"
    await alice.settled()


async def test_sending_needs_no_membership_and_leaving_ends_delivery(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES)
    bob = await talk.open("bob", roles=ALL_ROLES, groups=["g"])
    await alice.ack(type="sendToGroup", group="g", ackId=1, data=1)
    assert (await bob.receive())["data"] == 1
    await bob.ack(type="leaveGroup", group="g", ackId=1)
    await alice.ack(type="sendToGroup", group="g", ackId=2, data=2)
    await bob.settled()


@pytest.mark.parametrize(
    ("data_type", "data"),
    [
        ("text", "text with ünïcode and \u0000"),
        ("json", {"deep": [1, 2.5, None, {"x": "y"}]}),
        ("json", "a string"),
        ("json", [1]),
        ("json", 0),
        ("json", False),
        ("binary", base64.b64encode(bytes(range(256))).decode()),
        ("protobuf", base64.b64encode(b"\x08\x01").decode()),
    ],
)
async def test_every_data_type_arrives_as_it_was_sent(talk: Place, data_type: str, data: Any) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    await alice.send(type="sendToGroup", group="g", dataType=data_type, data=data)
    message = await alice.receive()
    assert (message["dataType"], message["data"]) == (data_type, data)


async def test_json_keeps_its_digits(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    digits = '{"big": 123456789012345678901234567890, "exact": 0.10}'
    await alice.socket.send_str('{"type":"sendToGroup","group":"g","data":%s}' % digits)  # noqa: UP031 - braces
    assert digits in await alice.socket.receive_str()


async def test_data_type_is_json_where_it_is_not_given_and_type_has_no_case(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    await alice.send(type="SENDTOGROUP", group="g", data=[1])
    assert (await alice.receive())["dataType"] == "json"


async def test_metadata_travels_with_lower_case_keys(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    await alice.send(type="sendToGroup", group="g", data=1, metadata={"Trace": "x Y"})
    assert (await alice.receive())["metadata"] == {"trace": "x Y"}


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "joinGroup", "group": "g"},
        {"type": "leaveGroup", "group": "g"},
        {"type": "sendToGroup", "group": "g", "data": 1},
    ],
)
async def test_without_a_role_the_ack_is_forbidden_and_the_connection_stays(talk: Place, frame: dict[str, Any]) -> None:
    alice = await talk.open("alice")
    ack = await alice.ack(**frame, ackId=7)
    assert ack["success"] is False
    assert ack["error"]["name"] == "Forbidden"
    assert ack["error"]["message"]
    await alice.send(**frame)  # without ackId nothing is said
    await alice.settled()


@pytest.mark.parametrize(
    ("role", "group", "may"),
    [
        ("webpubsub.sendToGroup", "any", True),
        ("webpubsub.sendToGroup.a", "a", True),
        ("webpubsub.sendToGroup.a", "A", False),
        ("webpubsub.sendToGroup.a.b", "a.b", True),
        ("webpubsub.sendToGroup.a", "a.b", False),
        ("webpubsub.joinLeaveGroup", "a", False),
        ("webpubsub.sendToGroups.a.*", "a.b", True),
        ("webpubsub.sendToGroups.a.*", "a.b.c", False),
        ("webpubsub.sendToGroups.a.**", "a.b.c", True),
        ("webpubsub.sendToGroups.?", "x", True),
        ("webpubsub.sendToGroups.?", ".", False),
        (r"webpubsub.sendToGroups.\*", "*", True),
        (r"webpubsub.sendToGroups.\*", "x", False),
        ("webpubsub.sendToGroups.******", "x", False),
    ],
)
async def test_roles_say_which_groups(talk: Place, role: str, group: str, may: bool) -> None:
    client = await talk.open("alice", roles=[role])
    assert (await client.ack(type="sendToGroup", group=group, ackId=1, data=1))["success"] is may


async def test_a_repeated_ack_id_is_done_once_but_a_failed_one_may_be_tried_again(talk: Place) -> None:
    alice = await talk.open("alice", roles=["webpubsub.sendToGroup.g"], groups=["g", "h"])
    bob = await talk.open("bob", groups=["g", "h"])
    for _ in range(2):
        assert (await alice.ack(type="sendToGroup", group="h", ackId=1, data=0))["error"]["name"] == "Forbidden"
    await alice.ack(type="sendToGroup", group="g", ackId=2, data=1, noEcho=True)
    again = await alice.ack(type="sendToGroup", group="g", ackId=2, data=1, noEcho=True)
    assert again["error"]["name"] == "Duplicate"
    assert (await alice.ack(type="sendToGroup", group="g", ackId=1, data=2, noEcho=True))["success"] is True
    assert [(await bob.receive())["data"] for _ in range(2)] == [1, 2]
    await bob.settled()
    # Ids of different connections are unrelated.
    other = await talk.open("alice", roles=ALL_ROLES)
    assert (await other.ack(type="joinGroup", group="x", ackId=2))["success"] is True


async def test_the_last_thousand_ack_ids_are_remembered(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES)
    for number in range(1001):
        await alice.send(type="joinGroup", group="g", ackId=number)
    for _ in range(1001):
        await alice.receive()
    assert (await alice.ack(type="joinGroup", group="g", ackId=1))["error"]["name"] == "Duplicate"
    assert (await alice.ack(type="joinGroup", group="g", ackId=0))["success"] is True


async def test_an_event_without_a_handler_fails_and_the_connection_stays(talk: Place) -> None:
    alice = await talk.open("alice")
    ack = await alice.ack(type="event", event="hello", ackId=1, data=1)
    assert (ack["success"], ack["error"]["name"]) == (False, "InternalServerError")
    await alice.settled()


MALFORMED = [
    "no json",
    "[]",
    "null",
    '"text"',
    "{}",
    '{"type": 1}',
    '{"type": "unknown"}',
    '{"type": "joinGroup"}',
    '{"type": "joinGroup", "group": ""}',
    '{"type": "joinGroup", "group": "   "}',
    '{"type": "joinGroup", "group": 5}',
    '{"type": "joinGroup", "group": "g", "ackId": -1}',
    '{"type": "joinGroup", "group": "g", "ackId": "1"}',
    '{"type": "joinGroup", "group": "g", "ackId": 18446744073709551616}',
    '{"type": "joinGroup", "group": "' + "x" * 1025 + '"}',
    '{"type": "sendToGroup", "group": "g"}',
    '{"type": "sendToGroup", "group": "g", "data": null}',
    '{"type": "sendToGroup", "group": "g", "dataType": "text", "data": 5}',
    '{"type": "sendToGroup", "group": "g", "dataType": "binary", "data": "%"}',
    '{"type": "sendToGroup", "group": "g", "dataType": "other", "data": "x"}',
    '{"type": "sendToGroup", "group": "g", "data": 1, "ttlSeconds": 301}',
    '{"type": "sendToGroup", "group": "g", "data": 1, "noEcho": "yes"}',
    '{"type": "sendToGroup", "group": "g", "data": 1, "metadata": {"k": "ü"}}',
    '{"type": "sendToGroup", "group": "g", "data": 1, "metadata": {"k": "a\\u000ab"}}',
    '{"type": "event", "event": "1st", "data": 1}',
    '{"type": "event", "event": "", "data": 1}',
    '{"type": "event", "data": 1}',
    "[" * 100_000,
    '{"type": "sendToGroup", "group": "g", "data": ' + "[" * 100_000 + "]" * 100_000 + "}",
]


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_not_the_protocol_closes_with_1007(talk: Place, text: str) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES)
    await alice.socket.send_str(text)
    goodbye = await alice.receive()
    assert (goodbye["type"], goodbye["event"]) == ("system", "disconnected")
    assert goodbye["message"]
    assert await alice.close_code() == 1007


async def test_text_that_is_not_utf_8_closes_with_1007(talk: Place) -> None:
    alice = await talk.open("alice")
    await alice.socket._writer.send_frame(b'{"type":"\xff"}', aiohttp.WSMsgType.TEXT)
    assert await alice.close_code() == 1007


async def test_a_binary_frame_closes_with_1003(talk: Place) -> None:
    alice = await talk.open("alice")
    await alice.socket.send_bytes(b'{"type":"ping"}')
    assert await alice.close_code() == 1003


async def test_a_message_over_one_megabyte_closes_with_1009_and_one_of_it_passes(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES, groups=["g"])
    frame = '{"type":"sendToGroup","group":"g","dataType":"text","data":"%s"}'
    await alice.socket.send_str(frame % ("x" * (1024 * 1024 - len(frame) + 2)))
    assert len((await alice.receive())["data"]) > 1_000_000
    await alice.socket.send_str(frame % ("x" * (1024 * 1024 - len(frame) + 3)))
    assert await alice.close_code() == 1009


async def test_a_fragmented_message_is_one_message(talk: Place) -> None:
    alice = await talk.open("alice")
    writer = alice.socket._writer
    writer.transport.write(masked(0x01, b'{"type":') + masked(0x80, b'"ping"}'))
    assert await alice.receive() == {"type": "pong"}


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame, with the mask 0."""
    return bytes((first, 0x80 | len(payload), 0, 0, 0, 0)) + payload


async def test_a_websocket_ping_is_answered(talk: Place) -> None:
    alice = await talk.open("alice", autoping=False)
    await alice.socket.ping(b"x")
    pong = await alice.socket.receive(timeout=2)
    assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"x")


async def test_a_client_that_says_goodbye_is_gone_at_once(talk: Place) -> None:
    alice = await talk.open("alice", groups=["g"])
    await alice.socket.close()
    assert not await talk.server.connection_exists(alice.id)
    assert not await talk.server.user_exists("alice")
    assert not await talk.server.group_exists("g")


async def test_what_one_client_sends_arrives_in_order(talk: Place) -> None:
    alice = await talk.open("alice", roles=ALL_ROLES)
    readers: list[Client] = [await talk.open(f"r{n}", groups=["g"]) for n in range(20)]
    for number in range(200):
        await alice.send(type="sendToGroup", group="g", data=number)
    for reader in readers:
        assert [(await reader.receive())["data"] for _ in range(200)] == list(range(200))
