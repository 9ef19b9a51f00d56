"""Files over their stores: budgets, what a crash leaves, and what the sweep makes of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.content.inspecting import ContentInspector
from adapters.documents.sqlite import SqliteDocuments
from adapters.secrets.files import FileKeys
from domain.files.attached import MessageFiles
from domain.files.errors import FileNotFound, FileRefused, NotUploaded
from domain.files.holders import Holders
from domain.files.kinds import JPEG, PDF, TXT, Category
from domain.files.model import FILE_ID, Caller, State, StoredFile, from_item, upload_name
from domain.files.service import Files
from domain.files.sweeping import FileSweep
from domain.files.uploads import Announced, Uploads
from domain.files.uses import AvatarFiles, FormFiles
from domain.kernel.attachments import ClaimState
from domain.kernel.containers import FILES
from domain.kernel.documents import Patch, Stored
from domain.kernel.errors import Unavailable
from tests.budget import CountingDocuments
from tests.contents import SOUND, a_pdf
from tests.factories import ManualClock, ids

HELLO = b"hello, world\n"
ADA_ID, EVE_ID = (f"01890a5d-ac96-774b-bcce-b302099a80{n}" for n in (57, 58))
ADA, EVE = (Caller(user_id, "user", verified=True) for user_id in (ADA_ID, EVE_ID))
STRANGER = Caller(None)


class FailingBlobs(EmbeddedBlobs):
    """Down, for deletions, while *down*."""

    down = False

    async def delete_all(self, prefix: str) -> None:
        if self.down:
            raise Unavailable
        await super().delete_all(prefix)


@dataclass
class Shared:
    """A feature that holds files by the claim `shared:1`."""

    granted: set[tuple[str, str]] = field(default_factory=set)

    states: dict[str, ClaimState] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    forgotten: list[str] = field(default_factory=list)

    async def may_read(self, user_id: str, file_id: str, claim: str) -> bool:
        return claim == "shared:1" and (user_id, file_id) in self.granted

    async def state(self, file_id: str, claim: str) -> ClaimState:
        return self.states.get(file_id, ClaimState.STANDS if claim == "shared:1" else ClaimState.ABSENT)

    async def is_frozen(self, file_id: str, claim: str) -> bool:
        return claim == "shared:1" and file_id in self.frozen

    async def forget(self, file_id: str, claim: str) -> None:
        if claim == "shared:1":
            self.forgotten.append(file_id)


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.ids = ids(self.clock)
        self.documents = CountingDocuments(SqliteDocuments(folder / "documents.db", self.clock))
        self.blobs = FailingBlobs(folder, FileKeys(folder / "keys.json"), self.clock, api_url="http://localhost:7071")
        self.shared = Shared()
        self.uploads = Uploads(self.documents, self.blobs, ContentInspector(), self.clock)
        holders = Holders({"shared": self.shared})
        self.files = Files(self.documents, self.blobs, self.clock, holders)
        self.sweep = FileSweep(self.documents, self.blobs, self.clock, holders)
        self.message_files = MessageFiles(self.documents, self.blobs, self.clock)
        self.form_files = FormFiles(self.documents)
        self.avatars = AvatarFiles(self.documents)
        self.folder = folder

    async def begin(
        self, content: bytes = HELLO, kind: str = TXT, category: Category = Category.DOCUMENT, caller: Caller = ADA
    ) -> str:
        ending = {TXT: "txt", PDF: "pdf", JPEG: "jpg"}[kind]
        announced = Announced(f"a.{ending}", kind, len(content), category)
        file, _ = await self.uploads.begin(caller, announced, self.ids.new())
        await self.blobs.put(upload_name(file.id), content, media_type=kind)
        return file.id

    async def add(
        self, content: bytes = HELLO, kind: str = TXT, category: Category = Category.DOCUMENT, caller: Caller = ADA
    ) -> str:
        file_id = await self.begin(content, kind, category, caller)
        await self.uploads.complete(caller, file_id)
        return file_id

    async def item(self, file_id: str) -> StoredFile | None:
        stored = await self.documents.find(FILES, file_id, FILE_ID)
        return None if stored is None else from_item(stored.item)

    def leaves(self, file_id: str) -> list[str]:
        return sorted(path.name for path in (self.folder / "kept").glob(f"{file_id}/*"))


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncGenerator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    await shelf.documents.close()


async def test_each_call_keeps_to_its_budget(shelf: Shelf) -> None:
    with shelf.documents.measure() as calls:
        file_id = await shelf.begin()
    assert calls.by_kind == {"create": 1}
    with shelf.documents.measure() as calls:
        await shelf.uploads.complete(ADA, file_id)
    assert calls.by_kind == {"find": 1, "replace": 1}
    with shelf.documents.measure() as calls:
        await shelf.uploads.complete(ADA, file_id)
        await shelf.files.get(ADA, file_id)
    assert calls.by_kind == {"find": 2}
    with shelf.documents.measure() as calls:
        await shelf.files.delete(ADA, file_id)
    assert calls.by_kind == {"find": 1, "replace": 1}
    shelf.clock.advance(seconds=1)
    with shelf.documents.measure() as calls:
        await shelf.sweep.run()
    assert calls.by_kind == {"query_everywhere": 1, "replace": 1}
    forms = [await shelf.add(a_pdf(), PDF, Category.FORM) for _ in range(3)]
    with shelf.documents.measure() as calls:
        assert await shelf.form_files.claim(forms, claimant="f") == set()
    assert calls.by_kind == {"find_many": 1, "patch": 3}


async def test_who_holds_a_file_lets_people_read_it(shelf: Shelf) -> None:
    file_id = await shelf.add(category=Category.MESSAGE)
    shelf.shared.granted.add((EVE_ID, file_id))
    with pytest.raises(FileNotFound):  # nobody holds it yet
        await shelf.files.get(EVE, file_id)
    assert (await shelf.message_files.claim(ADA_ID, [file_id], claim="shared:1")).refused == {}
    with shelf.documents.measure() as calls:
        assert (await shelf.files.get(EVE, file_id)).url is not None
    assert calls.by_kind == {"find": 1}
    with pytest.raises(FileNotFound):
        await shelf.files.get(STRANGER, file_id)
    with pytest.raises(FileNotFound):
        await shelf.files.delete(EVE, file_id)
    await shelf.files.delete(ADA, file_id)
    assert shelf.shared.forgotten == [file_id]
    for caller in (ADA, EVE):
        with pytest.raises(FileNotFound):
            await shelf.files.get(caller, file_id)


async def test_a_file_is_claimed_once_and_by_the_same_claim_again(shelf: Shelf) -> None:
    one, two = [await shelf.add(category=Category.MESSAGE) for _ in range(2)]
    with shelf.documents.measure() as calls:
        claimed = await shelf.message_files.claim(ADA_ID, [two, one], claim="shared:1")
    assert calls.by_kind == {"find_many": 1, "patch": 2}
    assert [(each.id, each.name, each.size, each.media_type) for each in claimed.attachments] == [
        (two, "a.txt", len(HELLO), TXT),
        (one, "a.txt", len(HELLO), TXT),
    ]
    assert await shelf.message_files.claim(ADA_ID, [two, one], claim="shared:1") == claimed
    three = await shelf.add(category=Category.MESSAGE)
    again = await shelf.message_files.claim(ADA_ID, [three, one], claim="shared:2")
    assert again.refused == {one: "in_use"}
    item = await shelf.item(three)
    assert item is not None
    assert item.claimed_by is None, "where one cannot be had, none is taken"


async def test_what_cannot_be_claimed(shelf: Shelf) -> None:
    mine, theirs = await shelf.add(category=Category.DOCUMENT), await shelf.add(category=Category.MESSAGE, caller=EVE)
    pending = await shelf.begin(category=Category.MESSAGE)
    nothing = shelf.ids.new()
    file_ids = [mine, theirs, pending, nothing, "../../etc/passwd"]
    claimed = await shelf.message_files.claim(ADA_ID, file_ids, claim="shared:1")
    assert claimed.refused == dict.fromkeys(file_ids, "unknown_file")
    stored = await shelf.documents.find(FILES, pending, FILE_ID)
    assert stored is not None
    await shelf.documents.replace(FILES, {**stored.item, "state": "quarantined"})
    assert (await shelf.message_files.claim(ADA_ID, [pending], claim="shared:1")).refused == {pending: "scanning"}


async def test_of_two_claims_at_once_one_gets_all_of_its_files(shelf: Shelf) -> None:
    for _ in range(10):
        one, two, three = [await shelf.add(category=Category.MESSAGE) for _ in range(3)]
        first, second = await asyncio.gather(
            shelf.message_files.claim(ADA_ID, [one, two], claim="shared:1"),
            shelf.message_files.claim(ADA_ID, [three, two], claim="shared:2"),
        )
        assert bool(first.refused) != bool(second.refused)
        held = {file_id: item.claimed_by for file_id in (one, two, three) if (item := await shelf.item(file_id))}
        if second.refused:
            assert held == {one: "shared:1", two: "shared:1", three: None}
        else:
            assert held == {one: None, two: "shared:2", three: "shared:2"}


async def test_a_claim_that_fails_gives_nothing_back_that_its_twin_counts_on(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = [await shelf.add(category=Category.MESSAGE) for _ in range(2)]
    claim, patch = shelf.message_files.claim, shelf.documents.patch
    taken: list[str] = []

    async def interrupted(container: str, pk: str, change: Patch) -> Stored:
        taken.append(pk)
        if taken == [one, two]:  # the first call has one: now its twin takes it, too, and a stranger the other
            assert not (await claim(ADA_ID, [one], claim="shared:1")).refused
            assert not (await claim(ADA_ID, [two], claim="shared:2")).refused
        return await patch(container, pk, change)

    with monkeypatch.context() as patched:
        patched.setattr(shelf.documents, "patch", interrupted)
        assert (await claim(ADA_ID, [one, two], claim="shared:1")).refused == {two: "in_use"}
    held = [item.claimed_by for file_id in (one, two) if (item := await shelf.item(file_id))]
    assert held == ["shared:1", "shared:2"]


async def test_a_claim_that_came_to_nothing_gives_the_file_back_and_then_it_goes(shelf: Shelf) -> None:
    file_id = await shelf.add(category=Category.MESSAGE)
    await shelf.message_files.claim(ADA_ID, [file_id], claim="shared:lost")
    shelf.clock.advance(minutes=59)
    assert await shelf.sweep.run() == 0
    shelf.clock.advance(minutes=2)
    assert await shelf.sweep.run() == 1
    item = await shelf.item(file_id)
    assert item is not None
    assert item.claimed_by is None
    assert (await shelf.files.get(ADA, file_id)).url is not None
    shelf.clock.advance(days=1, seconds=1)
    await shelf.sweep.run()
    assert (await shelf.item(file_id), shelf.leaves(file_id)) == (None, [])


async def test_a_file_that_is_held_stays_until_its_holder_is_gone(shelf: Shelf) -> None:
    file_id = await shelf.add(category=Category.MESSAGE)
    await shelf.message_files.claim(ADA_ID, [file_id], claim="shared:1")
    shelf.clock.advance(days=2)
    assert await shelf.sweep.run() == 1
    assert await shelf.sweep.run() == 0
    assert len(shelf.leaves(file_id)) == 1
    await shelf.message_files.discard([file_id], claim="shared:2", frozen=False)
    assert len(shelf.leaves(file_id)) == 1, "another claim's word is not this file's"
    await shelf.message_files.discard([file_id], claim="shared:1", frozen=False)
    assert shelf.leaves(file_id) == []
    await shelf.message_files.discard([file_id], claim="shared:1", frozen=False)


async def test_evidence_is_nobodys_to_read_and_stays_while_it_is_frozen(shelf: Shelf) -> None:
    one, two = [await shelf.add(category=Category.MESSAGE) for _ in range(2)]
    await shelf.message_files.claim(ADA_ID, [one, two], claim="shared:1")
    shelf.shared.frozen |= {one, two}
    await shelf.message_files.discard([one], claim="shared:1", frozen=True)
    await shelf.files.delete(ADA, two)
    for days in (0, 1, 2):
        shelf.clock.advance(days=days, seconds=1)
        await shelf.sweep.run()
        for file_id in (one, two):
            assert len(shelf.leaves(file_id)) == 1
            with pytest.raises(FileNotFound):
                await shelf.files.get(ADA, file_id)
    shelf.shared.frozen.clear()
    shelf.clock.advance(days=1, seconds=1)
    await shelf.sweep.run()
    for file_id in (one, two):
        assert (await shelf.item(file_id), shelf.leaves(file_id)) == (None, [])


async def test_an_upload_never_completed_is_swept_after_a_day(shelf: Shelf) -> None:
    waiting, done = await shelf.begin(), await shelf.add()
    shelf.clock.advance(days=1, seconds=-1)
    assert await shelf.sweep.run() == 0
    shelf.clock.advance(seconds=2)
    await asyncio.gather(shelf.sweep.run(), shelf.sweep.run())
    assert await shelf.sweep.run() == 0
    assert (await shelf.item(waiting), shelf.leaves(waiting)) == (None, [])
    assert (await shelf.files.get(ADA, done)).url is not None
    with pytest.raises(FileNotFound):
        await shelf.uploads.complete(ADA, waiting)


async def test_a_deletion_that_was_cut_short_is_finished(shelf: Shelf) -> None:
    file_id = await shelf.add()
    shelf.blobs.down = True
    await shelf.files.delete(ADA, file_id)
    assert len(shelf.leaves(file_id)) == 1
    with pytest.raises(FileNotFound):
        await shelf.files.get(ADA, file_id)
    shelf.clock.advance(seconds=1)
    with pytest.raises(Unavailable):
        await shelf.sweep.run()
    shelf.blobs.down = False
    await shelf.sweep.run()
    assert shelf.leaves(file_id) == []


async def test_bytes_that_arrive_after_a_deletion_go_too(shelf: Shelf) -> None:
    file_id = await shelf.add()
    await shelf.files.delete(ADA, file_id)
    shelf.clock.advance(minutes=14)
    await shelf.sweep.run()
    await shelf.blobs.put(upload_name(file_id), HELLO, media_type=TXT)  # by the URL that still lives
    with pytest.raises(FileNotFound):
        await shelf.uploads.complete(ADA, file_id)
    shelf.clock.advance(minutes=7)
    await shelf.sweep.run()
    assert (await shelf.item(file_id), shelf.leaves(file_id)) == (None, [])


async def test_a_refused_file_leaves_nothing_even_if_storage_is_down(shelf: Shelf) -> None:
    file_id = await shelf.begin(b"<html>", TXT)
    shelf.blobs.down = True
    with pytest.raises(FileRefused):
        await shelf.uploads.complete(ADA, file_id)
    shelf.blobs.down = False
    with pytest.raises(FileRefused):  # the same again, and not another look
        await shelf.uploads.complete(ADA, file_id)
    shelf.clock.advance(minutes=30)
    await shelf.sweep.run()
    assert (await shelf.item(file_id), shelf.leaves(file_id)) == (None, [])


async def test_completing_and_deleting_at_once_leaves_no_file_half_there(shelf: Shelf) -> None:
    for _ in range(10):
        file_id = await shelf.begin()

        async def completing(file_id: str = file_id) -> None:
            with suppress(FileNotFound, NotUploaded):
                await shelf.uploads.complete(ADA, file_id)

        await asyncio.gather(completing(), shelf.files.delete(ADA, file_id), completing())
        item = await shelf.item(file_id)
        assert item is not None
        assert item.state is State.DELETED
        with pytest.raises(FileNotFound):
            await shelf.files.get(ADA, file_id)
    shelf.clock.advance(minutes=30)
    await shelf.sweep.run()
    assert list((shelf.folder / "kept").glob("*/*")) == []


async def test_a_form_file_is_claimed_once(shelf: Shelf) -> None:
    one, other = [await shelf.add(a_pdf(), PDF, Category.FORM, STRANGER) for _ in range(2)]
    letter, waiting = await shelf.add(a_pdf(), PDF), await shelf.begin(a_pdf(), PDF, Category.FORM)
    claim = shelf.form_files.claim
    assert await claim([letter, waiting, "../x", one], claimant="a") == {letter, waiting, "../x"}
    first, twin = await asyncio.gather(claim([one, one], claimant="a"), claim([one], claimant="a"))
    assert (first, twin) == (set(), set())
    assert await claim([one, other], claimant="b") == {one}
    results = await asyncio.gather(*(claim([other], claimant=name) for name in "cdef"))
    assert sorted(map(len, results)) == [0, 1, 1, 1]


async def test_form_files_that_no_form_took_are_swept(shelf: Shelf) -> None:
    taken, left = [await shelf.add(a_pdf(), PDF, Category.FORM, STRANGER) for _ in range(2)]
    await shelf.form_files.claim([taken], claimant="a")
    shelf.clock.advance(days=2)
    await shelf.sweep.run()
    assert await shelf.item(taken) is not None
    assert (await shelf.item(left), shelf.leaves(left)) == (None, [])


async def test_all_of_somebodys_files_are_found_and_erased(shelf: Shelf) -> None:
    hers = [await shelf.add() for _ in range(3)]
    his = await shelf.add(caller=EVE)
    await shelf.add(a_pdf(), PDF, Category.FORM, STRANGER)
    assert ADA.user_id is not None
    assert [file.id for file in await shelf.files.list_owned(ADA.user_id)] == hers
    for _ in range(2):
        await shelf.files.delete_owned(ADA.user_id)
    assert [shelf.leaves(file_id) for file_id in hers] == [[], [], []]
    assert (await shelf.files.get(EVE, his)).url is not None


async def test_an_avatar_is_ones_own_and_complete(shelf: Shelf) -> None:
    file_id = await shelf.begin(SOUND[JPEG], JPEG, Category.AVATAR)
    assert ADA.user_id is not None
    assert EVE.user_id is not None
    assert not await shelf.avatars.may_use(ADA.user_id, file_id)
    await shelf.uploads.complete(ADA, file_id)
    assert await shelf.avatars.may_use(ADA.user_id, file_id)
    assert not await shelf.avatars.may_use(EVE.user_id, file_id)
    assert not await shelf.avatars.may_use(ADA.user_id, "../x")
    assert [leaf.partition("-")[2] for leaf in shelf.leaves(file_id)] == ["256", "512", "64"]


async def test_two_tries_of_one_request_announce_one_file(shelf: Shelf) -> None:
    announced, file_id = Announced("a.txt", TXT, 13, Category.DOCUMENT), shelf.ids.new()
    first = await shelf.uploads.begin(ADA, announced, file_id)
    assert await shelf.uploads.begin(ADA, announced, file_id) == first
