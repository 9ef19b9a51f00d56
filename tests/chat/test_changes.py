"""Edits, deletions and reactions: who may, what is kept, and that everyone learns of it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.emoji import MAX_EMOJI_BYTES, clean_emoji
from domain.chat.errors import MessageDeleted, MessageNotFound, TooLateToChange
from domain.chat.model import partition_of
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from domain.kernel.errors import Forbidden, Invalid, Unavailable
from tests.chat.lounge import Instance

HEART = "\u2764\ufe0f"
EMOJIS = [chr(code) for code in range(0x1F600, 0x1F615)]


class Talk:
    """Ada said "hello" to Bob."""

    def __init__(self, chat: Instance) -> None:
        self.chat = chat

    async def begin(self) -> "Talk":
        self.ada, self.bob = await self.chat.person("Ada"), await self.chat.person("Bob")
        self.room = await self.chat.direct(self.ada, self.bob)
        self.id = (await self.chat.sending.send(self.room, self.chat.draft(self.ada, "hello"))).id
        await self.chat.sending.settle()
        return self

    async def message(self) -> dict[str, Any]:
        return (await self.chat.history.page(self.bob, self.room)).items[0]

    async def kept(self) -> list[str]:
        """What moderators can see, oldest first."""
        found = await self.chat.documents.query(CHAT, partition_of(self.room), Query(starts="edit:"))
        return [stored.item["text"] for stored in found]


@pytest.fixture
async def talk(chat: Instance) -> Talk:
    return await Talk(chat).begin()


async def test_an_edit_is_seen_told_and_kept(talk: Talk) -> None:
    chat = talk.chat
    chat.clock.advance(timedelta(minutes=5))
    edited = await chat.changes.edit(talk.ada, talk.id, "hello Bob")
    await chat.sending.settle()
    assert (edited["text"], edited["editedAt"]) == ("hello Bob", "2026-01-20T12:05:00.000Z")
    assert await talk.message() == edited
    assert await talk.kept() == ["hello"]
    assert (await chat.conversations.get(talk.bob, talk.room))["lastMessage"]["text"] == "hello Bob"
    assert chat.told("message.updated") == [(f"group:c.{talk.room}", edited)]
    assert await chat.outbox.sweep(CHAT) == 0, "told, so nothing is left to do"


async def test_the_same_text_again_changes_nothing(talk: Talk) -> None:
    chat = talk.chat
    first = await chat.changes.edit(talk.ada, talk.id, "hi")
    assert await chat.changes.edit(talk.ada, talk.id, "hi") == first
    await chat.sending.settle()
    assert len(chat.told("message.updated")) == 1


async def test_a_late_repeat_cannot_undo_a_later_edit(talk: Talk) -> None:
    chat = talk.chat
    await asyncio.gather(*(chat.changes.edit(talk.ada, talk.id, "one", "c1") for _ in range(4)))
    await chat.changes.edit(talk.ada, talk.id, "two", "c2")
    assert (await chat.changes.edit(talk.ada, talk.id, "one", "c1"))["text"] == "two"
    assert (await talk.message())["text"] == "two"
    assert await talk.kept() == ["hello", "one"]


async def test_an_earlier_message_leaves_the_list_as_it_is(talk: Talk) -> None:
    chat = talk.chat
    await chat.say(talk.bob, talk.room, "the last one")
    await chat.changes.edit(talk.ada, talk.id, "edited")
    await chat.changes.delete(talk.ada, talk.id, moderates=False)
    assert (await chat.conversations.get(talk.bob, talk.room))["lastMessage"]["text"] == "the last one"
    assert await chat.say(talk.ada, talk.room, "on") == 3


async def test_a_deletion_leaves_a_tombstone_and_the_numbers(talk: Talk) -> None:
    chat = talk.chat
    await chat.changes.react(talk.bob, talk.id, HEART, add=True)
    await chat.changes.delete(talk.ada, talk.id, moderates=False)
    gone = await chat.changes.delete(talk.ada, talk.id, moderates=False)
    await chat.sending.settle()
    assert (gone["text"], gone["seq"], gone["reactions"]) == ("", 1, {})
    assert gone["deletedAt"]
    assert "deletedBy" not in gone
    assert await talk.message() == gone
    assert await talk.kept() == ["hello"]
    assert (await chat.conversations.get(talk.bob, talk.room))["lastMessage"]["text"] == ""
    assert len(chat.told("message.deleted")) == 1
    with pytest.raises(MessageDeleted):
        await chat.changes.edit(talk.ada, talk.id, "back again")
    with pytest.raises(MessageDeleted):
        await chat.changes.react(talk.bob, talk.id, HEART, add=True)


async def test_only_who_said_it_changes_it_and_only_for_a_day(talk: Talk) -> None:
    chat = talk.chat
    eve = await chat.person("Eve")
    with pytest.raises(Forbidden):
        await chat.changes.edit(talk.bob, talk.id, "I said")
    with pytest.raises(Forbidden):
        await chat.changes.delete(talk.bob, talk.id, moderates=False)
    for refused in (
        chat.changes.edit(eve, talk.id, "x"),
        chat.changes.delete(eve, talk.id, moderates=False),
        chat.changes.react(eve, talk.id, HEART, add=True),
        chat.changes.edit(talk.ada, chat.ids.new(), "x"),
        chat.changes.edit(talk.ada, talk.room, "x"),
    ):
        with pytest.raises(MessageNotFound):
            await refused
    chat.clock.advance(timedelta(hours=24, seconds=1))
    with pytest.raises(TooLateToChange):
        await chat.changes.edit(talk.ada, talk.id, "late")
    with pytest.raises(TooLateToChange):
        await chat.changes.delete(talk.ada, talk.id, moderates=False)
    assert (await chat.changes.delete(eve, talk.id, moderates=True))["deletedAt"]


async def test_reactions_of_many_at_once_are_all_there(more: Callable[[], Instance]) -> None:
    one, two = more(), more()
    talk = await Talk(one).begin()
    await asyncio.gather(
        one.changes.react(talk.ada, talk.id, HEART, add=True),
        two.changes.react(talk.bob, talk.id, HEART, add=True),
        one.changes.react(talk.ada, talk.id, EMOJIS[0], add=True),
        two.changes.react(talk.bob, talk.id, EMOJIS[1], add=True),
        one.changes.edit(talk.ada, talk.id, "edited meanwhile"),
    )
    message = await talk.message()
    assert {emoji: set(people) for emoji, people in message["reactions"].items()} == {
        HEART: {talk.ada, talk.bob},
        EMOJIS[0]: {talk.ada},
        EMOJIS[1]: {talk.bob},
    }
    assert message["text"] == "edited meanwhile"
    for _ in range(2):
        await two.changes.react(talk.ada, talk.id, EMOJIS[0], add=False)
    assert set((await talk.message())["reactions"]) == {HEART, EMOJIS[1]}


async def test_reactions_are_bounded(talk: Talk) -> None:
    for emoji in EMOJIS[:20]:
        await talk.chat.changes.react(talk.ada, talk.id, emoji, add=True)
    with pytest.raises(Invalid):
        await talk.chat.changes.react(talk.bob, talk.id, EMOJIS[20], add=True)
    await talk.chat.changes.react(talk.bob, talk.id, EMOJIS[19], add=True)


async def test_a_change_costs_two_reads_and_one_batch(talk: Talk) -> None:
    with talk.chat.documents.measure() as calls:
        await talk.chat.changes.edit(talk.ada, talk.id, "edited")
    assert calls.by_kind == {"find": 1, "query": 1, "batch": 1}


async def test_what_a_crash_left_untold_is_told_by_the_queue(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = talk.chat

    async def refuse(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as down:
        down.setattr(chat.realtime, "send_to_group", refuse)
        await chat.changes.edit(talk.ada, talk.id, "edited")
        await chat.changes.react(talk.bob, talk.id, HEART, add=True)
        await chat.sending.settle()
    assert chat.told("message.updated") == []
    chat.clock.advance(timedelta(seconds=16))
    assert await chat.outbox.sweep(CHAT) == 2
    await chat.run_tasks()
    told = [(data["text"], data["reactions"]) for _, data in chat.told("message.updated")]
    assert told == [("edited", {HEART: [talk.bob]})] * 2, "each task tells the whole message"


@pytest.mark.parametrize(
    "emoji", ["👍", HEART, "❤", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "1️⃣", "🏴\U000e0067\U000e0062\U000e007f", "‼️"]
)
def test_emojis_are_taken(emoji: str) -> None:
    assert clean_emoji(emoji) == emoji


@pytest.mark.parametrize(
    "text", ["", "a", "ok", "<b>", "1", "+", "👍a", "\u200d", "\ufe0f", "👍" * 9, "é", "\x00", " 👍", "\ud800"]
)
def test_anything_else_is_not(text: str) -> None:
    with pytest.raises(Invalid):
        clean_emoji(text)


@given(st.text(max_size=12))
def test_whatever_is_taken_is_small_and_holds_no_letter(text: str) -> None:
    try:
        emoji = clean_emoji(text)
    except Invalid:
        return
    assert len(emoji.encode()) <= MAX_EMOJI_BYTES
    assert not any(char.isalpha() or char in "<>&\"'/\\" or ord(char) < 32 for char in emoji)


async def test_a_change_that_is_told_late_is_told_whole(talk: Talk) -> None:
    """A reaction was told by nobody; by the time a job tells it, the message was edited, and then deleted."""
    chat = talk.chat
    await chat.changes.react(talk.bob, talk.id, HEART, add=True)
    edited = await chat.changes.edit(talk.ada, talk.id, "edited")
    await chat.sending.settle()
    chat.realtime.sent.clear()
    await chat.changes.tell(talk.id)
    assert chat.told("reaction.updated") == [], "who knows the message before the reaction would miss the edit"
    assert chat.told("message.updated") == [(f"group:c.{talk.room}", edited)]
    assert (edited["version"], edited["text"], edited["reactions"]) == (2, "edited", {HEART: [talk.bob]})
    gone = await chat.changes.delete(talk.ada, talk.id, moderates=False)
    await chat.sending.settle()
    chat.realtime.sent.clear()
    await chat.changes.tell(talk.id)
    assert [event["event"] for _, event in chat.realtime.sent] == ["message.deleted"]
    assert chat.told("message.deleted") == [(f"group:c.{talk.room}", gone)]


async def test_each_change_has_a_version_by_which_clients_put_events_in_order(talk: Talk) -> None:
    chat = talk.chat
    assert (await talk.message())["version"] == 0
    await chat.changes.react(talk.bob, talk.id, HEART, add=True)
    await chat.changes.edit(talk.ada, talk.id, "edited")
    await chat.changes.react(talk.bob, talk.id, HEART, add=False)
    await chat.sending.settle()
    told = [event["data"]["version"] for _, event in chat.realtime.sent if "version" in event["data"]]
    assert told[-3:] == [1, 2, 3]
    assert (await talk.message())["version"] == 3
