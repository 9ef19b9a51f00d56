"""Files of messages: one message's only, read by who is there, gone with the message. On both stores of each kind."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
import pytest

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from adapters.search.scan import ScanningIndex
from domain.chat.attached import HOLDER, MessageHolder
from domain.chat.behind import Behind
from domain.chat.errors import ConversationNotFound, MessageDeleted
from domain.chat.model import Draft, Message, partition_of
from domain.chat.people import StoredPeople
from domain.chat.planning import plan_batch
from domain.chat.records import HEAD
from domain.chat.reported import Wanted
from domain.chat.reports import Reports
from domain.chat.search import Search
from domain.chat.sending import BATCH_MESSAGES
from domain.files.errors import FileNotFound
from domain.files.model import FILE_ID, Caller
from domain.files.ports import Blobs
from domain.kernel.attachments import Attachment, ClaimState
from domain.kernel.containers import CHAT, FILES
from domain.kernel.documents import MAX_BATCH_OPERATIONS, DocumentStore, Patch
from domain.kernel.errors import Forbidden, Invalid, Unavailable
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.factories import ManualClock
from tests.world import RecordingRealtime

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["embedded", pytest.param("cloud", marks=pytest.mark.servers)])
async def more(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Callable[[], Instance]]:
    """Makes instances over the same stores: the embedded ones, or Cosmos DB's and Blob Storage's protocols."""
    realtime, documents, blobs, clock = RecordingRealtime(), *await stores(request, tmp_path)
    queue = SqliteQueue(tmp_path / "queues.db", clock)
    made: list[Instance] = []

    def make() -> Instance:
        made.append(Instance(CountingDocuments(documents), realtime, blobs, clock, queue))
        return made[-1]

    yield make
    for instance in made:
        await instance.sending.settle()
    await queue.close()
    await blobs.close()
    await documents.close()


async def stores(request: pytest.FixtureRequest, folder: Path) -> tuple[DocumentStore, Blobs, ManualClock]:
    if request.param == "embedded":
        clock = ManualClock()
        return SqliteDocuments(folder / "documents.db"), blobs_in(folder, clock), clock
    from adapters.blobs.azure import AzureBlobs
    from adapters.documents.cosmos import CosmosDocuments

    clock = ManualClock(datetime.now(UTC).replace(microsecond=0))  # Blob Storage goes by its own
    server, azurite = request.getfixturevalue("cosmos_emulator"), request.getfixturevalue("azurite")
    documents = CosmosDocuments(server.url, f"db-{uuid4()}", key="a2V5")
    await documents.ensure_containers()
    return documents, AzureBlobs("files", clock, connection_string=azurite.connection_string), clock


async def two(chat: Instance) -> tuple[str, str, str]:
    ada, bob = await chat.person("Ada"), await chat.person("Bob")
    return ada, bob, await chat.direct(ada, bob)


async def may_read(chat: Instance, who: str, file_id: str) -> bool:
    try:
        return (await chat.files.get(Caller(who, "user", verified=True), file_id)).url is not None
    except FileNotFound:
        return False


async def claimed_by(chat: Instance, file_id: str) -> str | None:
    stored = await chat.documents.find(FILES, file_id, FILE_ID)
    assert stored is not None
    claim: str | None = stored.item["claimedBy"]
    return claim


async def has_bytes(chat: Instance, message: Message) -> list[bool]:
    names = [f"{each.id}/{each.version}" for each in message.attachments]
    return [await chat.blobs.stat(name) is not None for name in names]


def refusals(refused: Invalid) -> list[tuple[str, str]]:
    return [(fault.path, fault.code) for fault in refused.faults]


async def test_a_message_shows_its_files_wherever_it_is_shown(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    file_id = await chat.upload(ada)
    before = chat.sync.begin()
    await chat.attach(ada, room, file_id, text="the plan")
    await chat.sending.settle()
    page = await chat.history.page(bob, room)
    shown = page.items[-1]["attachments"]
    assert [{**each, "url": None} for each in shown] == [
        {"id": file_id, "name": "plan.txt", "url": None, "size": 12, "mimeType": "text/plain"}
    ]
    synced = await chat.sync.page(bob, before, limit=50)
    assert synced is not None
    search = Search(chat.documents, chat.attachments, ScanningIndex(chat.documents))
    found = await search.in_conversation(bob, room, "plan", limit=5)
    messages = [change["data"] for change in synced.changes if change["type"] == "message"]
    told = [data for _, data in chat.told("message.new")]
    for message in (*messages, *found.items, *told):
        assert message["attachments"] == shown, "within five minutes the link is the same"
    await check_link(chat, shown[0]["url"])


async def check_link(chat: Instance, url: str) -> None:
    """It reads the file, as an attachment of its type."""
    if isinstance(chat.blobs, EmbeddedBlobs):
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        grant = await chat.blobs.find_grant(parts.path.removeprefix("/_blobs/"), query)
        assert grant is not None
        told = (grant.sp, grant.rsct, grant.rscd)
    else:
        async with httpx.AsyncClient() as browser:
            reply = await browser.get(url)
        assert reply.content == b"hello, file\n"
        told = ("r", reply.headers["Content-Type"], reply.headers["Content-Disposition"])
    assert told[:2] == ("r", "text/plain")
    assert told[2].startswith('attachment; filename="plan.txt"')


async def test_files_cost_two_calls_and_one_for_each_and_reading_them_none(chat: Instance) -> None:
    ada, _, room = await two(chat)
    files = [await chat.upload(ada) for _ in range(3)]
    await chat.say(ada, room, "the first one also moves the conversation up")
    await chat.sending.settle()
    chat.sending._lanes.clear()
    chat.realtime.sent.clear()
    with chat.documents.measure() as calls:
        await chat.attach(ada, room, *files)
    assert calls.by_kind == {"find_many": 3, "patch": 3, "batch": 1}
    await chat.sending.settle()
    assert [where for where, _ in chat.realtime.sent] == [f"group:c.{room}"]
    with chat.documents.measure() as calls:
        page = await chat.history.page(ada, room)
    assert calls.by_kind == {"query": 2}
    assert [each["id"] for each in page.items[-1]["attachments"]] == files, "in the order they were named in"


async def test_a_file_is_one_messages_only(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    file_id, other = await chat.upload(ada), await chat.upload(ada)
    await chat.attach(ada, room, file_id)
    for where in (room, await chat.direct(ada, await chat.person("Cyd"))):
        with pytest.raises(Invalid) as refused:
            await chat.attach(ada, where, other, file_id, client_message_id="c")
        assert refusals(refused.value) == [("attachments[1].id", "in_use")]
        assert await claimed_by(chat, other) is None, "where one cannot be had, none is taken"
    with pytest.raises(Invalid) as refused:
        await chat.attach(bob, room, other)
    assert refusals(refused.value) == [("attachments[0].id", "unknown_file")]
    assert (await chat.attach(ada, room, other, client_message_id="c")).seq == 2


async def test_of_two_at_once_one_gets_the_file_and_the_other_loses_nothing(more: Callable[[], Instance]) -> None:
    one, other = more(), more()
    ada, _, room = await two(one)
    for _ in range(5):
        shared, own = await one.upload(ada), await one.upload(ada)
        outcomes = await asyncio.gather(
            one.attach(ada, room, shared, text="one"),
            other.attach(ada, room, own, shared, text="other"),
            return_exceptions=True,
        )
        sent = [outcome for outcome in outcomes if isinstance(outcome, Message)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Invalid)]
        assert (len(sent), len(refused)) == (1, 1)
        if sent[0].text == "one":
            assert (await other.attach(ada, room, own, text="other")).attachments[0].id == own


async def test_a_repeat_is_the_same_message_and_holds_the_same_files(more: Callable[[], Instance]) -> None:
    one, other = more(), more()
    ada, bob, room = await two(one)
    file_id, late = await one.upload(ada), await one.upload(ada)
    sent = await asyncio.gather(
        *(each.attach(ada, room, file_id, client_message_id="c") for each in (one, other, one, other))
    )
    assert len({message.id for message in sent}) == 1
    again = await other.attach(ada, room, late, client_message_id="c")
    assert again == sent[0]
    assert await claimed_by(one, late) is None, "it was sent before, so nothing more is taken"
    assert await may_read(one, bob, file_id)
    one.clock.advance(timedelta(days=8))
    assert await one.attach(ada, room, file_id, client_message_id="c") == sent[0], "longer than a plain text's"
    await one.sweep.run()
    assert await may_read(one, bob, file_id)


async def test_after_a_crash_before_the_message_the_retry_has_its_files(
    chat: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob, room = await two(chat)
    file_id = await chat.upload(ada)
    await _die_before_the_batch(chat, monkeypatch, ada, room, file_id)
    assert await claimed_by(chat, file_id) is not None
    assert not await may_read(chat, bob, file_id), "a claim is not a message"
    sent = await chat.attach(ada, room, file_id, client_message_id="c")
    assert [each.id for each in sent.attachments] == [file_id]
    assert await may_read(chat, bob, file_id)


async def test_after_a_crash_without_a_retry_the_file_is_given_back(
    chat: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, _, room = await two(chat)
    file_id = await chat.upload(ada)
    await _die_before_the_batch(chat, monkeypatch, ada, room, file_id)
    with pytest.raises(Invalid):
        await chat.attach(ada, room, file_id, client_message_id="another")
    chat.clock.advance(HOUR + SECOND)
    await chat.sweep.run()
    assert (await chat.attach(ada, room, file_id, client_message_id="another")).attachments
    chat.clock.advance(timedelta(days=2))
    await chat.sweep.run()
    assert await may_read(chat, ada, file_id)


async def _die_before_the_batch(
    chat: Instance, monkeypatch: pytest.MonkeyPatch, ada: str, room: str, file_id: str
) -> None:
    async def die(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as dying:
        dying.setattr(chat.documents, "batch", die)
        with pytest.raises(Unavailable):
            await chat.attach(ada, room, file_id, client_message_id="c")


async def test_an_upload_that_no_message_took_goes_after_a_day(chat: Instance) -> None:
    ada, _, room = await two(chat)
    file_id = await chat.upload(ada)
    chat.clock.advance(timedelta(days=1, seconds=1))
    await chat.sweep.run()
    with pytest.raises(Invalid):
        await chat.attach(ada, room, file_id)


async def test_who_may_not_write_takes_no_file(chat: Instance) -> None:
    _, bob, room = await two(chat)
    eve = await chat.person("Eve")
    file_id = await chat.upload(eve)
    for where in (room, chat.ids.new()):
        with pytest.raises(ConversationNotFound):
            await chat.attach(eve, where, file_id)
    assert await claimed_by(chat, file_id) is None
    assert not await may_read(chat, bob, file_id)
    assert (await chat.attach(eve, await chat.direct(eve, bob), file_id)).attachments


async def test_only_who_is_there_now_may_read(chat: Instance) -> None:
    ada, bob, cyd, eve = [await chat.person(name) for name in ("Ada", "Bob", "Cyd", "Eve")]
    room = await chat.group(ada, bob, cyd)
    file_id = await chat.upload(bob)
    await chat.attach(bob, room, file_id)
    await chat.sending.settle()
    assert [await may_read(chat, who, file_id) for who in (ada, bob, cyd, eve)] == [True, True, True, False]
    with chat.documents.measure() as calls:
        await may_read(chat, ada, file_id)
    assert calls.by_kind == {"find": 1, "find_many": 1}
    await chat.groups.remove(ada, room, cyd)
    assert not await may_read(chat, cyd, file_id)
    await chat.groups.remove(bob, room, bob)
    assert await may_read(chat, bob, file_id), "it is still their own"
    await chat.groups.add(ada, room, [cyd])
    assert await may_read(chat, cyd, file_id)


async def test_a_deleted_messages_files_are_nobodys_at_once_and_their_bytes_go(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    message = await chat.attach(ada, room, *[await chat.upload(ada) for _ in range(2)], text="sorry")
    assert await has_bytes(chat, message) == [True, True]
    gone = await chat.changes.delete(ada, message.id, moderates=False)
    assert (gone["text"], gone["attachments"]) == ("", [])
    for each in message.attachments:
        assert not await may_read(chat, bob, each.id)
    await chat.sending.settle()
    assert await has_bytes(chat, message) == [False, False]
    assert not await may_read(chat, ada, message.attachments[0].id)
    assert await chat.outbox.sweep(CHAT) == 0
    await chat.changes.delete(ada, message.id, moderates=False)
    with pytest.raises(MessageDeleted):
        await chat.changes.edit(ada, message.id, "no, not sorry")


async def test_a_crash_after_the_deletion_leaves_no_file(chat: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob, room = await two(chat)
    message = await chat.attach(ada, room, await chat.upload(ada))
    await chat.sending.settle()
    with monkeypatch.context() as dying:
        dying.setattr(Behind, "run", lambda _self, work: work.close())
        await chat.changes.delete(ada, message.id, moderates=False)
    assert await has_bytes(chat, message) == [True]
    assert not await may_read(chat, bob, message.attachments[0].id)
    chat.clock.advance(timedelta(seconds=16))
    await chat.outbox.sweep(CHAT)
    for _ in range(2):  # at least once
        await chat.run_tasks()
    assert await has_bytes(chat, message) == [False]


async def test_what_its_owner_deletes_is_shown_as_gone(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    first, second = await chat.upload(ada), await chat.upload(ada)
    message = await chat.attach(ada, room, first, second)
    await chat.sending.settle()
    await chat.files.delete(Caller(ada), first)
    await chat.sending.settle()
    shown = (await chat.history.page(bob, room)).items[-1]["attachments"]
    assert [(each["id"], each["name"], each["url"] is None) for each in shown] == [
        (first, "plan.txt", True),
        (second, "plan.txt", False),
    ]
    (_, told), *_ = chat.told("message.updated")
    assert told["attachments"] == shown
    assert told["editedAt"] is None, "nobody said anything else"
    assert await has_bytes(chat, message) == [False, True]
    await chat.changes.delete(ada, message.id, moderates=False)
    await chat.sending.settle()
    assert await has_bytes(chat, message) == [False, False]


async def test_a_crash_after_the_owners_deletion_is_made_good_by_the_sweep(
    chat: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob, room = await two(chat)
    file_id = await chat.upload(ada)
    await chat.attach(ada, room, file_id)

    async def die(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as dying:
        dying.setattr(MessageHolder, "forget", die)
        await chat.files.delete(Caller(ada), file_id)
    assert not await may_read(chat, bob, file_id)
    chat.clock.advance(SECOND)
    await chat.sweep.run()
    assert [each["url"] for each in (await chat.history.page(bob, room)).items[-1]["attachments"]] == [None]


async def test_what_is_reported_stays_for_administrators_until_they_let_go(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    message = await chat.attach(ada, room, await chat.upload(ada), await chat.upload(ada))
    reports = Reports(chat.documents, chat.changes, StoredPeople(chat.documents), chat.outbox, chat.clock, chat.ids)
    report, _ = await reports.report(bob, message.id, "look at this")
    await chat.files.delete(Caller(ada), message.attachments[0].id)
    await chat.changes.delete(ada, message.id, moderates=False)
    await chat.sending.settle()
    for _ in range(2):
        chat.clock.advance(timedelta(days=1, seconds=1))
        await chat.sweep.run()
        for each in message.attachments:
            assert not await may_read(chat, ada, each.id)
            assert not await may_read(chat, bob, each.id)
        assert await has_bytes(chat, message) == [True, True]
    assert (await reports.get(report.id)).report.said.attachments == message.attachments
    await reports.change(ada, await reports.get(report.id), Wanted(status="dismissed"), only_if_unchanged=False)
    chat.clock.advance(timedelta(days=1, seconds=1))
    await chat.sweep.run()
    assert await has_bytes(chat, message) == [False, False]


async def test_messages_arrive_though_no_link_can_be_made(chat: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob, room = await two(chat)
    file_id = await chat.upload(ada)

    async def down(*_: object, **__: object) -> str:
        raise Unavailable

    with monkeypatch.context() as away:
        away.setattr(chat.blobs, "sign_download", down)
        await chat.attach(ada, room, file_id, text="hello")
        await chat.sending.settle()
        shown = (await chat.history.page(bob, room)).items[-1]
    assert (shown["text"], [each["url"] for each in shown["attachments"]]) == ("hello", [None])
    assert chat.published() == [1]
    assert (await chat.history.page(bob, room)).items[-1]["attachments"][0]["url"] is not None


async def test_the_list_says_that_the_last_message_holds_files(chat: Instance) -> None:
    ada, bob, room = await two(chat)

    async def shown() -> tuple[str, int]:
        last = (await chat.conversations.get(bob, room))["lastMessage"]
        return last["text"], last["attachments"]

    message = await chat.attach(ada, room, await chat.upload(ada), await chat.upload(ada))
    assert await shown() == ("", 2)
    await chat.changes.delete(ada, message.id, moderates=False)
    assert await shown() == ("", 0)
    await chat.say(ada, room, "hello")
    assert await shown() == ("hello", 0)


async def test_editing_and_reacting_leave_the_files(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    message = await chat.attach(ada, room, await chat.upload(ada), text="teh plan")
    await chat.changes.react(bob, message.id, "👍", add=True)
    edited = await chat.changes.edit(ada, message.id, "the plan")
    assert [each["id"] for each in edited["attachments"]] == [message.attachments[0].id]
    assert await may_read(chat, bob, message.attachments[0].id)


async def test_a_block_lets_neither_attach_and_both_read_what_was_sent(chat: Instance) -> None:
    ada, bob, room = await two(chat)
    sent, kept = await chat.upload(ada), await chat.upload(ada)
    await chat.attach(ada, room, sent)
    await chat.documents.patch(CHAT, partition_of(room), Patch(HEAD, set={"blockedBy": [bob]}))
    with pytest.raises(Forbidden):
        await chat.attach(ada, room, kept)
    assert await claimed_by(chat, kept) is None
    assert await may_read(chat, bob, sent)


async def test_a_claim_says_what_became_of_it(chat: Instance) -> None:
    ada, _, room = await two(chat)
    holder = MessageHolder(chat.documents, chat.changes.lose_file)
    file_id = await chat.upload(ada)
    message = await chat.attach(ada, room, file_id)
    claim = await claimed_by(chat, file_id)
    assert claim is not None
    assert claim.startswith(f"{HOLDER}:{room}:")
    assert await holder.state(file_id, claim) is ClaimState.STANDS
    assert await holder.state(chat.ids.new(), claim) is ClaimState.ABSENT
    assert await holder.state(file_id, f"{HOLDER}:{room}:{'0' * 40}") is ClaimState.ABSENT
    await chat.changes.delete(ada, message.id, moderates=False)
    assert await holder.state(file_id, claim) is ClaimState.ENDED


async def test_a_file_named_twice_is_attached_once(chat: Instance) -> None:
    ada, _, room = await two(chat)
    file_id = await chat.upload(ada)
    message = await chat.sending.send(room, Draft(ada, "", file_ids=(file_id, file_id)))
    assert [each.id for each in message.attachments] == [file_id]


async def test_as_many_messages_as_are_written_at_once_fit_one_batch_with_files(chat: Instance) -> None:
    room = await chat.group(await chat.person("Ada"), await chat.person("Bob"))
    head = await chat.documents.find(CHAT, partition_of(room), HEAD)
    assert head is not None
    drafts = [
        Draft(chat.ids.new(), "x", "c", attachments=(Attachment("f", "n", 1, "t", "v"),), claim=str(number))
        for number in range(BATCH_MESSAGES)
    ]
    later = chat.clock.now() + timedelta(days=2)
    plan = plan_batch(head, drafts, now=later, published_seq=0, new_id=chat.ids.new())
    assert len(plan.operations) <= MAX_BATCH_OPERATIONS
