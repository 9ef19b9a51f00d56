"""Lists by cursor."""

from base64 import urlsafe_b64encode
from typing import Any

import httpx
import pytest

from domain.kernel.keys import Key, KeySet
from tests.http.lab import ADA, Lab

LIST = "/api/v1/lab/list"


async def get(lab: Lab, path: str = LIST, user: str = "ada", **query: Any) -> httpx.Response:
    return await lab.client.get(path, params=query, headers={"Authorization": f"Bearer {user}:s1"})


async def first_cursor(lab: Lab, **query: Any) -> str:
    return str((await get(lab, **query)).json()["pagination"]["nextCursor"])


async def test_a_list_is_read_page_by_page(lab: Lab) -> None:
    seen: list[int] = []
    cursor: dict[str, str] = {}
    pages = 0
    while True:
        body = (await get(lab, **cursor)).json()
        seen += body["items"]
        pages += 1
        if not body["pagination"]["hasMore"]:
            assert body["pagination"] == {"hasMore": False, "nextCursor": None}
            break
        cursor = {"cursor": body["pagination"]["nextCursor"]}
    assert seen == list(range(50))
    assert pages == 3


async def test_the_page_size_may_change_on_the_way(lab: Lab) -> None:
    reply = await get(lab, cursor=await first_cursor(lab, limit=5), limit=2)
    assert reply.json()["items"] == [5, 6]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", "1.5"])
async def test_a_limit_is_1_to_100(lab: Lab, limit: str) -> None:
    reply = await get(lab, limit=limit)
    assert (reply.status_code, reply.json()["error"]["details"][0]["path"]) == (400, "limit")


async def test_a_cursor_is_for_its_list_its_filters_and_its_caller(lab: Lab) -> None:
    cursor = await first_cursor(lab, tag="a")
    assert (await get(lab, cursor=cursor, tag="a")).status_code == 200
    refused = [
        await get(lab, cursor=cursor, tag="b"),
        await get(lab, cursor=cursor),
        await get(lab, path="/api/v1/lab/other-list", cursor=cursor, tag="a"),
        await get(lab, user="bob", cursor=cursor, tag="a"),
    ]
    for reply in refused:
        assert (reply.status_code, reply.json()["error"]["details"][0]["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "cursor", ["x", "====", "é", "a b", "20", urlsafe_b64encode(b"0" * 16 + b"20").decode(), "A" * 1024]
)
async def test_a_made_up_cursor_is_refused(lab: Lab, cursor: str) -> None:
    reply = await get(lab, cursor=cursor)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "validation_error")


async def test_a_cursor_outlives_a_turn_of_the_keys(lab: Lab) -> None:
    cursor = await first_cursor(lab)
    old = lab.keys.keys.current
    lab.keys.keys = KeySet(Key("k2", b"2" * 32), previous=old)
    assert (await get(lab, cursor=cursor)).status_code == 200
    lab.keys.keys = KeySet(Key("k3", b"3" * 32))
    assert (await get(lab, cursor=cursor)).status_code == 400


async def test_an_empty_cursor_is_none(lab: Lab) -> None:
    assert (await lab.client.get(f"{LIST}?cursor=", headers=ADA)).json()["items"][0] == 0
