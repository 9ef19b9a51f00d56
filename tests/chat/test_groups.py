"""Groups: who is in, who leads, and that nobody hears or says a word after leaving."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.chat.bindings import Bindings
from domain.chat.connections import Connections
from domain.chat.errors import LastAdmin, NotGroupAdmin, NotParticipant, ParticipantNotFound
from domain.chat.groups import Groups
from domain.kernel.containers import CHAT
from domain.kernel.errors import Conflict, DomainError, Forbidden, Invalid
from domain.kernel.people import Person, person_item
from tests.chat.lounge import Instance
from tests.world import RecordingRealtime


async def crowd(chat: Instance, count: int) -> list[str]:
    ids = [chat.ids.new() for _ in range(count)]
    for user_id in ids:
        await chat.documents.create(CHAT, person_item(Person(user_id, "Somebody", None, "active"), version=1))
    return ids


async def members(chat: Instance, who: str, room: str) -> dict[str, str]:
    return {each["userId"]: each["role"] for each in (await chat.conversations.get(who, room))["participants"]}


async def rooms(chat: Instance, who: str) -> list[str]:
    return [row["id"] for row in (await chat.conversations.page(who, limit=20)).items]


async def test_a_group_is_opened_by_its_first_admin_and_everyone_is_told(chat: Instance) -> None:
    ada, bob, cyd = await chat.person("Ada"), await chat.person("Bob"), await chat.person("Cyd")
    view = await chat.groups.open(ada, [bob, cyd, bob, ada], "  The \n welders ", new_id=chat.ids.new())
    room = view["id"]
    assert (view["type"], view["name"], view["participantCount"]) == ("group", "The welders", 3)
    assert await members(chat, bob, room) == {ada: "admin", bob: "member", cyd: "member"}
    for who in (ada, bob, cyd):
        assert await rooms(chat, who) == [room]
    assert sorted(where for where, _ in chat.told("conversation.created")) == sorted(
        f"user:{w}" for w in (ada, bob, cyd)
    )
    assert {call for call in chat.realtime.calls if call[0] == "add_user_to_group"} == {
        ("add_user_to_group", f"c.{room}", who) for who in (ada, bob, cyd)
    }
    assert await chat.outbox.sweep(CHAT) == 0


async def test_the_same_request_again_is_the_same_group(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    new_id = chat.ids.new()
    first = await chat.groups.open(ada, [bob], "One", new_id=new_id)
    assert await chat.groups.open(ada, [bob], "One", new_id=new_id) == first
    assert await rooms(chat, ada) == [new_id]


async def test_who_cannot_be_talked_to_cannot_be_let_in(chat: Instance) -> None:
    ada, gone = await chat.person("Ada"), await chat.person("Gone", status="suspended")
    for others, name in ([[], "x"], [[ada], "x"], [[gone], "x"], [[chat.ids.new()], "x"], [[gone], " "]):
        with pytest.raises(Invalid):
            await chat.groups.open(ada, others, str(name), new_id=chat.ids.new())
    with pytest.raises(Invalid):
        await chat.groups.open(ada, await crowd(chat, 500), None, new_id=chat.ids.new())


async def test_five_hundred_are_let_in_and_the_list_still_costs_two_calls(chat: Instance) -> None:
    ada = await chat.person("Ada")
    others = await crowd(chat, 499)
    room = (await chat.groups.open(ada, others, None, new_id=chat.ids.new()))["id"]
    await chat.sending.settle()
    view = await chat.conversations.get(others[-1], room)
    assert view["participantCount"] == len(view["participants"]) == 500
    with chat.documents.measure() as calls:
        [row] = (await chat.conversations.page(others[-1], limit=20)).items
    assert calls.by_kind == {"query": 1, "find_many": 1}
    assert (row["participantCount"], len(row["participants"])) == (500, 4)
    with pytest.raises(Conflict):
        await chat.groups.add(ada, room, [await chat.person("One too many")])
    assert await chat.say(others[250], room, "hello everybody") == 1
    assert max(len(event["data"].get("participants", ())) for _, event in chat.realtime.sent) <= 20


async def test_a_crash_while_many_are_let_in_is_made_good(chat: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await chat.person("Ada")
    others = await crowd(chat, 120)

    async def crash(*_: object) -> None:
        raise DomainErrorOfACrash

    with monkeypatch.context() as dying:
        dying.setattr(Groups, "place", crash)
        room = (await chat.groups.open(ada, others, "Large", new_id=chat.ids.new()))["id"]
        await chat.sending.settle()
    assert (await chat.conversations.get(ada, room))["participantCount"] == 90
    await chat.groups.remove(ada, room, others[3])
    chat.clock.advance(timedelta(seconds=16))
    await chat.outbox.sweep(CHAT)
    await chat.run_tasks()
    await chat.run_tasks()
    await chat.sending.settle()
    assert set(await members(chat, ada, room)) == {ada, *others} - {others[3]}
    assert await rooms(chat, others[-1]) == [room]
    assert await rooms(chat, others[3]) == []


class DomainErrorOfACrash(DomainError):
    message = "As if the process had died here."


async def test_only_admins_change_a_group(chat: Instance) -> None:
    ada, bob, cyd, eve = [await chat.person(name) for name in ("Ada", "Bob", "Cyd", "Eve")]
    room = await chat.group(ada, bob)
    direct = await chat.direct(ada, bob)
    for who, error in ((bob, NotGroupAdmin), (eve, NotParticipant)):
        for refused in (
            chat.groups.change(who, room, name="Mine"),
            chat.groups.add(who, room, [cyd]),
            chat.groups.remove(who, room, ada),
            chat.groups.set_role(who, room, who, "admin"),
        ):
            with pytest.raises(error):
                await refused
    for refused in (
        chat.groups.change(ada, direct, name="x"),
        chat.groups.add(ada, direct, [cyd]),
        chat.groups.remove(ada, direct, ada),
        chat.groups.set_role(ada, direct, bob, "admin"),
    ):
        with pytest.raises(Forbidden):
            await refused
    changed = await chat.groups.change(ada, room, name="New name")
    assert changed["name"] == "New name"
    assert [data["name"] for _, data in chat.told("conversation.updated")] == ["New name"]
    with pytest.raises(Invalid):
        await chat.groups.change(ada, room, avatar=chat.ids.new())
    assert (await chat.groups.change(ada, room, name=None))["name"] is None


async def test_who_is_put_out_reads_hears_and_says_nothing_more(chat: Instance) -> None:
    ada, bob, cyd = [await chat.person(name) for name in ("Ada", "Bob", "Cyd")]
    room = await chat.group(ada, bob, cyd)
    message = await chat.sending.send(room, chat.draft(bob, "hello"))
    await chat.groups.remove(ada, room, bob)
    for refused in (
        chat.say(bob, room, "still here"),
        chat.history.page(bob, room),
        chat.conversations.get(bob, room),
        chat.receipts.read(bob, room, 1),
        chat.typing.tell(bob, room, typing=True),
        chat.changes.edit(bob, message.id, "x"),
        chat.changes.delete(bob, message.id, moderates=False),
        chat.groups.remove(bob, room, bob),
    ):
        with pytest.raises(NotParticipant):
            await refused
    assert await rooms(chat, bob) == []
    assert ("remove_user_from_group", f"c.{room}", bob) in chat.realtime.calls
    assert [where for where, _ in chat.told("participant.left")] == [f"user:{bob}", f"group:c.{room}"]
    assert (await chat.conversations.get(ada, room))["participantCount"] == 2
    with pytest.raises(ParticipantNotFound):
        await chat.groups.remove(ada, room, bob)


async def test_who_comes_back_reads_on_and_late_repeats_undo_nothing(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.group(ada, bob)
    task = {"task": "place", "conversationId": room, "userIds": [bob], "at": "2026-01-20T12:00:00.000Z"}
    await chat.groups.remove(bob, room, bob)
    await chat.say(ada, room, "while you were away")
    await chat.groups.add(ada, room, [bob])
    await chat.tasks.run(task)
    assert await rooms(chat, bob) == [room]
    assert (await chat.conversations.get(bob, room))["unreadCount"] == 0
    assert await chat.say(bob, room, "back") == 2
    await chat.groups.remove(ada, room, bob)
    await chat.tasks.run(task)
    assert await rooms(chat, bob) == []
    assert chat.realtime.calls[-1] == ("remove_user_from_group", f"c.{room}", bob)


async def test_when_the_last_admin_leaves_the_longest_standing_leads(chat: Instance) -> None:
    ada, bob, cyd = [await chat.person(name) for name in ("Ada", "Bob", "Cyd")]
    room = await chat.group(ada, cyd)
    chat.clock.advance(timedelta(days=1))
    await chat.groups.add(ada, room, [bob])
    with pytest.raises(LastAdmin):
        await chat.groups.set_role(ada, room, ada, "member")
    await chat.groups.remove(ada, room, ada)
    assert await members(chat, bob, room) == {cyd: "admin", bob: "member"}
    await chat.groups.set_role(cyd, room, bob, "admin")
    await chat.groups.remove(cyd, room, cyd)
    await chat.groups.remove(bob, room, bob)
    with pytest.raises(NotParticipant):
        await chat.conversations.get(bob, room)


async def test_admins_that_race_never_leave_a_group_without_one(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob, cyd = [await one.person(name) for name in ("Ada", "Bob", "Cyd")]
    room = await one.group(ada, bob, cyd)
    await one.groups.set_role(ada, room, bob, "admin")
    await asyncio.gather(
        one.groups.set_role(ada, room, bob, "member"),
        two.groups.set_role(bob, room, ada, "member"),
        return_exceptions=True,
    )
    assert list((await members(one, cyd, room)).values()).count("admin") == 1


async def test_a_sender_of_another_instance_is_stopped_by_the_store(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.group(ada, bob)
    await two.say(bob, room, "now this instance knows the head and me")
    await one.groups.remove(ada, room, bob)
    with pytest.raises(NotParticipant):
        await two.say(bob, room, "may I?")


async def test_sends_and_removals_that_race_agree_with_the_store(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.group(ada, bob)

    async def chatter() -> int:
        said = 0
        with contextlib.suppress(NotParticipant):
            for n in range(30):
                await two.say(bob, room, f"{n}")
                said += 1
        return said

    said, _ = await asyncio.gather(chatter(), one.groups.remove(ada, room, bob))
    page = await one.history.page(ada, room, limit=100)
    assert [message["seq"] for message in page.items] == list(range(1, said + 1))


class Standing:
    async def may_connect(self, user_id: str, session_id: str) -> bool:  # noqa: ARG002 - the port's
        return True

    async def stands(self, user_id: str, session_id: str) -> bool:  # noqa: ARG002 - the port's
        return True


async def test_a_connection_that_opens_while_one_is_put_out_hears_nothing(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.group(ada, bob)
    bindings = Bindings(chat.documents, Standing())
    connections = Connections(chat.conversations, chat.realtime, Standing(), bindings, chat.clock)
    assert f"c.{room}" in await connections.connect("c1", bob, "s1")
    await chat.groups.remove(ada, room, bob)
    chat.realtime.calls.clear()
    await connections.connected(bob)
    assert ("remove_user_from_group", f"c.{room}", bob) in chat.realtime.calls
    assert await connections.connect("c1", bob, "s1") == ["s.s1"]


class Meanwhile(RecordingRealtime):
    """While the realtime service lets somebody into a group, or out of it, something else happens, once."""

    happens: Callable[[], Awaitable[object]] | None = None

    async def _pause(self) -> None:
        happens, self.happens = self.happens, None
        if happens:
            await happens()

    async def add_user_to_group(self, group: str, user_id: str) -> None:
        await self._pause()
        await super().add_user_to_group(group, user_id)

    async def remove_user_from_group(self, group: str, user_id: str) -> None:
        await self._pause()
        await super().remove_user_from_group(group, user_id)

    def last_move(self, user_id: str) -> str:
        return [name for name, *who in self.calls if who[-1] == user_id and name.endswith("_group")][-1]


async def test_who_is_put_out_while_a_connection_joins_does_not_stay(
    chat: Instance, more: Callable[[], Instance]
) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    realtime = Meanwhile()
    other = replace(more(), realtime=realtime)
    connections = Connections(
        other.conversations, realtime, Standing(), Bindings(chat.documents, Standing()), chat.clock
    )
    room = await other.group(ada, bob)
    realtime.happens = lambda: other.groups.remove(ada, room, bob)
    await connections.connected(bob)  # which looks at what Bob came into within the minute
    assert realtime.last_move(bob) == "remove_user_from_group"
    realtime.happens = lambda: other.groups.add(ada, room, [bob])
    await connections.connected(bob)
    assert realtime.last_move(bob) == "add_user_to_group"


async def test_who_is_put_out_while_a_conversation_wakes_does_not_stay(more: Callable[[], Instance]) -> None:
    realtime = Meanwhile()
    chat = replace(more(), realtime=realtime)
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.group(ada, bob)
    realtime.happens = lambda: chat.groups.remove(ada, room, bob)
    await chat.places.touch(room, since=chat.clock.now(), wakes=True)
    assert realtime.last_move(bob) == "remove_user_from_group"
