"""Stories of people who write, administrators who hold and let go, and sweeps on two instances that cross them."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.chat.errors import MessageDeleted, MessageNotFound, TooLateToChange
from domain.chat.legal_holds import CONVERSATION, PERSON
from domain.chat.model import partition_of
from domain.chat.records import HEAD
from domain.chat.reported import Wanted
from domain.kernel.clock import to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import Query
from tests.chat.lounge import Instance
from tests.chat.test_retention import DAY, Archive

DAYS = 10
STEPS = 50
GONE = (MessageNotFound, MessageDeleted, TooLateToChange)


class Story:
    def __init__(self, instances: list[Instance], archive: Archive, seed: int) -> None:
        self.instances, self.archive = instances, archive
        self.random = random.Random(seed)  # noqa: S311 - the story is to be told again
        self.said: list[str] = []
        self.reports: list[str] = []
        self.holds: set[tuple[str, str]] = set()
        self.was_lifted = False

    def some(self) -> Instance:
        return self.random.choice(self.instances)

    async def step(self) -> None:
        """One thing, or two at once."""
        deeds = [self.say, self.say, self.say, self.edit, self.delete, self.report, self.decide, self.hold, self.lift]
        chosen = self.random.sample(deeds, 2) if self.random.random() < 0.5 else [self.random.choice(deeds)]
        sweeps = [each.expiry.run() for each in self.instances] if self.random.random() < 0.5 else []
        await asyncio.gather(*(deed() for deed in chosen), *sweeps)
        for each in self.instances:
            await each.sending.settle()
            await each.run_tasks()
        self.instances[0].clock.advance(self.random.choice((DAY / 24, DAY, 3 * DAY)))

    async def say(self) -> None:
        archive, chat = self.archive, self.some()
        who = self.random.choice((archive.ada, archive.bob))
        for _ in range(self.random.choice((1, 1, 30))):
            self.said.append((await chat.sending.send(archive.room, chat.draft(who, "hello"))).id)

    async def edit(self) -> None:
        await self._change("edit")

    async def delete(self) -> None:
        await self._change("delete")

    async def _change(self, how: str) -> None:
        if not self.said:
            return
        message, chat = self.random.choice(self.said[-40:]), self.some()
        try:
            if how == "edit":
                sender = (await chat.changes.find(self.archive.ada, message)).message.sender_id
                await chat.changes.edit(sender, message, f"changed {self.random.random()}")
            else:
                await chat.changes.delete(self.archive.ada, message, moderates=True)
        except GONE:
            return

    async def report(self) -> None:
        if not self.said:
            return
        try:
            report, _ = await self.some().reports.report(self.archive.bob, self.random.choice(self.said[-40:]), "x")
        except GONE:
            return
        self.reports.append(report.id)

    async def decide(self) -> None:
        if not self.reports:
            return
        desk = self.some().reports
        status = self.random.choice(("dismissed", "acted"))
        held = await desk.get(self.random.choice(self.reports))
        await desk.change(self.archive.grace, held, Wanted(status=status), only_if_unchanged=False)

    async def hold(self) -> None:
        if self.random.random() < 0.3:
            subject = self.random.choice(((CONVERSATION, self.archive.room), (PERSON, self.archive.bob)))
            self.holds.add(subject)
            await self.some().legal_holds.set(self.archive.grace, *subject, "A complaint.")

    async def lift(self) -> None:
        for subject in sorted(self.holds):
            self.was_lifted = True
            self.holds.discard(subject)
            await self.some().legal_holds.lift(self.archive.grace, *subject, "Settled.")

    async def check(self) -> set[str]:
        """History has no gaps, and nothing before its beginning. Returns all there is of messages, and before edits."""
        chat, pk = self.instances[0], partition_of(self.archive.room)
        head = await chat.documents.find(CHAT, pk, HEAD)
        assert head is not None
        page = await chat.history.page(self.archive.bob, self.archive.room, after=0, limit=1000)
        expected = range(head.item.get("firstSeq", 1), head.item["lastSeq"] + 1)
        assert [item["seq"] for item in page.items] == list(expected)
        return await self.kept()

    async def kept(self) -> set[str]:
        pk = partition_of(self.archive.room)
        found = [
            stored.item
            for starts in ("0", "edit:")
            for stored in await self.instances[0].documents.query(CHAT, pk, Query(starts=starts, limit=1000))
        ]
        return {item["id"] for item in found}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_crosses_nothing_held_goes_and_all_else_does(more: Callable[[], Instance], seed: int) -> None:
    instances = [more(), more()]
    chat = instances[0]
    archive = await Archive(chat).begin(days=DAYS)
    story = Story(instances, archive, seed)
    before: set[str] = set()
    was_held = False
    for _ in range(STEPS):
        story.was_lifted = False
        await story.step()
        after = await story.check()
        if was_held and not story.was_lifted:
            assert before <= after, "something went under a hold"
        before, was_held = after, bool(story.holds)
    await story.lift()
    for report in story.reports:
        held = await chat.reports.get(report)
        await chat.reports.change(archive.grace, held, Wanted(status="dismissed"), only_if_unchanged=False)
    for _ in range(3):
        chat.clock.advance(DAY)
        await asyncio.gather(*(instance.sending.settle() for instance in instances))
        await chat.publisher.publish_pending()  # what is yet to be published stays
        await chat.run_tasks()
        await chat.expiry.run()
    left = (await chat.history.page(archive.bob, archive.room, limit=1000)).items
    cutoff = to_iso(chat.clock.now() - timedelta(days=DAYS))
    assert all(item["timestamp"] >= cutoff for item in left)
    young = {item["id"] for item in left}
    assert {each for each in await story.kept() if each.split(":")[1 if ":" in each else 0] not in young} == set()
