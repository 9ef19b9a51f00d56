"""Who may do what: every chat route for everyone it could be asked by (`tests/http/chat_matrix.py`)."""

import json
from dataclasses import dataclass

import httpx
import pytest

from domain.files.kinds import TXT
from tests.http.chat_matrix import (
    ADMINISTRATION,
    BETWEEN_TWO,
    DIRECT,
    FILES,
    GROUP,
    HEART,
    IN_A_GROUP,
    LATER,
    NOBODY,
    NOT_BY_SIGN_IN,
    OF_A_FILE,
    OWN,
    Ask,
)
from tests.http.test_chat_signals import CHAT, open_direct, post, say
from tests.http.test_groups import a_group
from tests.http.test_users import an_admin
from tests.uploads import upload
from tests.world import Person, World
from web.declaration import ENDPOINTS

NAMES = ("lead", "member", "former", "stranger", "blocked", "blocker")
SECRET = "zanzibar at noon"
ELSEWHERE = {
    "auth",
    "courses",
    "docs",
    "fallback",
    "files",
    "forms",
    "health",
    "progress",
    "users",
}
"""The files of blueprints that are not chat's; whatever is new is, until it is named here."""


@dataclass
class Place:
    """A conversation, and a message in it."""

    room: str
    message: str
    file: str = NOBODY


@dataclass
class Cast:
    world: World
    people: dict[str, Person]

    async def ask(self, who: str, ask: Ask, place: Place | None = None) -> httpx.Response:
        place = place or Place(NOBODY, NOBODY)
        ids = {
            "conversation_id": place.room,
            "message_id": place.message,
            "file_id": place.file,
            "user_id": self.people["member"].id,
            "emoji": HEART,
            "scheduled_id": NOBODY,
            "report_id": NOBODY,
            "subscription_id": NOBODY,
        }
        if "{scheduled_id}" in ask.route:
            made = await post(self.world, f"{CHAT}/{place.room}/scheduled", self.people["lead"], LATER)
            ids["scheduled_id"] = made.json()["id"]
        lead = self.people["lead"].id
        url = f"/api/{ask.route.format(**ids)}?{ask.query.format(lead=lead)}"
        body = json.loads(json.dumps(ask.body).replace("{lead}", lead))
        bearer = self.people[who].bearer
        reply = await self.world.client.request(ask.method, url, json=body, headers=bearer)
        assert "traceback" not in reply.text.lower()
        return reply

    async def a_group(self) -> Place:
        """Where one was put out before anything was said, and one is blocked by its admin."""
        lead, former = self.people["lead"], self.people["former"]
        await self.world.client.delete(f"/api/v1/users/{self.people['blocked'].id}/block", headers=lead.bearer)
        room = await a_group(self.world, lead, self.people["member"], former, self.people["blocked"])
        await self.world.client.delete(f"{CHAT}/{room}/participants/{former.id}", headers=lead.bearer)
        await post(self.world, f"/api/v1/users/{self.people['blocked'].id}/block", lead)
        return Place(room, (await say(self.world, lead, room, SECRET))["id"])

    async def a_pair(self) -> Place:
        room = await open_direct(self.world, self.people["lead"], self.people["member"])
        return Place(room, (await say(self.world, self.people["lead"], room, SECRET))["id"])

    async def a_pair_apart(self) -> Place:
        """What was said before one blocked the other."""
        blocked, blocker = self.people["blocked"], self.people["blocker"]
        await self.world.client.delete(f"/api/v1/users/{blocked.id}/block", headers=blocker.bearer)
        room = await open_direct(self.world, blocked, blocker)
        said = (await say(self.world, blocked, room, SECRET))["id"]
        await post(self.world, f"/api/v1/users/{blocked.id}/block", blocker)
        return Place(room, said)

    async def a_file(self, *, apart: bool) -> Place:
        sender = self.people["blocked" if apart else "lead"]
        place = await (self.a_pair_apart() if apart else self.a_group())
        if apart:
            await self.world.client.delete(f"/api/v1/users/{sender.id}/block", headers=self.people["blocker"].bearer)
        file_id = (await upload(self.world, sender, b"hello\n", TXT, "message"))["id"]
        body = {"text": "", "attachments": [{"id": file_id}]}
        sent = await post(self.world, f"{CHAT}/{place.room}/messages", sender, body)
        assert sent.status_code == 201, sent.text
        if apart:
            await post(self.world, f"/api/v1/users/{sender.id}/block", self.people["blocker"])
        return Place(place.room, sent.json()["id"], file_id)


@pytest.fixture
async def cast(world: World) -> Cast:
    people = {name: await world.sign_up(name) for name in NAMES}
    return Cast(world, people | {"admin": await an_admin(world, "admin")})


def named(value: object) -> str:
    return f"{value.method} {value.route}" if isinstance(value, Ask) else ""


@pytest.mark.parametrize(("ask", "statuses"), GROUP, ids=named)
async def test_in_a_group(cast: Cast, ask: Ask, statuses: tuple[int, ...]) -> None:
    answers = {who: (await cast.ask(who, ask, await cast.a_group())).status_code for who in IN_A_GROUP}
    assert answers == dict(zip(IN_A_GROUP, statuses, strict=True))


@pytest.mark.parametrize(("ask", "statuses"), DIRECT, ids=named)
async def test_between_two(cast: Cast, ask: Ask, statuses: tuple[int, ...]) -> None:
    answers = {}
    for who in BETWEEN_TWO:
        place = await (cast.a_pair_apart() if who.startswith("block") else cast.a_pair())
        answers[who] = (await cast.ask(who, ask, place)).status_code
    assert answers == dict(zip(BETWEEN_TWO, statuses, strict=True))


@pytest.mark.parametrize(("ask", "statuses"), FILES, ids=named)
async def test_files_of_messages(cast: Cast, ask: Ask, statuses: tuple[int, ...]) -> None:
    answers = {}
    for who in OF_A_FILE:
        apart = who.startswith("block")
        answers[who] = (await cast.ask(who, ask, await cast.a_file(apart=apart))).status_code
    assert answers == dict(zip(OF_A_FILE, statuses, strict=True))


async def test_what_is_ones_own_tells_nothing_of_others(cast: Cast) -> None:
    """The conversation's name and what was said there, only to who is there; who else is, to nobody else."""
    place = await cast.a_group()
    await cast.world.run_jobs()
    for who in IN_A_GROUP:
        since = (await cast.ask(who, Ask("GET", "v1/chat/sync"))).json()["cursor"]
        await cast.world.parts.chat.sending.settle()
        changed = {"text": f"{SECRET} and {who}"}
        await cast.world.client.patch(
            f"/api/v1/messages/{place.message}", json=changed, headers=cast.people["lead"].bearer
        )
        await cast.world.run_jobs()
        told = [await cast.ask(who, ask) for ask in OWN if ask.method == "GET" and "push/key" not in ask.route]
        told.append(await cast.ask(who, Ask("GET", "v1/chat/sync", query=f"since={since}")))
        assert [reply.status_code for reply in told] == [200] * len(told), [reply.text for reply in told]
        hears = {reply.request.url.path for reply in told if "zanzibar" in reply.text}
        is_there = who in {"lead", "member", "blocked"}
        assert bool(hears) is is_there, (who, hears)
        assert (place.room in "".join(reply.text for reply in told)) is (is_there or who == "former"), who
        assert bool(told[3].json()["items"]) is is_there, who


@pytest.mark.parametrize("ask", ADMINISTRATION, ids=named)
async def test_administration_is_for_administrators(cast: Cast, ask: Ask) -> None:
    for who in NAMES:
        refused = await cast.ask(who, ask)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden"), who
    assert (await cast.ask("admin", ask)).status_code in {200, 204, 404}


async def test_without_a_sign_in_nothing_is_answered(cast: Cast) -> None:
    asks = [*(ask for ask, _ in (*GROUP, *DIRECT, *FILES)), *OWN, *ADMINISTRATION]
    ids = dict.fromkeys(
        ("conversation_id", "message_id", "user_id", "scheduled_id", "file_id", "report_id", "subscription_id"), NOBODY
    )
    async with cast.world.browser() as nobody:
        for ask in asks:
            url = f"/api/{ask.route.format(emoji=HEART, **ids)}"
            reply = await nobody.request(ask.method, url, json=ask.body)
            assert (reply.status_code, reply.json()["error"]["code"]) == (401, "missing_token"), ask


def test_no_route_is_forgotten() -> None:
    in_groups, in_pairs = ({(ask.method, ask.route) for ask, _ in table} for table in (GROUP, DIRECT))
    others = {(ask.method, ask.route) for ask in (*OWN, *ADMINISTRATION)} | NOT_BY_SIGN_IN
    routes = {
        (each.method, each.route)
        for each in ENDPOINTS.values()
        if each.handler.__module__.removeprefix("blueprints.") not in ELSEWHERE
    }
    assert routes == in_groups | others
    assert {(method, route) for method, route in in_groups if "{scheduled_id}" not in route} == in_pairs
    of_a_conversation = {each for each in routes if "{conversation_id}" in each[1] or "{message_id}" in each[1]}
    assert of_a_conversation == in_groups
