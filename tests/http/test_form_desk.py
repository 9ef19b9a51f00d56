"""The administrators' side of the forms, over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from domain.kernel.accounts import Role
from tests.http.test_forms import CONTACT, FORMS, REFERRAL
from tests.world import PASSWORD, Person, World

UNKNOWN_ID = "018d2b1e-7a3c-7c4e-8f5a-0123456789ab"


async def an_admin(world: World, name: str = "grace") -> Person:
    """Appointed as an operator does it, and signed in."""
    email = f"{name}@tools.example"
    user_id = await world.parts.auth.appointing.create_user(email, name, Role.ADMIN, PASSWORD)
    return await sign_in_again(world, Person(user_id, email, PASSWORD, name, ""))


@pytest.fixture
async def admin(world: World) -> Person:
    return await an_admin(world)


async def send(world: World, form: str, **fields: Any) -> dict[str, Any]:
    """A form that came in a second after the last one."""
    world.clock.advance(seconds=1)
    async with world.browser() as browser:
        reply = await browser.post(f"/api/v1/forms/{form}", json={**FORMS[form], **fields})
    assert reply.status_code == 201, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


async def listed(world: World, admin: Person, **params: str) -> httpx.Response:
    return await world.client.get("/api/v1/forms", params=params, headers=admin.bearer)


async def ids(world: World, admin: Person, **params: str) -> list[str]:
    reply = await listed(world, admin, **params)
    assert reply.status_code == 200, reply.text
    return [item["id"] for item in reply.json()["items"]]


async def patch(world: World, admin: Person, form_id: str, body: Any, **headers: str) -> httpx.Response:
    return await world.client.patch(f"/api/v1/forms/{form_id}", json=body, headers={**admin.bearer, **headers})


async def test_only_administrators_get_in(world: World) -> None:
    form_id = (await send(world, "contact"))["id"]
    user = await world.sign_up("eve")
    for method, path in (("GET", ""), ("GET", f"/{form_id}"), ("PATCH", f"/{form_id}")):
        url = f"/api/v1/forms{path}"
        async with world.browser() as stranger:
            assert (await stranger.request(method, url, json={"note": "x"})).status_code == 401
        reply = await world.client.request(method, url, json={"note": "x"}, headers=user.bearer)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "forbidden")


async def test_the_list_is_paged_newest_first(world: World, admin: Person) -> None:
    sent = [(await send(world, "contact"))["id"] for _ in range(5)]
    pages = [(await listed(world, admin, limit="2")).json()]
    while pages[-1]["pagination"]["hasMore"]:
        pages.append((await listed(world, admin, limit="2", cursor=pages[-1]["pagination"]["nextCursor"])).json())
    assert [[item["id"] for item in page["items"]] for page in pages] == [sent[:2:-1], sent[2:0:-1], sent[:1]]
    assert pages[-1]["pagination"] == {"hasMore": False, "nextCursor": None}


async def test_an_entry_of_the_list_says_what_is_needed_to_choose(world: World, admin: Person) -> None:
    answer = await send(world, "referral")
    [item] = (await listed(world, admin)).json()["items"]
    assert item == {
        "id": answer["id"],
        "type": "referral",
        "status": "pending",
        "assignedTo": None,
        "trackingNumber": answer["trackingNumber"],
        "urgency": "high",
        "name": "Carol",
        "email": "carol@county.example",
        "subject": None,
        "submittedAt": answer["submittedAt"],
        "updatedAt": answer["submittedAt"],
        "resolvedAt": None,
    }


async def test_the_list_is_filtered(world: World, admin: Person) -> None:
    contact = (await send(world, "contact"))["id"]
    world.clock.advance(days=1)
    referral = (await send(world, "referral"))["id"]
    admin = await sign_in_again(world, admin)
    await patch(world, admin, contact, {"status": "reviewed", "assignedTo": admin.id})
    assert await ids(world, admin, type="referral") == [referral]
    assert await ids(world, admin, status="reviewed") == [contact]
    assert await ids(world, admin, assignedTo=admin.id) == [contact]
    assert await ids(world, admin, to="2026-01-20") == [contact]
    assert await ids(world, admin, **{"from": "2026-01-21"}) == [referral]
    assert await ids(world, admin, **{"from": "2026-01-20T12:00:02Z", "to": "2026-01-21"}) == [referral]
    assert await ids(world, admin, query="COUNTY") == [referral]
    assert await ids(world, admin, query="REF-2026-000001") == [referral]
    assert await ids(world, admin, query="%") == []


async def sign_in_again(world: World, person: Person) -> Person:
    """A fresh token, when time has gone by."""
    async with world.browser() as browser:
        reply = await browser.post("/api/v1/auth/login", json={"email": person.email, "password": person.password})
    return Person(person.id, person.email, person.password, person.name, reply.json()["accessToken"])


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"type": "complaint"}, "type"),
        ({"status": "open"}, "status"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"to": "9999-12-31"}, "to"),
        ({"from": "2026-01-20T12:00:00"}, "from"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "made-up"}, "cursor"),
        ({"query": "x" * 101}, "query"),
    ],
)
async def test_bad_filters_are_named(world: World, admin: Person, params: dict[str, str], path: str) -> None:
    reply = await listed(world, admin, **params)
    assert (reply.status_code, reply.json()["error"]["details"][0]["path"]) == (400, path)


async def test_one_form_is_shown_whole_and_has_a_tag(world: World, admin: Person) -> None:
    answer = await send(world, "referral")
    url = f"/api/v1/forms/{answer['id']}"
    reply = await world.client.get(url, headers=admin.bearer)
    body = reply.json()
    assert body["form"]["participant"] == REFERRAL["participant"]
    assert body["form"]["attachments"] == []
    assert body["history"] == []
    assert reply.headers["cache-control"] == "no-store"
    again = await world.client.get(url, headers={**admin.bearer, "If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("form_id", [UNKNOWN_ID, "7", "' OR 1=1 --"])
async def test_what_is_not_there_is_not_found(world: World, admin: Person, form_id: str) -> None:
    reply = await world.client.get(f"/api/v1/forms/{form_id}", headers=admin.bearer)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")
    assert (await patch(world, admin, form_id, {"note": "x"})).status_code == 404


async def test_a_change_is_told_with_its_history(world: World, admin: Person) -> None:
    form_id = (await send(world, "contact"))["id"]
    world.clock.advance(seconds=60)
    body = {"status": "resolved", "assignedTo": admin.id, "note": "Called back — all clear 日本"}
    reply = await patch(world, admin, form_id, body)
    assert reply.status_code == 200
    changed = reply.json()
    assert (changed["status"], changed["assignedTo"]) == ("resolved", admin.id)
    assert changed["resolvedAt"] == changed["updatedAt"] == "2026-01-20T12:01:01.000Z"
    [entry] = changed["history"]
    assert (entry["by"], entry["note"], entry["at"]) == (admin.id, body["note"], changed["updatedAt"])
    assert entry["changes"] == {
        "status": {"from": "pending", "to": "resolved"},
        "assignedTo": {"from": None, "to": admin.id},
    }
    reopened = (await patch(world, admin, form_id, {"status": "pending", "assignedTo": None})).json()
    assert (reopened["resolvedAt"], reopened["assignedTo"], len(reopened["history"])) == (None, None, 2)


async def test_what_changes_nothing_leaves_no_trace(world: World, admin: Person) -> None:
    form_id = (await send(world, "contact"))["id"]
    reply = await patch(world, admin, form_id, {"status": "pending", "assignedTo": None})
    assert (reply.status_code, reply.json()["history"]) == (200, [])


async def test_a_stale_copy_is_not_written(world: World, admin: Person) -> None:
    form_id = (await send(world, "contact"))["id"]
    tag = (await world.client.get(f"/api/v1/forms/{form_id}", headers=admin.bearer)).headers["etag"]
    first = await patch(world, admin, form_id, {"note": "mine"}, **{"If-Match": tag})
    second = await patch(world, admin, form_id, {"note": "late"}, **{"If-Match": tag})
    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]["code"]) == (412, "precondition_failed")


async def test_of_two_who_change_the_same_copy_one_wins(world: World, admin: Person) -> None:
    form_id = (await send(world, "contact"))["id"]
    tag = (await world.client.get(f"/api/v1/forms/{form_id}", headers=admin.bearer)).headers["etag"]
    replies = await asyncio.gather(
        *(patch(world, admin, form_id, {"note": f"note {n}"}, **{"If-Match": tag}) for n in range(5))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 412, 412, 412, 412]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"status": "closed"}, "status"),
        ({"status": None}, "status"),
        ({"note": ""}, "note"),
        ({"note": "x" * 5001}, "note"),
        ({"assignedTo": UNKNOWN_ID}, "assignedTo"),
        ({"assignedTo": "me"}, "assignedTo"),
        ({"trackingNumber": "REF-2026-000001"}, "trackingNumber"),
    ],
)
async def test_bad_changes_are_named(world: World, admin: Person, body: dict[str, Any], path: str) -> None:
    form_id = (await send(world, "contact"))["id"]
    reply = await patch(world, admin, form_id, body)
    assert (reply.status_code, reply.json()["error"]["details"][0]["path"]) == (400, path)


async def test_a_form_is_assigned_to_administrators_only(world: World, admin: Person) -> None:
    form_id = (await send(world, "contact", **CONTACT))["id"]
    user = await world.sign_up("eve")
    reply = await patch(world, admin, form_id, {"assignedTo": user.id})
    assert reply.json()["error"]["details"][0]["code"] == "unknown_user"
