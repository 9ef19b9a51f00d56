"""Bodies and query strings: read strictly, with every bad field named."""

import json
from typing import Any

import httpx
import pytest

from tests.http.lab import Lab

JSON = {"Content-Type": "application/json"}


async def send(lab: Lab, raw: bytes, **headers: str) -> httpx.Response:
    return await lab.client.post("/api/v1/lab/forms", content=raw, headers={**JSON, **headers})


def faults(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["code"] == "validation_error"
    return {fault["path"]: fault["code"] for fault in reply.json()["error"]["details"]}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "invalid_json"),
        (b"nonsense", "invalid_json"),
        (b'{"text": "a"} more', "invalid_json"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"ratio": NaN}', "invalid_number"),
        (b'{"ratio": -Infinity}', "invalid_number"),
        (b'{"ratio": 1e999}', "invalid_number"),
        (b'{"count": 9007199254740993}', "invalid_number"),
        (b'{"count": ' + b"9" * 5000 + b"}", "invalid_number"),
        (b'{"text": "a", "text": "b"}', "duplicate_key"),
        (b'{"author": {"name": "a", "name": "b"}}', "duplicate_key"),
        (b'{"text": "a", "te\\u0078t": "b"}', "duplicate_key"),
        (b"[" * 30_000 + b"]" * 30_000, "too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
    ],
)
async def test_what_is_not_clean_json_is_refused_as_a_whole(lab: Lab, raw: bytes, code: str) -> None:
    assert faults(await send(lab, raw)) == {"": code}


async def test_every_bad_field_is_named(lab: Lab) -> None:
    body = {
        "text": "x" * 21,
        "urgency": "soon",
        "count": 6,
        "ratio": "half",
        "tags": ["ok", "too long", 3],
        "author": {"name": "A", "nickname": "a"},
        "readers": [{"name": "Bob"}, {"phone": 7}, "Eve"],
        "labels": {"a": "b"},
        "admin": True,
    }
    assert faults(await send(lab, json.dumps(body).encode())) == {
        "text": "too_long",
        "urgency": "choice",
        "count": "too_large",
        "ratio": "type",
        "tags[1]": "too_long",
        "tags[2]": "type",
        "author.name": "too_short",
        "author.nickname": "unknown_field",
        "readers[1].name": "required",
        "readers[1].phone": "type",
        "readers[2]": "type",
        "labels.a": "type",
        "admin": "unknown_field",
    }


@pytest.mark.parametrize("raw", [b"", b"{}"])
async def test_what_is_missing_is_named(lab: Lab, raw: bytes) -> None:
    assert faults(await send(lab, raw)) == {"text": "required"}


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"text"', b"7"])
async def test_a_body_must_be_an_object(lab: Lab, raw: bytes) -> None:
    assert faults(await send(lab, raw)) == {"": "type"}


async def test_texts_are_normalised_and_trimmed_before_they_are_measured(lab: Lab) -> None:
    body = {"text": "  " + "e\u0301" * 20 + " \n", "tags": [" a "], "labels": {" k ": 1}, "author": {"name": " Bo\t"}}
    assert (await send(lab, json.dumps(body).encode())).status_code == 200
    seen = lab.desk.bodies[-1]
    assert seen.text == "\u00e9" * 20
    assert seen.tags == ["a"]
    assert seen.labels == {"k": 1}
    assert seen.author is not None
    assert seen.author.name == "Bo"
    assert faults(await send(lab, b'{"text": "   "}')) == {"text": "too_short"}


async def test_a_password_keeps_its_spaces_but_is_normalised(lab: Lab) -> None:
    await send(lab, json.dumps({"text": "a", "password": " e\u0301 "}).encode())
    assert lab.desk.bodies[-1].password == " \u00e9 "[:3]
    assert faults(await send(lab, json.dumps({"text": "a", "password": "a\u0000b"}).encode())) == {
        "password": "control_character"
    }


@pytest.mark.parametrize("character", ["\u0000", "\u001b", "\u007f", "\u0085", "\ud800"])
async def test_control_characters_and_half_characters_are_refused(lab: Lab, character: str) -> None:
    body = {"text": f"a{character}", "author": {"name": f"{character}bc"}, "tags": [f"{character}"]}
    assert faults(await send(lab, json.dumps(body).encode())) == {
        "text": "control_character",
        "author.name": "control_character",
        "tags[0]": "control_character",
    }


async def test_newlines_and_tabs_may_stay(lab: Lab) -> None:
    await send(lab, b'{"text": "a\\r\\nb\\tc"}')
    assert lab.desk.bodies[-1].text == "a\nb\tc"


async def test_a_key_nobody_can_print_is_shown_escaped(lab: Lab) -> None:
    reply = await send(lab, b'{"text": "a", "\\ud800\\u0000": 1}')
    assert list(faults(reply)) == [r"\ud800\x00"]


@pytest.mark.parametrize(
    "media_type", ["text/plain", "", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
async def test_only_json_in_utf8_is_taken(lab: Lab, media_type: str) -> None:
    reply = await lab.client.post("/api/v1/lab/forms", content=b'{"text": "a"}', headers={"Content-Type": media_type})
    assert reply.status_code == 415
    assert reply.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize("media_type", ["application/json", 'Application/JSON ; Charset="UTF-8"'])
async def test_json_may_say_that_it_is_utf8(lab: Lab, media_type: str) -> None:
    assert (await send(lab, b'{"text": "a"}', **{"Content-Type": media_type})).status_code == 200


async def test_a_large_body_is_refused_unread(lab: Lab) -> None:
    reply = await send(lab, b'{"text": "' + b"a" * 65_536 + b'"}')
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "payload_too_large"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ([], False, 3)),
        ("ids=a,b&ids=c&exact=true&maxCount=9", (["a", "b", "c"], True, 9)),
        ("IDS=%20a%20,,b&maxcount=1&other=1", (["a", "b"], False, 1)),
    ],
)
async def test_a_query_string_is_read_into_types(lab: Lab, query: str, expected: tuple[Any, ...]) -> None:
    assert (await lab.client.get(f"/api/v1/lab/find?{query}")).status_code == 204
    seen = lab.desk.queries[-1]
    assert (seen.ids, seen.exact, seen.max_count) == expected


async def test_every_bad_parameter_is_named(lab: Lab) -> None:
    reply = await lab.client.get("/api/v1/lab/find?exact=perhaps&maxCount=10&ids=a%00")
    assert faults(reply) == {"exact": "type", "maxCount": "too_large", "ids": "control_character"}
