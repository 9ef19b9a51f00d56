"""Drafts: one for each person and conversation, gone once sent."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.chat.drafts import SavedDraft
from domain.chat.errors import ConversationNotFound, DraftNotFound, NotParticipant
from domain.kernel.errors import PreconditionFailed
from tests.chat.lounge import Instance


async def drafted(chat: Instance, who: str, where: str) -> str | None:
    try:
        return (await chat.drafts.get(who, where)).text
    except DraftNotFound:
        return None


async def synced(chat: Instance, who: str, cursor: Any) -> tuple[list[Any], Any]:
    """The drafts that changed since *cursor*, and the next one."""
    page = await chat.sync.page(who, cursor, limit=100)
    assert page is not None
    return [change["data"]["text"] for change in page.changes if change["type"] == "draft"], page.cursor


async def test_each_has_their_own_and_the_last_one_saved_counts(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.drafts.save(ada, room, "I th", None)
    await chat.drafts.save(ada, room, "I think", None)
    assert [await drafted(chat, who, room) for who in (ada, bob)] == ["I think", None]
    await chat.behind.settle()
    told = [(where, data["text"]) for where, data in chat.told("draft.updated")]
    assert told == [(f"user:{ada}", "I th"), (f"user:{ada}", "I think")]
    for _ in range(2):
        await chat.drafts.clear(ada, room)
    assert await drafted(chat, ada, room) is None


async def test_sending_takes_it_away_for_no_further_call(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    for who in (ada, bob):
        await chat.drafts.save(who, room, "I think", None)
    with chat.documents.measure() as calls:
        await chat.say(ada, room, "I think so")
    assert calls.by_kind == {"find_many": 1, "batch": 1}
    assert [await drafted(chat, who, room) for who in (ada, bob)] == [None, "I think"]
    await chat.drafts.save(ada, room, "And", None)
    assert await drafted(chat, ada, room) == "And"


async def test_the_list_shows_its_beginning_for_no_further_call(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.drafts.save(ada, room, "x" * 4000, None)
    with chat.documents.measure() as calls:
        mine = (await chat.conversations.page(ada, limit=20)).items
    assert calls.by_kind == {"query": 1, "find_many": 1}
    assert [row["draft"]["text"] for row in mine] == ["x" * 200]
    assert [row["draft"] for row in (await chat.conversations.page(bob, limit=20)).items] == [None]
    await chat.say(ada, room, "x")
    assert [row["draft"] for row in (await chat.conversations.page(ada, limit=20)).items] == [None]


async def test_devices_that_were_away_learn_of_it_once(chat: Instance) -> None:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    chat.clock.advance(timedelta(minutes=5))
    cursors = {who: chat.sync.begin() for who in (ada, bob)}
    chat.clock.advance(timedelta(minutes=5))
    await chat.drafts.save(ada, room, "I th", None)
    with chat.documents.measure() as calls:
        texts, cursors[ada] = await synced(chat, ada, cursors[ada])
    assert (texts, calls.by_kind) == (["I th"], {"query": 1, "find_many": 1})
    for wait in (0, 30, 3600):
        chat.clock.advance(timedelta(seconds=wait))
        texts, cursors[ada] = await synced(chat, ada, cursors[ada])
        assert texts == []
    assert (await synced(chat, bob, cursors[bob]))[0] == [], "drafts of others are nobody's business"
    await chat.drafts.clear(ada, room)
    assert (await synced(chat, ada, cursors[ada]))[0] == [None]


async def test_only_where_one_is(chat: Instance) -> None:
    ada, bob, eve = [await chat.person(name) for name in ("Ada", "Bob", "Eve")]
    direct, group = await chat.direct(ada, bob), await chat.group(ada, bob)
    for room, refusal in ((direct, ConversationNotFound), (group, NotParticipant)):
        for ask in (chat.drafts.get(eve, room), chat.drafts.save(eve, room, "x", None), chat.drafts.clear(eve, room)):
            with pytest.raises(refusal):
                await ask
    await chat.drafts.save(bob, group, "I shall", None)
    await chat.groups.remove(ada, group, bob)
    with pytest.raises(NotParticipant):
        await chat.drafts.get(bob, group)
    await chat.groups.add(ada, group, [bob])
    assert await drafted(chat, bob, group) is None


async def test_of_two_who_expect_the_same_draft_one_saves(more: Callable[[], Instance]) -> None:
    one, other = more(), more()
    ada = await one.person("Ada")
    room = await one.direct(ada, await one.person("Bob"))
    await one.drafts.save(ada, room, "seen", None)

    def seen(current: SavedDraft | None) -> None:
        if current is None or current.text != "seen":
            raise PreconditionFailed

    saves = [(one, "one"), (other, "other")] * 3
    outcomes = await asyncio.gather(
        *(chat.drafts.save(ada, room, text, None, expected=seen) for chat, text in saves), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, SavedDraft)]
    assert [await drafted(one, ada, room)] == [draft.text for draft in won]
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 5


async def test_who_reads_meanwhile_does_not_spoil_a_save(more: Callable[[], Instance]) -> None:
    """A receipt moves the place, too: what was expected is still there, so it is saved."""
    chat = more()
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    await chat.drafts.save(ada, room, "seen", None)
    for seq in range(1, 6):
        await chat.say(bob, room, "hello")
        await asyncio.gather(
            chat.receipts.read(ada, room, seq), chat.drafts.save(ada, room, "more", None, expected=lambda _: None)
        )
    assert await drafted(chat, ada, room) == "more"
