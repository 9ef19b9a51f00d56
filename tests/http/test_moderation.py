"""Reports over HTTP: participants make them, administrators decide."""

from tests.http.test_chat_signals import open_direct, post, say
from tests.http.test_users import an_admin, code, get, patch
from tests.world import World

ADMIN = "/api/v1/admin/reports"


async def test_a_message_is_reported_and_dealt_with(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    admin = await an_admin(world)
    room = await open_direct(world, ada, bob)
    message = await say(world, ada, room, "rude")
    url = f"/api/v1/messages/{message['id']}"
    made = await post(world, f"{url}/report", bob, {"reason": "Please look at this."})
    assert made.status_code == 201, made.text
    again = await post(world, f"{url}/report", bob, {"reason": "Again."})
    assert (again.status_code, again.json()) == (200, made.json())
    await world.client.patch(url, json={"text": "sweet"}, headers=ada.bearer)
    listed = (await get(world, ADMIN, admin, status="open")).json()["items"]
    assert [(row["id"], row["reason"], row["message"]["text"]) for row in listed] == [
        (made.json()["id"], "Please look at this.", "rude")
    ]
    assert (await get(world, ADMIN, admin, status="acted")).json()["items"] == []
    one = f"{ADMIN}/{made.json()['id']}"
    shown = await get(world, one, admin)
    assert (shown.json()["message"]["sender"]["name"], shown.json()["reporter"]["name"]) == ("Ada", "Bob")
    assert (shown.json()["messageNow"]["text"], [edit["text"] for edit in shown.json()["edits"]]) == ("sweet", ["rude"])
    changed = await patch(
        world, one, admin, {"status": "acted", "note": "Spoke."}, **{"If-Match": shown.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["history"] == [
        {
            "at": "2026-01-20T12:00:00.000Z",
            "by": {"id": admin.id, "name": "Grace", "avatar": None},
            "status": "acted",
            "legalHold": None,
            "note": "Spoke.",
        }
    ]
    stale = await patch(world, one, admin, {"status": "open"}, **{"If-Match": shown.headers["etag"]})
    assert code(stale) == (412, "precondition_failed")


async def test_who_may_report_and_who_may_decide(world: World) -> None:
    ada, bob, eve = [await world.sign_up(name) for name in ("ada", "bob", "eve")]
    room = await open_direct(world, ada, bob)
    url = f"/api/v1/messages/{(await say(world, ada, room, 'hello'))['id']}/report"
    assert code(await post(world, url, eve, {"reason": "x"})) == (404, "not_found")
    for body in ({}, {"reason": ""}, {"reason": "x" * 1001}, {"reason": "x", "status": "open"}):
        assert code(await post(world, url, bob, body)) == (400, "validation_error")
    made = (await post(world, url, bob, {"reason": "x"})).json()
    for person in (ada, bob):
        assert code(await get(world, ADMIN, person)) == (403, "forbidden")
        assert code(await get(world, f"{ADMIN}/{made['id']}", person)) == (403, "forbidden")
        assert code(await patch(world, f"{ADMIN}/{made['id']}", person, {"status": "acted"})) == (403, "forbidden")
    admin = await an_admin(world)
    assert code(await patch(world, f"{ADMIN}/{made['id']}", admin, {"status": "gone"})) == (400, "validation_error")
    assert code(await get(world, f"{ADMIN}/{ada.id}", admin)) == (404, "not_found")
