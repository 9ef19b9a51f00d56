"""`@name`: whom a message speaks to, decided by who is there, within what a send may cost."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.mentions import MAX_LOOKED_AT, find_mentioned, may_mention
from domain.chat.model import Draft, Member, partition_of
from domain.chat.records import MEMBER
from domain.kernel.containers import CHAT
from domain.kernel.documents import Patch
from domain.kernel.people import renamed_item
from tests.chat.lounge import Instance
from tests.factories import NOON


def members(*names: str) -> list[Member]:
    """The first leads. Everybody's id is their name's position."""
    return [Member(f"{n}", "admin" if n == 0 else "member", NOON, 0, None, name=name) for n, name in enumerate(names)]


def found(text: str, *names: str, sender: str = "9", is_group: bool = True) -> tuple[str, ...]:
    return find_mentioned(text, sender_id=sender, members=members(*names), is_group=is_group)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Ada, hello", ("0",)),
        ("hello @ada", ("0",)),
        ("(@ADA!)", ("0",)),
        ("@Ada Lovelace is here", ("1",)),
        ("@Ada  \tLovelace", ("1",)),
        ("@Ada\nLovelace", ("0",)),
        ("@Ada Lovelaces", ("0",)),
        ("@Ada's lamp", ("0",)),
        ("@Ada.", ("0",)),
        ("@Zoe\u0308 and @zo\u00cb", ("2",)),
        ("@STRASSE", ("3",)),
        ("@Bob @Ada", ("4", "5", "0")),
        ("@\u0930\u093e\u092e", ("6",)),
        ("@\u0930\u093e\u092e\u093e", ()),
        ("@Adam @Ada_x @Ada-Maria @Ada.example", ()),
        ("mail ada@Ada.org or x@Ada, @@Ada, @ Ada, Ada", ()),
        ("@all", ()),
        ("@", ()),
    ],
)
def test_whom_a_text_mentions(text: str, expected: tuple[str, ...]) -> None:
    names = ("Ada", "Ada Lovelace", "Zo\u00eb", "Stra\u00dfe", "Bob", "bob", "\u0930\u093e\u092e")
    assert found(text, *names) == expected


def test_all_is_for_admins_of_groups() -> None:
    names = ("Ada", "Bob", "Cid")
    assert found("@all listen, @Bob", *names, sender="0") == ("1", "2")
    assert found("@All", *names, sender="1") == ()
    assert found("@all", *names, sender="0", is_group=False) == ()
    assert found("@allow", *names, sender="0") == ()
    assert found("@all", "Ada", "All", sender="1") == ()
    assert found("@all", "Ada", "Bob", "All", sender="1") == ("2",), "somebody may be called so"


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5))
def test_only_those_who_are_there_and_never_the_sender(text: str, names: Sequence[str]) -> None:
    ids = find_mentioned(text, sender_id="0", members=members(*names), is_group=True)
    assert set(ids) <= {f"{n}" for n in range(1, len(names))}
    assert len(set(ids)) == len(ids)
    assert not ids or may_mention(text), "the sender's process would not have asked who is there"


@given(st.text("ab ", min_size=1, max_size=6).map(str.split).map(" ".join).filter(bool))
def test_a_name_said_alone_is_heard(name: str) -> None:
    assert found(f"@{name}", "Zed", name) == ("1",)


def test_no_more_than_fifty_are_looked_at() -> None:
    assert found("@x " * (MAX_LOOKED_AT - 1) + "@Ada", "Ada") == ("0",)
    assert found("@x " * MAX_LOOKED_AT + "@Ada", "Ada") == ()


async def mentions(chat: Instance, who: str, room: str, text: str) -> list[str]:
    """As sent, as stored, and as told to the others: the same."""
    message = await chat.sending.send(room, Draft(who, text))
    await chat.sending.settle()
    stored = (await chat.history.page(who, room, limit=1)).items[0]
    told = chat.told("message.new")[-1][1]
    assert list(message.mentions) == stored["mentions"] == told["mentions"]
    return list(message.mentions)


async def test_a_message_names_those_who_are_there_now(chat: Instance) -> None:
    ada, bob, eve = [await chat.person(name) for name in ("Ada", "Bob", "Eve")]
    room = await chat.group(ada, bob)
    assert await mentions(chat, ada, room, "@Bob and @Eve") == [bob]
    await chat.groups.add(ada, room, [eve])
    assert await mentions(chat, bob, room, "@Ada and @Eve, @all") == [ada, eve]
    await chat.groups.remove(ada, room, eve)
    assert await mentions(chat, ada, room, "@all, @Eve is gone") == [bob]
    await chat.groups.set_role(ada, room, bob, "admin")
    assert await mentions(chat, bob, room, "@all") == [ada]


async def test_between_two(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    assert await mentions(chat, ada, room, "@bob @Ada @all") == [bob]


async def test_an_edit_mentions_anew(chat: Instance) -> None:
    ada, bob, eve = [await chat.person(name) for name in ("Ada", "Bob", "Eve")]
    room = await chat.group(ada, bob, eve)
    message = await chat.sending.send(room, Draft(ada, "@Bob"))
    await chat.sending.settle()
    with chat.documents.measure() as calls:
        assert (await chat.changes.edit(ada, message.id, "@Eve"))["mentions"] == [eve]
        assert calls.by_kind == {"find": 1, "query": 1, "batch": 1}
    await chat.sending.settle()
    assert chat.told("message.updated")[-1][1]["mentions"] == [eve]
    assert (await chat.changes.edit(ada, message.id, "nobody"))["mentions"] == []


async def test_a_repeat_answers_with_the_first_mentions(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.group(ada, bob)
    first = await chat.sending.send(room, Draft(ada, "@Bob", "c1"))
    await chat.groups.remove(ada, room, bob)
    again = await chat.sending.send(room, Draft(ada, "@Bob", "c1"))
    assert (again.id, again.mentions) == (first.id, (bob,))


@pytest.mark.parametrize("people", [2, 60, 400])
async def test_mentions_cost_a_send_nothing_more(chat: Instance, people: int) -> None:
    ada = await chat.person("Ada")
    others = [await chat.person(f"Person {n}") for n in range(people - 1)]
    room = await chat.group(ada, *others)
    await chat.say(ada, room, "hello")
    await chat.sending.settle()
    for text, cold in (("@Person 0", {"query": 1, "batch": 1}), ("@all", {"query": 1, "batch": 1})):
        before = len(chat.realtime.sent)
        with chat.documents.measure() as calls:
            message = await chat.sending.send(room, Draft(ada, text))
        assert calls.by_kind == cold
        assert len(message.mentions) == (1 if text != "@all" else people - 1)
        await chat.publisher.settle()
        assert len(chat.realtime.sent) - before == 1
    with chat.documents.measure() as calls:
        await chat.say(ada, room, "to nobody in particular, by ada@example.org")
    assert calls.total <= 2


async def test_senders_of_one_batch_each_mention_their_own(chat: Instance) -> None:
    ada, bob, eve = [await chat.person(name) for name in ("Ada", "Bob", "Eve")]
    room = await chat.group(ada, bob, eve)
    sent = await asyncio.gather(
        chat.sending.send(room, Draft(ada, "@Bob")),
        chat.sending.send(room, Draft(bob, "plain")),
        chat.sending.send(room, Draft(eve, "@all @ada")),
        chat.sending.send(room, Draft(ada, "@all")),
    )
    assert [message.mentions for message in sent] == [(bob,), (), (ada,), tuple(sorted((bob, eve)))]


async def test_a_removal_elsewhere_is_seen_by_a_process_that_knew_better(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    ada, bob = await one.person("Ada"), await one.person("Bob")
    room = await one.group(ada, bob)
    assert await mentions(one, ada, room, "@Bob") == [bob]
    await two.groups.remove(ada, room, bob)
    assert await mentions(one, ada, room, "@Bob") == []


class Renaming:
    """Bob takes other names; what follows from it runs as it does from the outbox."""

    def __init__(self, chat: Instance) -> None:
        self.chat = chat

    async def begin(self) -> "Renaming":
        self.ada, self.bob = await self.chat.person("Ada"), await self.chat.person("Bob")
        self.rooms = [await self.chat.group(self.ada, self.bob) for _ in range(3)]
        return self

    async def rename(self, name: str, version: int) -> None:
        await self.chat.documents.patch(CHAT, self.bob, Patch("person", set={"name": name, "version": version}))
        item = renamed_item(self.bob, version=version, now=self.chat.clock.now())
        await self.chat.documents.create(CHAT, item)

    async def follow(self) -> None:
        self.chat.clock.advance(timedelta(seconds=1))
        await self.chat.outbox.sweep(CHAT)
        await self.chat.run_tasks()

    async def heard(self, text: str) -> list[bool]:
        return [bool(await mentions(self.chat, self.ada, room, text)) for room in self.rooms]


async def test_a_new_name_is_heard_everywhere_and_the_old_one_no_more(chat: Instance) -> None:
    bob = await Renaming(chat).begin()
    await bob.rename("Robert", 2)
    await bob.follow()
    assert await bob.heard("@Robert") == [True, True, True]
    assert await bob.heard("@Bob") == [False, False, False]


async def test_an_account_that_is_gone_leaves_no_name_behind(chat: Instance) -> None:
    bob = await Renaming(chat).begin()
    await bob.rename("", 2)
    await bob.follow()
    for room in bob.rooms:
        place = await chat.documents.find(CHAT, partition_of(room), MEMBER + bob.bob)
        assert place is not None
        assert "name" not in place.item
    await chat.groups.remove(bob.ada, bob.rooms[0], bob.bob)


async def test_who_leaves_takes_their_name_along(chat: Instance) -> None:
    bob = await Renaming(chat).begin()
    await chat.groups.remove(bob.bob, bob.rooms[0], bob.bob)
    await bob.rename("Robert", 2)
    await bob.follow()
    place = await chat.documents.find(CHAT, partition_of(bob.rooms[0]), MEMBER + bob.bob)
    assert place is not None
    assert "name" not in place.item


async def test_an_older_name_never_wins(more: Callable[[], Instance]) -> None:
    """Two tasks of one person run at once, on two instances, while senders move the place as well."""
    one, two = more(), more()
    bob = await Renaming(one).begin()
    for version in range(2, 14, 2):
        await bob.rename(f"Bob the {version}", version)
        task = {"task": "rename", "userId": bob.bob}
        await asyncio.gather(one.tasks.run(task), two.tasks.run(task), one.say(bob.bob, bob.rooms[0], "hm"))
        await bob.rename("Robert", version + 1)
        await asyncio.gather(two.tasks.run(task), one.tasks.run(task))
        assert await bob.heard("@Robert") == [True, True, True]


async def test_a_name_taken_while_coming_in_is_found_by_the_place(chat: Instance) -> None:
    bob = await Renaming(chat).begin()
    room = bob.rooms[0]
    await chat.documents.patch(CHAT, partition_of(room), Patch(MEMBER + bob.bob, set={"name": "Older"}))
    at = chat.clock.now().isoformat().replace("+00:00", "Z")
    await chat.places.follow({"conversationId": room, "userIds": [bob.bob], "at": at})
    assert await mentions(chat, bob.ada, room, "@Bob") == [bob.bob]
