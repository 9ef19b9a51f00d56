"""Much of something, written through the store's adapter: no rules are applied, no event is published."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from domain.chat.model import Conversation, Member, Message, message_id, partition_of
from domain.chat.records import HEAD, head_item, member_item, message_item, place_item, roll_item
from domain.courses.entries import entry_item
from domain.courses.model import Stats
from domain.kernel.containers import CHAT, COURSES
from domain.kernel.documents import Create, DocumentStore, Item, Patch
from domain.kernel.ids import Ids
from tests.courses import a_course

A_BATCH: Final = 100
AT_ONCE: Final = 50
"""Batches that may share a commit."""


async def fill_messages(
    documents: DocumentStore, room: str, senders: Sequence[str], count: int, *, began: datetime, text: str
) -> None:
    """The first *count* messages of a conversation that is there, published, a second apart."""

    def message(seq: int) -> Item:
        moment = began + timedelta(seconds=seq)
        made = message_id(conversation_id=room, seq=seq, now=moment)
        return message_item(Message(made, room, seq, senders[seq % len(senders)], f"{text} {seq}", moment))

    await _write(documents, CHAT, (message(seq) for seq in range(1, count + 1)))
    head = {"lastSeq": count, "publishedSeq": count}
    await documents.patch(CHAT, partition_of(room), Patch(HEAD, set=head))


async def fill_conversations(
    documents: DocumentStore, ids: Ids, me: str, other: str, count: int, now: datetime
) -> None:
    """*count* groups of the same two people, quiet for as many seconds as there are before them, a day at least."""

    def items() -> Iterable[tuple[list[Item], Item]]:
        for number in range(count):
            moment = now - timedelta(days=1, seconds=number)
            conversation = Conversation(ids.new(), "group", f"Group {number}", moment, (), 0, None, moment)
            members = [Member(who, "admin", moment, 0, None) for who in (me, other)]
            room = [member_item(member, conversation_id=conversation.id) for member in members]
            yield (
                [head_item(conversation), roll_item(conversation.id), *room],
                place_item(conversation, members, members[0], moment),
            )

    made = list(items())
    await _batches(documents, CHAT, (room for room, _ in made))
    await _write(documents, CHAT, (place for _, place in made))


async def fill_courses(documents: DocumentStore, count: int, *, changed_at: datetime) -> None:
    """Entries of the catalogue, a millisecond apart."""
    moments = ((number, changed_at + timedelta(milliseconds=number)) for number in range(count))
    await _write(
        documents, COURSES, (entry_item(a_course(number).course, Stats(), changed_at=at) for number, at in moments)
    )


async def _write(documents: DocumentStore, container: str, items: Iterable[Item]) -> None:
    """All of one partition."""
    rest = iter(items)
    await _batches(documents, container, iter(lambda: list(islice(rest, A_BATCH)), []))


async def _batches(documents: DocumentStore, container: str, batches: Iterable[list[Item]]) -> None:
    rest = iter(batches)
    while some := list(islice(rest, AT_ONCE)):
        await asyncio.gather(
            *(documents.batch(container, items[0]["pk"], [Create(item) for item in items]) for items in some)
        )
