"""Somebody in more conversations than a connection joins hears of all of them."""

from datetime import timedelta

import pytest

from domain.chat.bindings import Bindings
from domain.chat.connections import Connections
from tests.chat.lounge import Instance


class Standing:
    async def may_connect(self, user_id: str, session_id: str) -> bool:  # noqa: ARG002 - the port's
        return True

    async def stands(self, user_id: str, session_id: str) -> bool:  # noqa: ARG002 - the port's
        return True


async def test_a_connection_joins_what_is_awake_and_the_rest_when_it_wakes(
    chat: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.chat.connections.JOINED_AT_CONNECT", 2)
    ada = await chat.person("Ada")
    others = [await chat.person(f"P{n}") for n in range(6)]
    rooms = []
    for other in others:
        rooms.append(await chat.direct(ada, other))
        await chat.say(other, rooms[-1], "hello")
        await chat.sending.settle()
        await chat.run_tasks()
        chat.clock.advance(timedelta(hours=1))
    bindings = Bindings(chat.documents, Standing())
    connections = Connections(chat.conversations, chat.realtime, Standing(), bindings, chat.clock)
    assert len(await connections.connect("c1", ada, "s1")) == 1 + 6, "all were busy within a day"
    chat.clock.advance(timedelta(days=2))
    with chat.documents.measure() as calls:
        joined = await connections.connect("c2", ada, "s1")
    assert joined == ["s.s1", f"c.{rooms[5]}", f"c.{rooms[4]}"]
    assert calls.by_kind == {"create": 1, "query": 1}
    chat.realtime.calls.clear()
    await chat.say(others[0], rooms[0], "are you still there?")
    await chat.say(others[0], rooms[0], "and again")
    await chat.sending.settle()
    await chat.run_tasks()
    assert {call for call in chat.realtime.calls if call[0] == "add_user_to_group"} == {
        ("add_user_to_group", f"c.{rooms[0]}", who) for who in (ada, others[0])
    }
    told = [data for where, data in chat.told("conversation.updated") if where == f"user:{ada}"]
    assert told == [{"id": rooms[0], "type": "direct", "lastSeq": 3}]
