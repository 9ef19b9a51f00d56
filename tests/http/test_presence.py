"""Presence over HTTP, fed by the events of the realtime service."""

from tests.http.test_chat_signals import let_in, open_direct, service_event
from tests.http.test_users import code, get
from tests.world import World

URL = "/api/v1/presence"


async def test_connections_make_people_present(world: World) -> None:
    ada, bob, eve = [await world.sign_up(name) for name in ("ada", "bob", "eve")]
    await open_direct(world, ada, bob)
    assert (await get(world, URL, bob, userIds=f"{ada.id},{eve.id}")).json() == {
        "items": [{"userId": ada.id, "online": False, "lastSeenAt": None}]
    }
    await let_in(world, ada)
    assert (await service_event(world, "sys.connected", ada, {})).status_code == 204
    seen = (await get(world, URL, bob, userIds=ada.id)).json()["items"]
    assert seen == [{"userId": ada.id, "online": True, "lastSeenAt": "2026-01-20T12:00:00.000Z"}]
    await let_in(world, bob, "c2")
    assert (await service_event(world, "sys.connected", bob, {}, connection="c2")).status_code == 204
    assert (await service_event(world, "sys.disconnected", ada, {"reason": "x"}, event_id="2")).status_code == 204
    world.clock.advance(seconds=31)
    await world.run_jobs("sweep_outbox")
    seen = (await get(world, URL, bob, userIds=ada.id)).json()["items"]
    assert seen == [{"userId": ada.id, "online": False, "lastSeenAt": "2026-01-20T12:00:00.000Z"}]
    await world.parts.chat.behind.settle()
    told = [
        (where, event["data"]["online"]) for where, event in world.realtime.sent if event["event"][:8] == "presence"
    ]
    assert told == [(f"user:{ada.id}", True), (f"user:{bob.id}", False)]


async def test_presence_is_asked_for_by_ids(world: World) -> None:
    ada = await world.sign_up("ada")
    for bad in ("", "ada", ",".join([ada.id] * 51)):
        assert code(await get(world, URL, ada, userIds=bad)) == (400, "validation_error"), bad
    assert code(await get(world, URL, ada)) == (400, "validation_error")
