"""From a message to a device: over a real push service, and only while it is news."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any

import pytest

from adapters.push.webpush import WebPush
from domain.chat.devices import Devices
from domain.chat.muting import Muting
from domain.chat.push import PushHosts
from domain.chat.pushing import PUSHES, Pushing
from domain.kernel.accounts import Preferences
from domain.kernel.containers import CHAT
from domain.kernel.quiet import QuietHours
from tests.chat.absent import DEFAULTS, Street
from tests.chat.lounge import Instance
from tests.chat.test_noticing import mention
from tests.push_service import SUBJECT, VAPID_KEY, Browser, PushServer, a_push_server

HOSTS = PushHosts((), loopback=True)
NIGHT = QuietHours(time(22), time(7), "UTC")


@dataclass
class SignIns:
    """The edge's sessions: those in *ended* are over."""

    ended: set[str] = field(default_factory=set)

    async def may_connect(self, user_id: str, session_id: str) -> bool:
        return await self.stands(user_id, session_id)

    async def stands(self, _user_id: str, session_id: str) -> bool:
        return session_id not in self.ended


class Post:
    """Ada writes, Bob has browsers."""

    def __init__(self, street: Street, server: PushServer) -> None:
        self.street, self.server, self.chat = street, server, street.chat
        self.service = WebPush(VAPID_KEY, SUBJECT, HOSTS, self.chat.clock)
        self.devices = Devices(self.chat.documents, self.chat.clock, HOSTS, lambda: self.service)
        self.sign_ins = SignIns()
        self.pushing = Pushing(
            self.chat.documents, self.chat.queue, self.devices, lambda: self.service, self.sign_ins, self.chat.clock
        )
        self.browsers: dict[str, Browser] = {}

    async def begin(self, preferences: Preferences = DEFAULTS) -> "Post":
        self.ada, self.bob = await self.street.move_in("Ada"), await self.street.move_in("Bob", preferences)
        self.room = await self.chat.direct(self.ada, self.bob)
        await self.subscribe(self.bob, "b1")
        return self

    async def subscribe(self, user_id: str, name: str, session_id: str = "s1") -> None:
        browser = self.browsers.setdefault(name, self.server.browser(name))
        await self.devices.register(
            user_id,
            session_id,
            endpoint=browser.endpoint,
            p256dh=browser.p256dh,
            auth=browser.auth,
            new_id=self.chat.ids.new(),
        )

    async def say(self, text: str = "hello") -> int:
        return await self.street.say(self.ada, self.room, text)

    async def deliver(self, wait: timedelta = timedelta(seconds=6)) -> None:
        await self.street.wait(wait)
        await self.work()

    async def work(self) -> None:
        """What the trigger of the queue `pushes` does."""
        for message in await self.chat.queue.receive(PUSHES, limit=32, visibility=timedelta(minutes=5)):
            await self.pushing.run(json.loads(message.body))
            await self.chat.queue.delete(message)

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """To which browser, and what it decrypts."""
        assert self.server.refused == []
        names = [pushed.path.removeprefix("/push/") for pushed in self.server.pushed]
        return [
            (name, self.browsers[name].read(pushed.body))
            for name, pushed in zip(names, self.server.pushed, strict=True)
        ]


@pytest.fixture
async def post(chat: Instance) -> AsyncGenerator[Post]:
    async with a_push_server(chat.clock) as server:
        post = await Post(Street(chat), server).begin()
        yield post
        await post.service.close()


async def test_who_is_away_is_told_on_each_device_by_ids_alone(post: Post) -> None:
    await post.subscribe(post.bob, "b2", "s2")
    await post.say("a secret")
    await post.say("and another")
    await post.deliver()
    told = {"event": "message.new", "conversationId": post.room, "seq": 2, "mentioned": False}
    assert sorted(post.told(), key=lambda each: each[0]) == [("b1", told), ("b2", told)]
    first, second = post.server.pushed
    assert first.topic != second.topic
    assert {first.urgency, second.urgency} == {"normal"}


async def test_pushes_of_a_conversation_replace_each_other(post: Post) -> None:
    for _ in range(2):
        await post.say()
        await post.deliver()
    one, other = post.server.pushed
    assert one.topic == other.topic
    assert [said["seq"] for _, said in post.told()] == [1, 2]


async def test_who_is_there_or_has_read_it_is_not_disturbed(post: Post) -> None:
    await post.chat.presence.connected(post.bob, "c1")
    await post.say()
    await post.deliver()
    await post.chat.presence.disconnected(post.bob, "c1")
    seq = await post.say()
    await post.chat.receipts.read(post.bob, post.room, seq)
    await post.deliver()
    assert post.server.pushed == []


async def test_who_locks_the_phone_is_told_at_once(post: Post) -> None:
    await post.chat.presence.connected(post.bob, "c1")
    await post.say()
    await post.chat.presence.disconnected(post.bob, "c1")
    await post.deliver()
    assert [name for name, _ in post.told()] == ["b1"]


async def test_what_happens_while_the_push_waits_counts(post: Post) -> None:
    seq = await post.say()
    await post.street.wait()
    await post.chat.receipts.read(post.bob, post.room, seq)
    await post.work()
    await post.say()
    await post.street.wait()
    await post.chat.presence.connected(post.bob, "c1")
    await post.work()
    assert post.server.pushed == []


async def test_mute_is_kept_unless_they_are_mentioned_and_then_it_is_urgent(post: Post) -> None:
    await post.chat.run_tasks()
    muting = Muting(post.chat.documents, post.chat.realtime, post.chat.behind, post.chat.clock)
    await muting.set(post.bob, post.room, muted=True)
    await post.say()
    await post.deliver()
    assert post.server.pushed == []
    await mention(post.street, post.room, await post.say(), post.bob)
    await post.deliver()
    assert [(said["seq"], said["mentioned"]) for _, said in post.told()] == [(2, True)]
    assert post.server.pushed[0].urgency == "high"


@pytest.mark.parametrize("changes", [{"notifications": False}, {"quiet_hours": QuietHours(time(11), time(13), "UTC")}])
async def test_preferences_are_kept_also_for_mentions(post: Post, changes: dict[str, Any]) -> None:
    await post.street.prefer(post.bob, **changes)
    await mention(post.street, post.room, await post.say(), post.bob)
    await post.deliver()
    assert post.server.pushed == []
    assert await post.street.is_expected(post.bob), "the e-mail comes all the same"


async def test_quiet_hours_elsewhere_are_none(post: Post) -> None:
    await post.street.prefer(post.bob, quiet_hours=NIGHT)
    await post.say()
    await post.deliver()
    assert len(post.told()) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_removed(post: Post, status: int) -> None:
    await post.subscribe(post.bob, "b2", "s2")
    post.server.answers = [status, 201]
    await post.say()
    await post.deliver()
    assert len(await post.devices.list(post.bob)) == 1
    await post.say()
    await post.deliver()
    assert len(post.server.pushed) == 3


async def test_a_service_that_is_busy_is_asked_again_when_it_said_and_the_other_device_is_left_alone(
    post: Post,
) -> None:
    await post.subscribe(post.bob, "b2", "s2")
    post.server.answers, post.server.headers = [429, 201], {"Retry-After": "120"}
    await post.say()
    await post.deliver()
    assert len(post.server.pushed) == 2
    await post.deliver(timedelta(seconds=110))
    assert len(post.server.pushed) == 2
    await post.deliver(timedelta(seconds=11))
    names = [name for name, _ in post.told()]
    assert (len(names), names[0], set(names)) == (3, names[2], {"b1", "b2"})
    assert await post.chat.queue.peek(PUSHES) == []


async def test_a_service_that_is_down_is_tried_for_an_hour_and_no_longer(post: Post) -> None:
    post.server.answers = [500]
    await post.say()
    await post.deliver()
    for _ in range(120):
        await post.deliver(timedelta(minutes=1))
    assert 5 <= len(post.server.pushed) <= 12
    assert await post.chat.queue.peek(PUSHES) == []
    assert len(await post.devices.list(post.bob)) == 1


@pytest.mark.parametrize("changes", [{"notifications": False}, {"quiet_hours": QuietHours(time(12), time(13), "UTC")}])
async def test_what_is_tried_again_respects_what_was_chosen_meanwhile(post: Post, changes: dict[str, Any]) -> None:
    post.server.answers = [503, 201]
    await post.say()
    await post.deliver()
    await post.street.prefer(post.bob, **changes)
    await post.deliver(timedelta(minutes=1))
    assert len(post.server.pushed) == 1
    assert await post.chat.queue.peek(PUSHES) == []


async def test_what_a_service_refuses_is_dropped(post: Post) -> None:
    post.server.answers = [400]
    await post.say()
    await post.deliver()
    assert len(post.server.pushed) == 1
    assert await post.chat.queue.peek(PUSHES) == []
    assert len(await post.devices.list(post.bob)) == 1


async def test_the_end_of_a_sign_in_ends_its_pushes_at_once(post: Post) -> None:
    await post.say()
    await post.street.wait()
    post.sign_ins.ended.add("s1")
    await post.work()
    assert post.server.pushed == []
    assert await post.devices.list(post.bob) == []


async def test_a_browser_that_changed_hands_tells_its_new_person_alone(post: Post) -> None:
    cyd = await post.street.move_in("Cyd")
    await post.subscribe(cyd, "b1", "s2")
    await post.say()
    await post.deliver()
    assert post.server.pushed == []
    assert await post.devices.list(post.bob) == []
    assert len(await post.devices.list(cyd)) == 1


async def test_who_left_hears_no_more(post: Post) -> None:
    cyd = await post.street.move_in("Cyd")
    room = await post.chat.group(post.ada, post.bob, cyd)
    await post.street.say(post.ada, room)
    await post.street.wait()
    await post.chat.groups.remove(post.bob, room, post.bob)
    await post.work()
    assert post.server.pushed == []


async def test_a_push_costs_two_reads_and_one_request(post: Post) -> None:
    await post.say()
    await post.street.wait()
    with post.chat.documents.measure() as calls:
        await post.work()
    assert calls.by_kind == {"find_many": 1, "find": 1}
    assert len(post.server.pushed) == 1


async def test_where_push_is_not_set_up_nothing_is_queued_and_what_is_queued_is_dropped(post: Post) -> None:
    await post.say()
    await post.street.wait()
    [message] = await post.chat.queue.peek(PUSHES)
    nowhere = Pushing(post.chat.documents, post.chat.queue, post.devices, lambda: None, post.sign_ins, post.chat.clock)
    await nowhere.run(json.loads(message.body))
    assert post.server.pushed == []
    post.street.noticing._pushes = False
    await post.say()
    await post.street.wait()
    assert len(await post.chat.queue.peek(PUSHES)) == 1


async def test_a_task_of_a_device_that_is_not_there_is_moot(post: Post) -> None:
    await post.say()
    await post.street.wait()
    [message] = await post.chat.queue.peek(PUSHES)
    task = json.loads(message.body)
    for changes in ({"deviceId": post.ada}, {"userId": post.ada}, {"endpoint": "x" * 64}, {"conversationId": post.ada}):
        await post.pushing.run({**task, **changes})
    assert post.server.pushed == []
    stored = await post.chat.documents.find(CHAT, post.bob, "devices")
    assert stored is not None
    assert len(stored.item["devices"]) == 1
