"""Who may do what: every chat route for everyone it could be asked by."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.files.kinds import TXT
from tests.http.test_chat_signals import CHAT, open_direct, post, say
from tests.http.test_groups import a_group
from tests.http.test_users import an_admin
from tests.uploads import upload
from tests.world import Person, World
from web.declaration import ENDPOINTS

HEART = "%E2%9D%A4%EF%B8%8F"
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"
ROOM = "v1/conversations/{conversation_id}"
MESSAGE = "v1/messages/{message_id}"
LATER = {"text": "later", "sendAt": "2026-01-20T18:00:00Z"}
SCHEDULED = ROOM + "/scheduled/{scheduled_id}"
HOLD = "v1/admin/conversations/{conversation_id}/hold"
REACTION = MESSAGE + "/reactions/{emoji}"
PLACE = ROOM + "/participants/{user_id}"

Rule = tuple[str, str, dict[str, Any] | None]

GROUP: list[tuple[Rule, dict[str, int]]] = [
    # In a group: its admin (who also said the message), a participant, a former one, a stranger, the platform's admin.
    (("GET", ROOM, None), {"lead": 200, "member": 200, "former": 403, "stranger": 403, "admin": 403}),
    (("PATCH", ROOM, {"name": "New"}), {"lead": 200, "member": 403, "former": 403, "stranger": 403, "admin": 403}),
    (
        ("POST", ROOM + "/participants", {"userIds": ["{lead}"]}),
        {
            "lead": 200,
            "member": 403,
            "former": 403,
            "stranger": 403,
            "admin": 403,
        },
    ),
    (("PATCH", PLACE, {"role": "member"}), {"lead": 200, "member": 403, "former": 403, "stranger": 403, "admin": 403}),
    (("GET", ROOM + "/messages", None), {"lead": 200, "member": 200, "former": 403, "stranger": 403, "admin": 403}),
    (
        ("POST", ROOM + "/messages", {"text": "hi"}),
        {
            "lead": 201,
            "member": 201,
            "former": 403,
            "stranger": 403,
            "admin": 403,
        },
    ),
    (("POST", ROOM + "/read", {"seq": 1}), {"lead": 200, "member": 200, "former": 403, "stranger": 403, "admin": 403}),
    (
        ("POST", ROOM + "/typing", {"state": "start"}),
        {
            "lead": 204,
            "member": 204,
            "former": 403,
            "stranger": 403,
            "admin": 403,
        },
    ),
    (("GET", ROOM + "/draft", None), {"lead": 404, "member": 404, "former": 403, "stranger": 403, "admin": 403}),
    (
        ("PUT", ROOM + "/draft", {"text": "I th"}),
        {
            "lead": 200,
            "member": 200,
            "former": 403,
            "stranger": 403,
            "admin": 403,
        },
    ),
    (("DELETE", ROOM + "/draft", None), {"lead": 204, "member": 204, "former": 403, "stranger": 403, "admin": 403}),
    (
        ("POST", ROOM + "/scheduled", LATER),
        {
            "lead": 201,
            "member": 201,
            "former": 403,
            "stranger": 403,
            "admin": 403,
        },
    ),
    # One's own and nobody else's; who was put out sees what became of theirs.
    (
        ("GET", ROOM + "/scheduled", None),
        {
            "lead": 200,
            "member": 200,
            "former": 200,
            "stranger": 200,
            "admin": 200,
        },
    ),
    (("GET", SCHEDULED, None), {"lead": 200, "member": 404, "former": 404, "stranger": 404, "admin": 404}),
    (("PATCH", SCHEDULED, {"text": "x"}), {"lead": 200, "member": 404, "former": 404, "stranger": 404, "admin": 404}),
    (("DELETE", SCHEDULED, None), {"lead": 204, "member": 404, "former": 404, "stranger": 404, "admin": 404}),
    (("GET", ROOM + "/retention", None), {"lead": 200, "member": 200, "former": 403, "stranger": 403, "admin": 200}),
    (
        ("PUT", ROOM + "/retention", {"days": 30}),
        {
            "lead": 200,
            "member": 403,
            "former": 403,
            "stranger": 403,
            "admin": 200,
        },
    ),
    *[
        ((method, route, body), {"lead": 403, "member": 403, "former": 403, "stranger": 403, "admin": status})
        for method, route, body, status in (
            ("GET", HOLD, None, 200),
            ("PUT", HOLD, {"reason": "A complaint."}, 200),
            ("DELETE", HOLD, {"reason": "Settled."}, 204),
            ("GET", "v1/admin/messages/{message_id}", None, 200),
        )
    ],
    (("PATCH", MESSAGE, {"text": "x"}), {"lead": 200, "member": 403, "former": 403, "stranger": 403, "admin": 403}),
    (("PUT", REACTION, None), {"lead": 200, "member": 200, "former": 403, "stranger": 403, "admin": 403}),
    (("DELETE", REACTION, None), {"lead": 204, "member": 204, "former": 403, "stranger": 403, "admin": 403}),
    (("DELETE", MESSAGE, None), {"lead": 204, "member": 403, "former": 403, "stranger": 403, "admin": 204}),
    (("DELETE", PLACE, None), {"lead": 204, "member": 204, "former": 403, "stranger": 403, "admin": 403}),
]

DIRECT: list[tuple[Rule, dict[str, int]]] = [
    # Between two: who said the message, the other one, a stranger (who must not learn that it exists), the platform's
    # admin; and the same two of another pair, of whom one blocks the other.
    (("GET", ROOM, None), {"lead": 200, "member": 200, "stranger": 404, "admin": 404, "blocked": 200, "blocker": 200}),
    (("PATCH", ROOM, {"name": "x"}), {"lead": 403, "member": 403, "stranger": 404, "admin": 404, "blocked": 403}),
    (
        ("POST", ROOM + "/participants", {"userIds": [NOBODY]}),
        {
            "lead": 403,
            "member": 403,
            "stranger": 404,
            "admin": 404,
            "blocked": 403,
        },
    ),
    (("PATCH", PLACE, {"role": "admin"}), {"lead": 403, "member": 403, "stranger": 404, "admin": 404, "blocked": 403}),
    (("DELETE", PLACE, None), {"lead": 403, "member": 403, "stranger": 404, "admin": 404, "blocked": 403}),
    (
        ("GET", ROOM + "/messages", None),
        {
            "lead": 200,
            "member": 200,
            "stranger": 404,
            "admin": 404,
            "blocked": 200,
            "blocker": 200,
        },
    ),
    (
        ("POST", ROOM + "/messages", {"text": "hi"}),
        {
            "lead": 201,
            "member": 201,
            "stranger": 404,
            "admin": 404,
            "blocked": 403,
            "blocker": 403,
        },
    ),
    (("POST", ROOM + "/read", {"seq": 1}), {"lead": 200, "member": 200, "stranger": 404, "admin": 404, "blocked": 200}),
    (("PUT", ROOM + "/draft", {"text": "I"}), {"lead": 200, "stranger": 404, "admin": 404, "blocked": 200}),
    (("DELETE", ROOM + "/draft", None), {"lead": 204, "member": 204, "stranger": 404, "admin": 404, "blocked": 204}),
    (("GET", ROOM + "/draft", None), {"lead": 404, "member": 404, "stranger": 404, "admin": 404, "blocked": 404}),
    (
        ("POST", ROOM + "/scheduled", LATER),
        {
            "lead": 201,
            "member": 201,
            "stranger": 404,
            "admin": 404,
            "blocked": 403,
            "blocker": 403,
        },
    ),
    (("GET", ROOM + "/retention", None), {"lead": 200, "member": 200, "stranger": 404, "admin": 200, "blocked": 200}),
    (
        ("PUT", ROOM + "/retention", {"days": 30}),
        {
            "lead": 403,
            "member": 403,
            "stranger": 404,
            "admin": 200,
            "blocked": 403,
        },
    ),
    (("PATCH", MESSAGE, {"text": "x"}), {"lead": 200, "member": 403, "stranger": 404, "admin": 404, "blocked": 403}),
    (("PUT", REACTION, None), {"lead": 200, "member": 200, "stranger": 404, "admin": 404, "blocked": 403}),
    (("DELETE", REACTION, None), {"lead": 204, "member": 204, "stranger": 404, "admin": 404, "blocked": 403}),
    (("DELETE", MESSAGE, None), {"lead": 204, "member": 403, "stranger": 404, "admin": 204}),
]


FILE = "v1/files/{file_id}"

FILES: list[tuple[Rule, dict[str, int]]] = [
    # Of a message in a group, or (blocked, blocker) between two: whoever is there reads, its owner and admins delete.
    (
        ("GET", FILE, None),
        {
            "lead": 200,
            "member": 200,
            "former": 404,
            "stranger": 404,
            "admin": 404,
            "blocked": 200,
            "blocker": 200,
        },
    ),
    (
        ("DELETE", FILE, None),
        {
            "lead": 204,
            "member": 404,
            "former": 404,
            "stranger": 404,
            "admin": 204,
            "blocked": 204,
            "blocker": 404,
        },
    ),
]


@dataclass
class Cast:
    world: World
    people: dict[str, Person]

    async def ask(self, who: str, rule: Rule, room: str, message: str, file_id: str = NOBODY) -> int:
        method, route, body = rule
        values = {
            "conversation_id": room,
            "message_id": message,
            "emoji": HEART,
            "file_id": file_id,
            "user_id": self.people["member"].id,
            "scheduled_id": NOBODY,
        }
        if "{scheduled_id}" in route:
            made = await post(self.world, f"{CHAT}/{room}/scheduled", self.people["lead"], LATER)
            values["scheduled_id"] = made.json()["id"]
        if body and "userIds" in body:
            body = {"userIds": [each.format(lead=self.people["lead"].id) for each in body["userIds"]]}
        url = f"/api/{route.format(**values)}"
        reply = await self.world.client.request(method, url, json=body, headers=self.people[who].bearer)
        assert "traceback" not in reply.text.lower()
        return reply.status_code


@pytest.fixture
async def cast(world: World) -> Cast:
    names = ("lead", "member", "former", "stranger", "blocked", "blocker")
    people = {name: await world.sign_up(name) for name in names}
    return Cast(world, people | {"admin": await an_admin(world, "admin")})


async def test_in_a_group(cast: Cast) -> None:
    lead, member, former = (cast.people[name] for name in ("lead", "member", "former"))
    for rule, expected in GROUP:
        for who, status in expected.items():
            room = await a_group(cast.world, lead, member, former)
            message = (await say(cast.world, lead, room, "hello"))["id"]
            await cast.world.client.delete(f"{CHAT}/{room}/participants/{former.id}", headers=lead.bearer)
            assert await cast.ask(who, rule, room, message) == status, (rule, who)


async def test_between_two(cast: Cast) -> None:
    lead, member = cast.people["lead"], cast.people["member"]
    room = await open_direct(cast.world, lead, member)
    blocker, blocked = cast.people["blocker"], cast.people["blocked"]
    closed = await open_direct(cast.world, blocked, blocker)
    said = (await say(cast.world, blocked, closed, "hello"))["id"]
    await post(cast.world, f"/api/v1/users/{blocked.id}/block", blocker)
    for rule, expected in DIRECT:
        for who, status in expected.items():
            if who.startswith("block"):
                assert await cast.ask(who, rule, closed, said) == status, (rule, who)
            else:
                message = (await say(cast.world, lead, room, "hello"))["id"]
                assert await cast.ask(who, rule, room, message) == status, (rule, who)


async def test_files_of_messages(cast: Cast) -> None:
    lead, member, former = (cast.people[name] for name in ("lead", "member", "former"))
    blocker, blocked = cast.people["blocker"], cast.people["blocked"]
    for rule, expected in FILES:
        for who, status in expected.items():
            apart = who.startswith("block")
            await cast.world.client.delete(f"/api/v1/users/{blocked.id}/block", headers=blocker.bearer)
            room = await (
                open_direct(cast.world, blocked, blocker) if apart else a_group(cast.world, lead, member, former)
            )
            sender = blocked if apart else lead
            file_id = (await upload(cast.world, sender, b"hello\n", TXT, "message"))["id"]
            url = f"{CHAT}/{room}/messages"
            sent = await post(cast.world, url, sender, {"text": "", "attachments": [{"id": file_id}]})
            assert sent.status_code == 201, sent.text
            if apart:
                await post(cast.world, f"/api/v1/users/{blocked.id}/block", blocker)
            else:
                await cast.world.client.delete(f"{CHAT}/{room}/participants/{former.id}", headers=lead.bearer)
            assert await cast.ask(who, rule, room, NOBODY, file_id) == status, (rule, who)


async def test_without_a_sign_in_nothing_is_answered(cast: Cast) -> None:
    room = await a_group(cast.world, cast.people["lead"], cast.people["member"])
    rules = [rule for rule, _ in (*GROUP, *DIRECT, *FILES)]
    for method, route, body in (*rules, ("GET", "v1/conversations", None), ("GET", "v1/chat/sync", None)):
        ids = {
            "conversation_id": room,
            "message_id": room,
            "user_id": NOBODY,
            "scheduled_id": NOBODY,
            "file_id": NOBODY,
        }
        url = f"/api/{route.format(emoji=HEART, **ids)}"
        async with cast.world.browser() as nobody:
            reply = await nobody.request(method, url, json=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "missing_token"), (method, url)


def test_no_route_is_forgotten() -> None:
    covered = {(method, route) for (method, route, _), _ in (*GROUP, *DIRECT)}
    modules = {
        f"blueprints.{name}"
        for name in ("chat", "groups", "chat_messages", "chat_signals", "chat_drafts", "chat_scheduled", "retention")
    }
    routes = {
        (each.method, each.route)
        for each in ENDPOINTS.values()
        if each.handler.__module__ in modules and ("{conversation_id}" in each.route or "{message_id}" in each.route)
    }
    assert routes - covered == set()
