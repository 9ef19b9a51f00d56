"""Profiles, the directory and its administration, over HTTP as clients meet them."""

from typing import Any

import httpx
import pytest

from domain.kernel.accounts import ACCOUNT_ID
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Patch
from tests.budget import CountingDocuments
from tests.world import Person, World

ME = "/api/v1/users/me"
PEOPLE = "/api/v1/users"
ADMIN = "/api/v1/admin/users"
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


async def an_admin(world: World, name: str = "grace") -> Person:
    """Appointed in the store, as the operator's command does it; sessions read their state anew."""
    admin = await world.sign_up(name)
    await world.parts.documents.patch(ACCOUNTS, admin.id, Patch(ACCOUNT_ID, set={"role": "admin"}, incr={"version": 1}))
    await world.parts.auth.revocation.settle(admin.id, ())
    await world.parts.users.projection.project(admin.id)
    return admin


async def get(world: World, url: str, person: Person, **params: Any) -> httpx.Response:
    return await world.client.get(url, params=params, headers=person.bearer)


async def patch(world: World, url: str, person: Person, body: Any, **headers: str) -> httpx.Response:
    return await world.client.patch(url, json=body, headers=person.bearer | headers)


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


def paths(reply: httpx.Response) -> list[str]:
    return sorted(detail["path"] for detail in reply.json()["error"]["details"])


async def test_somebody_sees_their_own_profile_as_the_contract_says(world: World) -> None:
    ada = await world.sign_up("ada")
    reply = await get(world, ME, ada)
    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == "no-store"
    now = "2026-01-20T12:00:00.000Z"
    assert reply.json() == {
        "id": ada.id,
        "email": "ada@people.example",
        "name": "Ada",
        "avatar": None,
        "role": "user",
        "status": "active",
        "emailVerified": True,
        "enrolledCourses": [],
        "completedLessons": [],
        "preferences": {
            "notifications": True,
            "emailUpdates": True,
            "theme": "light",
            "emailDigest": "daily",
            "quietHours": None,
        },
        "metadata": {"createdAt": now, "updatedAt": now, "lastLogin": now},
    }


async def test_an_unconfirmed_account_may_use_its_profile_and_nothing_else(world: World) -> None:
    eve = await world.sign_up("eve", verified=False)
    reply = await get(world, ME, eve)
    assert (reply.json()["status"], reply.json()["emailVerified"]) == ("pending_verification", False)
    assert (await patch(world, ME, eve, {"name": "Eve Adams"})).json()["name"] == "Eve Adams"
    for url in (PEOPLE, f"{ME}/activity", f"{ME}/progress", ADMIN):
        assert code(await get(world, url, eve)) == (403, "email_not_verified")


async def test_nobody_gets_anything_without_signing_in(world: World) -> None:
    for url in (ME, f"{ME}/activity", PEOPLE, ADMIN, f"{ADMIN}/{NOBODY}"):
        assert code(await world.client.get(url)) == (401, "missing_token")
    assert code(await world.client.patch(ME, json={})) == (401, "missing_token")


async def test_a_profile_is_changed_in_part_and_found_by_its_new_name(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    world.clock.advance(minutes=1)
    reply = await patch(world, ME, ada, {"name": "  Ada  Lovelace ", "preferences": {"theme": "dark"}})
    assert reply.status_code == 200
    changed = reply.json()
    assert changed["name"] == "Ada Lovelace"
    assert changed["preferences"]["theme"] == "dark"
    assert changed["metadata"]["updatedAt"] == "2026-01-20T12:01:00.000Z"
    assert (await get(world, ME, ada)).json() == changed
    found = (await get(world, PEOPLE, bob, query="LOVE")).json()
    assert found == {
        "items": [{"id": ada.id, "name": "Ada Lovelace", "avatar": None}],
        "pagination": {"hasMore": False, "nextCursor": None},
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"role": "admin"}, ["role"]),
        ({"email": "x@y.example", "status": "active", "id": "1"}, ["email", "id", "status"]),
        ({"name": None}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": 5, "preferences": {"theme": "blue", "notifications": "yes"}}, None),
        ({"name": "x" * 101}, ["name"]),
        ({"name": "\u202eadA"}, ["name"]),
        ({"preferences": None}, ["preferences"]),
        ({"preferences": {"sounds": True}}, ["preferences.sounds"]),
        ({"avatar": NOBODY}, ["avatar"]),
        ({"avatar": "../../etc/passwd"}, ["avatar"]),
        ({"avatar": 5}, ["avatar"]),
        ([], None),
    ],
)
async def test_what_cannot_be_changed_is_refused_and_named(world: World, body: Any, expected: list[str] | None) -> None:
    ada = await world.sign_up("ada")
    before = (await get(world, ME, ada)).json()
    reply = await patch(world, ME, ada, body)
    assert code(reply) == (400, "validation_error")
    assert expected is None or paths(reply) == expected
    assert (await get(world, ME, ada)).json() == before


async def test_every_bad_field_of_a_profile_is_named(world: World) -> None:
    ada = await world.sign_up("ada")
    reply = await patch(world, ME, ada, {"name": 5, "preferences": {"theme": "blue", "notifications": "yes"}})
    assert paths(reply) == ["name", "preferences.notifications", "preferences.theme"]


async def test_an_empty_change_and_no_avatar_are_fine(world: World) -> None:
    ada = await world.sign_up("ada")
    before = (await get(world, ME, ada)).json()
    assert (await patch(world, ME, ada, {})).json() == before
    assert (await patch(world, ME, ada, {"avatar": None})).json()["avatar"] is None


async def test_a_profile_is_not_sent_twice_nor_changed_unseen(world: World) -> None:
    ada = await world.sign_up("ada")
    seen = (await get(world, ME, ada)).headers["ETag"]
    again = await world.client.get(ME, headers=ada.bearer | {"If-None-Match": seen})
    assert again.status_code == 304
    first = await patch(world, ME, ada, {"name": "First"}, **{"If-Match": seen})
    assert first.status_code == 200
    second = await patch(world, ME, ada, {"name": "Second"}, **{"If-Match": seen})
    assert code(second) == (412, "precondition_failed")
    assert (await get(world, ME, ada)).json()["name"] == "First"


async def test_the_trail_tells_what_happened_to_the_account_a_page_at_a_time(world: World) -> None:
    ada = await world.sign_up("ada")
    world.clock.advance(seconds=1)
    await patch(world, ME, ada, {"name": "Ada Lovelace"})
    codes: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(9):
        reply = (await get(world, f"{ME}/activity", ada, limit=1, **cursor)).json()
        [entry] = reply["items"]
        codes.append(entry["code"])
        assert "ovelace" not in str(entry)
        if not reply["pagination"]["hasMore"]:
            break
        cursor = {"cursor": reply["pagination"]["nextCursor"]}
    assert codes == ["profile_changed", "email_verified", "signed_up"]


async def test_nobody_reads_anothers_trail_by_their_cursor(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    cursor = (await get(world, f"{ME}/activity", ada, limit=1)).json()["pagination"]["nextCursor"]
    assert code(await get(world, f"{ME}/activity", bob, limit=1, cursor=cursor)) == (400, "validation_error")


async def test_people_are_found_without_their_addresses(world: World) -> None:
    ada = await world.sign_up("ada")
    await world.sign_up("adam")
    await world.sign_up("adele", verified=False)
    await world.run_jobs()
    reply = await get(world, PEOPLE, ada, query="ad")
    assert [person["name"] for person in reply.json()["items"]] == ["Ada", "Adam"]
    assert "@" not in reply.text
    assert all(set(person) == {"id", "name", "avatar"} for person in reply.json()["items"])
    assert (await get(world, PEOPLE, ada, query="people.example")).json()["items"] == []


async def test_the_directory_is_paged(world: World) -> None:
    people = [await world.sign_up(name) for name in ("ann", "anna", "anne")]
    await world.run_jobs()
    first = (await get(world, PEOPLE, people[0], query="an", limit=2)).json()
    rest = (await get(world, PEOPLE, people[0], query="an", limit=2, cursor=first["pagination"]["nextCursor"])).json()
    assert [person["name"] for person in first["items"] + rest["items"]] == ["Ann", "Anna", "Anne"]
    assert rest["pagination"] == {"hasMore": False, "nextCursor": None}


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 101}, {"limit": "many"}, {"query": "x" * 101}, {"cursor": "x"}]
)
async def test_a_bad_question_to_the_directory_is_refused(world: World, params: dict[str, Any]) -> None:
    assert code(await get(world, PEOPLE, await world.sign_up("ada"), **params)) == (400, "validation_error")


async def test_only_administrators_see_accounts(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    for url in (ADMIN, f"{ADMIN}/{bob.id}", f"{ADMIN}/{NOBODY}"):
        assert code(await get(world, url, ada)) == (403, "forbidden")
    assert code(await patch(world, f"{ADMIN}/{ada.id}", ada, {"role": "admin"})) == (403, "forbidden")


async def test_an_administrator_finds_accounts(world: World) -> None:
    admin = await an_admin(world)
    ada = await world.sign_up("ada")
    await world.sign_up("eve", verified=False)
    await world.run_jobs()
    found = (await get(world, ADMIN, admin, query="ADA@people")).json()["items"]
    assert [(account["id"], account["email"], account["emailVerified"]) for account in found] == [
        (ada.id, "ada@people.example", True)
    ]
    for params, names in (
        ({}, ["Eve", "Ada", "Grace"]),
        ({"status": "pending_verification"}, ["Eve"]),
        ({"role": "admin"}, ["Grace"]),
        ({"role": "user", "status": "active"}, ["Ada"]),
    ):
        listed = (await get(world, ADMIN, admin, **params)).json()["items"]
        assert [account["name"] for account in listed] == names, params
    for bad in ({"status": "gone"}, {"role": "root"}):
        assert code(await get(world, ADMIN, admin, **bad)) == (400, "validation_error")


async def test_a_suspension_holds_at_once(world: World) -> None:
    admin, ada = await an_admin(world), await world.sign_up("ada")
    assert (await get(world, ME, ada)).status_code == 200
    reply = await patch(world, f"{ADMIN}/{ada.id}", admin, {"status": "suspended"})
    assert (reply.status_code, reply.json()["status"]) == (200, "suspended")
    assert code(await get(world, ME, ada)) == (401, "token_revoked")
    assert (await get(world, PEOPLE, admin, query="ada")).json()["items"] == []
    login = {"email": ada.email, "password": ada.password}
    assert code(await world.client.post("/api/v1/auth/login", json=login)) == (403, "account_suspended")
    assert any(call[0] == "close_session" for call in world.realtime.calls)
    await patch(world, f"{ADMIN}/{ada.id}", admin, {"status": "active"})
    assert code(await get(world, ME, ada)) == (401, "token_revoked")
    assert (await world.client.post("/api/v1/auth/login", json=login)).status_code == 200
    assert len((await get(world, PEOPLE, admin, query="ada")).json()["items"]) == 1


async def test_a_role_holds_at_once_for_the_token_given_out_before(world: World) -> None:
    admin, ada = await an_admin(world), await world.sign_up("ada")
    assert code(await get(world, ADMIN, ada)) == (403, "forbidden")
    await patch(world, f"{ADMIN}/{ada.id}", admin, {"role": "admin"})
    assert (await get(world, ADMIN, ada)).status_code == 200
    await patch(world, f"{ADMIN}/{ada.id}", admin, {"role": "user"})
    assert code(await get(world, ADMIN, ada)) == (403, "forbidden")


async def test_an_administrator_cannot_remove_themselves(world: World) -> None:
    admin = await an_admin(world)
    for body in ({"role": "user"}, {"status": "suspended"}, {"status": "pending_verification"}):
        assert code(await patch(world, f"{ADMIN}/{admin.id}", admin, body)) == (403, "forbidden")
    assert (await get(world, ADMIN, admin)).status_code == 200


@pytest.mark.parametrize(
    "body", [{"role": "root"}, {"status": "deleted"}, {"name": "X"}, {"role": None}, {"email": "a@b.example"}, []]
)
async def test_what_an_administrator_cannot_set_is_refused(world: World, body: Any) -> None:
    admin, ada = await an_admin(world), await world.sign_up("ada")
    assert code(await patch(world, f"{ADMIN}/{ada.id}", admin, body)) == (400, "validation_error")


async def test_an_account_is_not_changed_unseen(world: World) -> None:
    admin, ada = await an_admin(world), await world.sign_up("ada")
    url = f"{ADMIN}/{ada.id}"
    seen = (await get(world, url, admin)).headers["ETag"]
    await patch(world, ME, ada, {"name": "Somebody Else"})
    refused = await patch(world, url, admin, {"status": "suspended"}, **{"If-Match": seen})
    assert code(refused) == (412, "precondition_failed")
    seen = (await get(world, url, admin)).headers["ETag"]
    assert (await patch(world, url, admin, {"role": "mentor"}, **{"If-Match": seen})).status_code == 200


@pytest.mark.parametrize("user_id", [NOBODY, "1", "me", "a%20b", NOBODY.upper()])
async def test_an_account_that_is_not_there_is_not_found(world: World, user_id: str) -> None:
    admin = await an_admin(world)
    assert code(await get(world, f"{ADMIN}/{user_id}", admin)) == (404, "not_found")
    assert code(await patch(world, f"{ADMIN}/{user_id}", admin, {"role": "mentor"})) == (404, "not_found")


async def test_reading_ones_profile_costs_two_store_calls(world: World) -> None:
    counting = CountingDocuments(world.parts.documents)
    vars(world.parts)["documents"] = counting
    ada = await world.sign_up("ada")
    await get(world, ME, ada)
    with counting.measure() as calls:
        await get(world, ME, ada)
    assert calls.total <= 2
    with counting.measure() as calls:
        await get(world, PEOPLE, ada, query="ada")
    assert calls.by_kind == {"query": 1}
