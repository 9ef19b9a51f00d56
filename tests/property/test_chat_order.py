"""The order of messages, and cursors in it: whatever is sent and read, in whatever batches."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.chat.model import Draft, message_id, partition_of
from domain.chat.planning import plan_batch
from domain.chat.records import HEAD
from domain.chat.sending import BATCH_MESSAGES
from domain.kernel.documents import MAX_BATCH_OPERATIONS, Create, Replace, Stored
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.factories import NOON, ManualClock
from tests.world import RecordingRealtime

ROOM = "019bdb46-aa00-70cd-99d3-6fe56207b801"
KEYS = st.none() | st.uuids().map(str)
DRAFTS = st.builds(Draft, st.integers(0, 30).map(str), st.text(min_size=1, max_size=5), KEYS, claim=KEYS)
ROUNDS = st.lists(st.tuples(st.lists(DRAFTS, min_size=1, max_size=BATCH_MESSAGES), st.floats(0, 1e6)), max_size=8)


def an_empty_head() -> Stored:
    item = {
        "id": HEAD,
        "pk": partition_of(ROOM),
        "conversationId": ROOM,
        "lastSeq": 0,
        "publishedSeq": 0,
        "touchedOn": "2026-01-01T00:00:00.000Z",
        "syncedOn": "2026-01-01T00:00:00.000Z",
        "memberCount": 3,
        "between": [],
    }
    return Stored(item, "1")


@given(ROUNDS)
def test_batches_number_messages_without_a_gap_and_fit_the_store(rounds: list[tuple[list[Draft], float]]) -> None:
    head, now, seen = an_empty_head(), NOON, list[tuple[int, str]]()
    for drafts, seconds in rounds:
        now += timedelta(seconds=seconds)
        plan = plan_batch(head, drafts, now=now, published_seq=0, new_id="task")
        assert len(plan.operations) <= MAX_BATCH_OPERATIONS
        assert len(plan.operations) == len(plan.owners)
        step = plan.operations[0]
        assert isinstance(step, Replace)
        assert step.if_match == head.etag, "it holds only while the head does"
        made = [each.item["id"] for each in plan.operations if isinstance(each, Create)]
        assert len(made) == len(set(made))
        assert {message.sender_id for message in plan.messages} == {draft.sender_id for draft in drafts}
        assert [message.text for message in plan.messages] == [draft.text for draft in drafts]
        seen += [(message.seq, message.id) for message in plan.messages]
        head = Stored(step.item, head.etag + "1")
        assert head.item["lastSeq"] == seen[-1][0]
        assert head.item["lastMessage"]["text"] == drafts[-1].text
    assert [seq for seq, _ in seen] == list(range(1, len(seen) + 1))
    assert len({each for _, each in seen}) == len(seen)
    assert all(partition_of(each) == partition_of(ROOM) for _, each in seen), "an id leads to its conversation"


@given(st.integers(1, 10**9), st.integers(0, 4000), st.integers(0, 10**12))
def test_ids_of_one_moment_are_in_the_order_of_seq(seq: int, more: int, millis: int) -> None:
    moment = NOON + timedelta(milliseconds=millis % 10**10)
    one, other = (message_id(conversation_id=ROOM, seq=each, now=moment) for each in (seq, seq + 1 + more))
    assert one != other
    assert (one < other) is (seq % 4096 < (seq + 1 + more) % 4096), "within twelve bits; time is above them"
    assert one < message_id(conversation_id=ROOM, seq=seq, now=moment + timedelta(milliseconds=1))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("read"), st.integers(0, 1), st.integers(0, 30)),
    ),
    max_size=25,
)


async def play(folder: Path, steps: list[tuple[str, int, int]]) -> None:
    clock = ManualClock()
    documents, queue = SqliteDocuments(folder / "d.db", clock), SqliteQueue(folder / "q.db", clock)
    quiet = timedelta(milliseconds=1)
    chat = Instance(CountingDocuments(documents), RecordingRealtime(), blobs_in(folder, clock), clock, queue, quiet)
    try:
        people = [await chat.person("Ada"), await chat.person("Bob")]
        room = await chat.direct(*people)
        last, cursors = 0, [0, 0]
        for what, who, number in steps:
            clock.advance(seconds=1)
            if what == "say":
                assert sorted(await chat.say_all(people[who], room, number)) == list(range(last + 1, last + number + 1))
                last += number
                cursors[who] = last  # who writes has read what came before
            else:
                cursors[who] = max(cursors[who], min(number, last))
                receipt = await chat.receipts.read(people[who], room, number)
                assert (receipt.last_read_seq, receipt.unread_count) == (cursors[who], last - cursors[who])
            for person, cursor in zip(people, cursors, strict=True):
                view = await chat.conversations.get(person, room)
                assert (view["lastReadSeq"], view["unreadCount"]) == (cursor, last - cursor)
            for message in (await chat.history.page(people[0], room, after=0, limit=1000)).items:
                readers = {
                    person
                    for person, cursor in zip(people, cursors, strict=True)
                    if cursor >= message["seq"] and person != message["senderId"]
                }
                assert set(message["readBy"]) == readers
    finally:
        await chat.sending.settle()
        await queue.close()
        await documents.close()


@settings(max_examples=30)
@given(STEPS)
def test_cursors_only_go_on_and_all_counts_follow_from_them(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), steps))
