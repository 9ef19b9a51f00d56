"""Search, by both indexes: the same rule, the same access."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.search.fts import FtsIndex
from adapters.search.scan import ScanningIndex
from domain.chat.errors import ConversationNotFound
from domain.chat.search import MessageIndex, Search
from domain.kernel.errors import Invalid
from tests.chat.lounge import Instance


@dataclass
class Library:
    chat: Instance
    index: MessageIndex
    search: Search
    ada: str
    bob: str
    room: str

    async def found(self, me: str, text: str, room: str | None = None) -> list[str]:
        """All pages of three."""
        texts: list[str] = []
        below = None
        while True:
            page = (
                await self.search.in_conversation(me, room, text, limit=3, below=below)
                if room
                else await self.search.everywhere(me, text, limit=3, below=below)
            )
            texts += [item["text"] for item in page.items]
            below = page.next_below
            if below is None:
                return texts


@pytest.fixture(params=["fts", "scan"])
async def library(request: pytest.FixtureRequest, chat: Instance, tmp_path: Path) -> AsyncGenerator[Library]:
    """The scan looks at so few messages at a time that it has to page."""
    fts = FtsIndex(tmp_path / "search.db", chat.documents)
    index = fts if request.param == "fts" else ScanningIndex(chat.documents, in_one=4, in_each=2)
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    room = await chat.direct(ada, bob)
    yield Library(chat, index, Search(chat.documents, chat.attachments, index), ada, bob, room)
    await chat.sending.settle()
    await fts.close()


async def test_words_are_found_by_their_beginning_whatever_case_and_accents(library: Library) -> None:
    for text in ("Meet at the Café", "cafeteria is closed", "tea?", "straße", 'say "NEAR(a b)" AND * OR -'):
        await library.chat.say(library.ada, library.room, text)
    for asked, expected in {
        "CAFE": ["cafeteria is closed", "Meet at the Café"],
        "café meet": ["Meet at the Café"],
        "STRASSE": ["straße"],
        "feteria": [],
        "near": ['say "NEAR(a b)" AND * OR -'],
        '"tea" OR cafe': [],
    }.items():
        assert await library.found(library.bob, asked, library.room) == expected, asked


async def test_it_pages_through_all_newest_first(library: Library) -> None:
    for n in range(11):
        await library.chat.say(library.ada, library.room, f"word {n}" if n % 3 else f"other {n}")
    expected = [f"word {n}" for n in range(10, -1, -1) if n % 3]
    assert await library.found(library.bob, "word", library.room) == expected
    assert await library.found(library.bob, "word") == expected


async def test_edits_are_followed_and_deleted_text_is_gone(library: Library) -> None:
    chat = library.chat
    first = await chat.sending.send(library.room, chat.draft(library.ada, "an apple"))
    second = await chat.sending.send(library.room, chat.draft(library.ada, "another apple"))
    assert len(await library.found(library.bob, "apple", library.room)) == 2
    await chat.changes.edit(library.ada, first.id, "a pear")
    await chat.changes.delete(library.ada, second.id, moderates=False)
    assert await library.found(library.bob, "apple", library.room) == []
    assert await library.found(library.bob, "pear", library.room) == ["a pear"]


async def test_only_ones_own_conversations_are_searched(library: Library) -> None:
    chat = library.chat
    eve, dee = await chat.person("Eve"), await chat.person("Dee")
    group = await chat.group(eve, dee, library.bob)
    await chat.say(library.ada, library.room, "secret one")
    chat.clock.advance(timedelta(seconds=1))
    await chat.say(eve, group, "secret two")
    assert await library.found(library.bob, "secret") == ["secret two", "secret one"]
    assert await library.found(dee, "secret") == ["secret two"]
    assert await library.found(await chat.person("Nobody"), "secret") == []
    with pytest.raises(ConversationNotFound):
        await library.search.in_conversation(eve, library.room, "secret", limit=3)
    await chat.groups.remove(eve, group, dee)
    assert await library.found(dee, "secret") == []


async def test_a_search_needs_words(library: Library) -> None:
    for text in ("?!", " ".join(f"w{n}" for n in range(11))):
        with pytest.raises(Invalid):
            await library.search.everywhere(library.ada, text, limit=3)


async def test_a_lost_or_broken_index_is_filled_again(library: Library, tmp_path: Path) -> None:
    await library.chat.say(library.ada, library.room, "still here")
    (tmp_path / "other.db").write_bytes(b"this is no database" * 100)
    fresh = FtsIndex(tmp_path / "other.db", library.chat.documents)
    hits = await fresh.find([library.room], ["still"], below=None, limit=3)
    assert [message.text for message in hits.messages] == ["still here"]
    await fresh.close()


async def test_what_a_search_costs(library: Library) -> None:
    for n in range(3):
        await library.chat.say(library.ada, library.room, f"word {n}")
    await library.found(library.bob, "word")
    await library.chat.sending.settle()
    with library.chat.documents.measure() as calls:
        await library.search.everywhere(library.bob, "word", limit=3)
    assert calls.by_kind["query"] == 2
    assert calls.by_kind["find_many"] == (2 if isinstance(library.index, FtsIndex) else 1)
