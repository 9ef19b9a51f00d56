"""Whatever was missed, and whenever: applying sync gives what the store has."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.errors import NotParticipant
from domain.chat.lateness import MAX_WINDOWS, merged
from domain.chat.model import partition_of
from domain.chat.records import MEMBER
from domain.chat.sync_page import Cursor
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from domain.kernel.errors import DomainError
from tests.chat.lounge import Instance

HEART = "\u2764\ufe0f"


@dataclass
class Client:
    """One device: what it knows of its person's conversations."""

    me: str
    cursor: Cursor
    names: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursors: dict[tuple[str, str], int] = field(default_factory=dict)
    applied: int = 0

    async def catch_up(self, chat: Instance, *, limit: int = 100) -> None:
        for _ in range(1000):
            page = await chat.sync.page(self.me, self.cursor, limit=limit)
            assert page is not None
            for change in page.changes:
                await self._apply(chat, change["type"], change["data"])
            self.applied += len(page.changes)
            self.cursor = page.cursor
            if not page.has_more:
                return
        pytest.fail("it never ends")

    async def _apply(self, chat: Instance, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "conversation":
                if data["id"] not in self.names:
                    await self.open(chat, data["id"])
                self.names[data["id"]] = (data["name"], data["participantCount"])
            case "message":
                self.messages[data["id"]] = data
            case "participant" if data["leftAt"] is None:
                self.cursors[data["conversationId"], data["userId"]] = data["lastReadSeq"]
            case "participant":
                self.cursors.pop((data["conversationId"], data["userId"]), None)
            case "left":
                self.forget(data["conversationId"])

    async def open(self, chat: Instance, room: str) -> None:
        """As clients do with what they did not know: read it. Behind the back of who was put out, it is refused."""
        try:
            page = await chat.history.page(self.me, room, after=0, limit=1000)
        except NotParticipant:
            return
        for message in page.items:
            self.messages[message["id"]] = {key: value for key, value in message.items() if key != "readBy"}
        for member in await places(chat, room):
            self.cursors[room, member["userId"]] = member["lastReadSeq"]

    def forget(self, room: str) -> None:
        self.names.pop(room, None)
        self.messages = {key: each for key, each in self.messages.items() if each["conversationId"] != room}
        self.cursors = {key: seq for key, seq in self.cursors.items() if key[0] != room}


async def places(chat: Instance, room: str) -> list[dict[str, Any]]:
    found = await chat.documents.query(CHAT, partition_of(room), Query(starts=MEMBER, limit=1000))
    return [stored.item for stored in found if stored.item.get("leftAt") is None]


async def the_truth(chat: Instance, me: str, rooms: list[str]) -> Client:
    """What a device knows that reads everything anew."""
    truth = Client(me, chat.sync.begin())
    for room in rooms:
        if me in {each["userId"] for each in await places(chat, room)}:
            view = await chat.conversations.get(me, room)
            truth.names[room] = (view["name"], view["participantCount"])
            await truth.open(chat, room)
    return truth


async def test_the_first_cursor_says_nothing_and_the_next_only_what_is_new(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.say(ada, room, "before")
    await chat.sending.settle()
    await chat.run_tasks()
    chat.clock.advance(timedelta(minutes=10))
    client = Client(bob, chat.sync.begin())
    await client.catch_up(chat)
    assert client.applied == 0
    chat.clock.advance(timedelta(seconds=30))
    await chat.say(ada, room, "after")
    await chat.sending.settle()
    await chat.run_tasks()
    await client.catch_up(chat)
    assert [message["text"] for message in client.messages.values()] == ["after"]
    before = client.applied
    for seconds in (0, 1, 60, 600):
        chat.clock.advance(timedelta(seconds=seconds))
        await client.catch_up(chat)
    assert client.applied == before, "nothing comes twice"


async def test_a_cursor_older_than_what_is_kept_starts_afresh(chat: Instance) -> None:
    ada = await chat.person("Ada")
    cursor = chat.sync.begin()
    chat.clock.advance(timedelta(days=90))
    assert await chat.sync.page(ada, cursor, limit=10) is not None
    chat.clock.advance(timedelta(seconds=1))
    assert await chat.sync.page(ada, cursor, limit=10) is None


async def test_what_made_itself_known_late_is_not_missed(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.say(ada, room, "first")
    await chat.sending.settle()
    await chat.run_tasks()
    chat.clock.advance(timedelta(hours=1))
    client = Client(bob, chat.sync.begin())
    await chat.say(ada, room, "the queue is down")
    await chat.sending.settle()
    for _ in range(3):
        chat.clock.advance(timedelta(minutes=20))
        await client.catch_up(chat)
    await chat.run_tasks()
    await client.catch_up(chat)
    assert [message["text"] for message in client.messages.values()] == ["the queue is down"]


async def test_a_quiet_sync_costs_one_query_and_a_busy_one_few(chat: Instance) -> None:
    ada = await chat.person("Ada")
    rooms = [await chat.direct(ada, await chat.person(f"P{n}")) for n in range(4)]
    chat.clock.advance(timedelta(minutes=10))
    cursor = chat.sync.begin()
    with chat.documents.measure() as calls:
        await chat.sync.page(ada, cursor, limit=100)
    assert calls.by_kind == {"query": 1}
    for room in rooms[:3]:
        await chat.say(ada, room, "hello")
    await chat.sending.settle()
    await chat.run_tasks()
    with chat.documents.measure() as calls:
        page = await chat.sync.page(ada, cursor, limit=100)
    assert page is not None
    assert len(page.changes) == 6
    assert calls.by_kind == {"query": 4, "find_many": 1}


async def _fifty_rooms(chat: Instance, ada: str, messages: int) -> list[str]:
    """Ada's conversations with *messages* each, all said after the clock's present time."""
    bob = await chat.person("Bob")
    rooms = [await chat.group(ada, bob) for _ in range(50)]
    chat.clock.advance(timedelta(minutes=10))
    for room in rooms:
        await asyncio.gather(*(chat.say(bob, room, f"{room} {number}") for number in range(messages)))
    await chat.sending.settle()
    await chat.run_tasks()
    return rooms


async def test_a_thousand_messages_in_fifty_conversations_come_in_one_page(chat: Instance) -> None:
    ada = await chat.person("Ada")
    cursor = chat.sync.begin()
    rooms = await _fifty_rooms(chat, ada, 20)
    with chat.documents.measure() as calls:
        page = await chat.sync.page(ada, cursor, limit=1500)
    assert page is not None
    assert not page.has_more
    said = [change["data"] for change in page.changes if change["type"] == "message"]
    assert {(each["conversationId"], each["seq"]) for each in said} == {(r, n) for r in rooms for n in range(1, 21)}
    assert calls.by_kind == {"query": 51, "find_many": 2}


async def test_small_pages_ask_little_more_than_they_give(chat: Instance) -> None:
    """One conversation fills pages, and the other 49 are not asked for each of them."""
    ada = await chat.person("Ada")
    cursor = chat.sync.begin()
    await _fifty_rooms(chat, ada, 1)
    talkative = await chat.group(ada, await chat.person("Cyd"))
    await asyncio.gather(*(chat.say(ada, talkative, str(number)) for number in range(300)))
    await chat.sending.settle()
    await chat.run_tasks()
    texts: list[str] = []
    with chat.documents.measure() as calls:
        pages, more = 0, True
        while more:
            page = await chat.sync.page(ada, cursor, limit=50)
            assert page is not None
            texts += [change["data"]["text"] for change in page.changes if change["type"] == "message"]
            cursor, more, pages = page.cursor, page.has_more, pages + 1
    assert sorted(texts[-300:], key=int) == [str(number) for number in range(300)]
    assert len(texts) == 350
    assert calls.by_kind["query"] <= 51 + 3 * pages


async def test_who_was_put_out_gets_that_and_nothing_more(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.group(ada, bob)
    cursor = chat.sync.begin()
    chat.clock.advance(timedelta(minutes=5))
    await chat.say(ada, room, "secret")
    await chat.groups.remove(ada, room, bob)
    await chat.documents.delete(CHAT, bob, f"in:{room}")  # as if the list had not followed yet
    await chat.documents.create(
        CHAT,
        {
            "id": f"in:{room}",
            "pk": bob,
            "type": "membership",
            "conversationId": room,
            "version": 1,
            "peers": [],
            "changedAt": "2026-01-20T12:05:00.000Z:x",
        },
    )
    page = await chat.sync.page(bob, cursor, limit=10)
    assert page is not None
    assert page.changes == [{"type": "left", "data": {"conversationId": room}}]


@dataclass
class Story:
    """Three people in three rooms, over two instances, doing whatever comes up."""

    instances: list[Instance]
    dice: random.Random
    people: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    devices: list[Client] = field(default_factory=list)

    async def begin(self) -> None:
        chat = self.instances[0]
        ada, bob, cyd = self.people = [await chat.person(name) for name in ("Ada", "Bob", "Cyd")]
        self.rooms = [await chat.direct(ada, bob), await chat.group(ada, bob, cyd), await chat.group(cyd, ada)]
        for n in range(6):
            self.devices.append(await the_truth(chat, self.people[n % 3], self.rooms))

    async def go_on(self) -> None:
        at, dice = self.dice.choice(self.instances), self.dice
        with contextlib.suppress(DomainError):  # nobody may do everything
            await self._something(at)
        at.clock.advance(timedelta(seconds=dice.choice([0, 0, 0.2, 3, 30, 70, 400])))
        if dice.random() < 0.5:
            await at.behind.settle()
        if dice.random() < 0.5:
            await at.run_tasks()
        if dice.random() < 0.3:
            await dice.choice(self.devices[:4]).catch_up(at, limit=dice.choice([1, 3, 100]))

    async def _something(self, at: Instance) -> None:
        dice = self.dice
        who, other, room = dice.choice(self.people), dice.choice(self.people), dice.choice(self.rooms)
        what = dice.randrange(12)
        if what < 4 or not self.messages:
            self.messages.append((await at.sending.send(room, at.draft(who, f"m{dice.random()}"))).id)
            return
        message = dice.choice(self.messages)
        deeds: list[Callable[[], Awaitable[object]]] = [
            lambda: at.changes.edit(who, message, f"e{dice.random()}"),
            lambda: at.changes.edit(who, message, f"e{dice.random()}"),
            lambda: at.changes.delete(who, message, moderates=False),
            lambda: at.changes.react(who, message, HEART, add=dice.random() < 0.7),
            lambda: at.receipts.read(who, room, dice.randrange(30)),
            lambda: at.groups.add(who, room, [other]),
            lambda: at.groups.remove(who, room, other),
            lambda: at.groups.change(who, room, name=f"n{dice.random()}"),
        ]
        await deeds[what - 4]()


@pytest.mark.parametrize("seed", range(8))
async def test_sync_from_any_cursor_gives_what_the_store_has(more: Callable[[], Instance], seed: int) -> None:
    story = Story([more(), more()], random.Random(seed))  # noqa: S311 - the same story for the same seed
    await story.begin()
    for _ in range(120):
        await story.go_on()
    chat = story.instances[0]
    for instance in story.instances:
        await instance.sending.settle()
    await chat.run_tasks()
    chat.clock.advance(timedelta(seconds=story.dice.choice([0, 5, 500])))
    for device in story.devices:
        await device.catch_up(chat, limit=story.dice.choice([1, 2, 100]))
        truth = await the_truth(chat, device.me, story.rooms)
        assert device.names == truth.names
        assert device.messages == truth.messages
        assert device.cursors == truth.cursors


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=30))
def test_windows_that_are_merged_lose_no_moment(spans: list[tuple[int, int]]) -> None:
    windows = [[f"{begin:03}", f"{begin + length:03}"] for begin, length in spans]
    kept = merged(windows)
    assert len(kept) <= MAX_WINDOWS
    assert all(any(begin <= one[0] and one[1] <= end for begin, end in kept) for one in windows)
