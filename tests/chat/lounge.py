"""Chat over a real store: two people, their conversation, and what the realtime service was told."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.content.inspecting import ContentInspector
from adapters.queues.sqlite import SqliteQueue
from adapters.search.scan import ScanningIndex
from adapters.secrets.files import FileKeys
from domain.chat.attached import HOLDER, MessageHolder
from domain.chat.attaching import Attaching
from domain.chat.behind import Behind
from domain.chat.changes import Changes
from domain.chat.conversations import Conversations
from domain.chat.drafts import Drafts
from domain.chat.due import DueMessages
from domain.chat.expiry import Expiry
from domain.chat.groups import Groups
from domain.chat.history import History
from domain.chat.holding import LegalHolds
from domain.chat.known import Known
from domain.chat.model import Draft, Message, partition_of
from domain.chat.people import StoredPeople
from domain.chat.places import Places
from domain.chat.presence import Presence
from domain.chat.publishing import Publisher
from domain.chat.receipts import Receipts
from domain.chat.reception import Reception
from domain.chat.records import HEAD
from domain.chat.reports import Reports
from domain.chat.retention import Retention
from domain.chat.scheduling import Scheduling
from domain.chat.sending import Sending
from domain.chat.signals import Typing
from domain.chat.sync import Sync
from domain.chat.tasks import ChatTasks
from domain.files.attached import MessageFiles
from domain.files.holders import Holders
from domain.files.kinds import TXT, Category
from domain.files.model import Caller, upload_name
from domain.files.ports import Blobs
from domain.files.service import Files
from domain.files.sweeping import FileSweep
from domain.files.uploads import Announced, Uploads
from domain.kernel.containers import CHAT
from domain.kernel.ids import SystemIds
from domain.kernel.outbox import Outbox
from domain.kernel.people import Person, person_item
from tests.budget import CountingDocuments
from tests.factories import ManualClock
from tests.world import RecordingRealtime


def blobs_in(folder: Path, clock: ManualClock) -> EmbeddedBlobs:
    return EmbeddedBlobs(folder / "blobs", FileKeys(folder / "keys.json"), clock, api_url="http://localhost:7071")


@dataclass
class Instance:
    """One process of the app: several may share the stores."""

    documents: CountingDocuments
    realtime: RecordingRealtime
    blobs: Blobs
    clock: ManualClock
    queue: SqliteQueue
    quiet: timedelta = timedelta(minutes=1)
    """Longer than any test: what was published is acknowledged when it settles, never in the midst of a measurement."""
    ids: SystemIds = field(init=False)

    def __post_init__(self) -> None:
        self.ids = SystemIds(self.clock)
        people = StoredPeople(self.documents)
        outbox = self.outbox = Outbox(self.documents, self.queue, self.clock)
        self.behind = Behind()
        self.known = Known(self.clock)
        self.places = Places(self.documents, people, self.realtime, self.clock)
        self.conversations = Conversations(
            self.documents, people, self.places, outbox, self.known, self.clock, self.ids
        )
        self.attachments = MessageFiles(self.documents, self.blobs, self.clock)
        self.uploads = Uploads(self.documents, self.blobs, ContentInspector(), self.clock)
        self.sync = Sync(self.documents, self.attachments, self.conversations, self.clock)
        self.groups = Groups(
            self.documents,
            self.conversations,
            people,
            self.places,
            self.realtime,
            outbox,
            self.behind,
            self.known,
            None,
            self.clock,
            self.ids,
        )
        self.history = History(self.documents, self.attachments, self.known)
        self.drafts = Drafts(self.documents, self.realtime, self.behind, self.clock)
        self.receipts = Receipts(self.documents, self.realtime, outbox, self.behind, self.clock, self.ids)
        self.changes = Changes(
            self.documents,
            self.attachments,
            self.realtime,
            outbox,
            self.behind,
            self.known,
            self.clock,
            self.ids,
            timedelta(hours=24),
        )
        holders = Holders({HOLDER: MessageHolder(self.documents, self.changes.lose_file)})
        self.files = Files(self.documents, self.blobs, self.clock, holders)
        self.sweep = FileSweep(self.documents, self.blobs, self.clock, holders)
        self.presence = Presence(self.documents, self.realtime, self.behind, self.clock, self.ids)
        self.scheduling = Scheduling(self.documents, self.realtime, outbox, self.behind, self.clock, self.ids)
        self.tasks = ChatTasks(
            self.documents,
            self.clock,
            self.places,
            self.groups,
            self.changes,
            self.presence,
            self.scheduling,
            self.receive(),
        )
        self.typing = Typing(self.documents, self.realtime, self.known, self.behind, self.clock)
        self.publisher = Publisher(self.documents, self.realtime, self.attachments, self.clock, self.quiet)
        self.attaching = Attaching(self.documents, self.attachments, self.ids.new)
        self.sending = Sending(
            self.documents,
            self.publisher,
            self.attaching,
            outbox,
            self.behind,
            self.known,
            self.clock,
            self.ids.new,
            lambda lost: 0.001 * lost,
        )
        self.due = DueMessages(self.documents, self.sending, self.realtime, self.behind, self.clock)
        self.retention = Retention(self.documents, self.groups, outbox, self.behind, self.clock, self.ids)
        self.legal_holds = LegalHolds(self.documents, people, outbox, self.clock, self.ids)
        self.reports = Reports(self.documents, self.changes, people, outbox, self.clock, self.ids)
        self.expiry = Expiry(self.documents, ScanningIndex(self.documents), self.realtime, outbox, self.clock, self.ids)

    def receive(self, *hosts: str) -> Reception:
        """Guests, by these."""
        return Reception(self.documents, self.groups, StoredPeople(self.documents), hosts)

    async def person(self, name: str, *, status: str = "active") -> str:
        """Somebody others can talk to; returns the id."""
        user_id = self.ids.new()
        await self.documents.create(CHAT, person_item(Person(user_id, name, None, status), version=1))
        return user_id

    async def direct(self, one: str, other: str) -> str:
        return str((await self.conversations.open_direct(one, other)).view["id"])

    async def group(self, lead: str, *others: str, name: str | None = "Welders") -> str:
        return str((await self.groups.open(lead, others, name, new_id=self.ids.new()))["id"])

    async def say(self, who: str, where: str, text: str, client_message_id: str | None = None) -> int:
        message = await self.sending.send(where, Draft(who, text, client_message_id))
        return message.seq

    async def upload(self, who: str, content: bytes = b"hello, file\n", category: Category = Category.MESSAGE) -> str:
        """A complete file of theirs; returns the id."""
        caller = Caller(who, verified=True)
        announced = Announced("plan.txt", TXT, len(content), category)
        file, _ = await self.uploads.begin(caller, announced, self.ids.new())
        await self.blobs.put(upload_name(file.id), content, media_type=TXT)
        await self.uploads.complete(caller, file.id)
        return file.id

    async def attach(
        self, who: str, where: str, *file_ids: str, text: str = "", client_message_id: str | None = None
    ) -> Message:
        return await self.sending.send(where, Draft(who, text, client_message_id, file_ids=file_ids))

    async def say_all(self, who: str, where: str, count: int) -> list[int]:
        """*count* messages at once."""
        return await asyncio.gather(*(self.say(who, where, f"{n}") for n in range(count)))

    def draft(self, who: str, text: str) -> Draft:
        return Draft(who, text)

    async def unacknowledged(self, room: str) -> str | None:
        """The mark of what is yet to be published there."""
        head = await self.documents.find(CHAT, partition_of(room), HEAD)
        assert head is not None
        return head.item.get("publishDueAt")

    def told(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The data of the events *name*, and where each was sent."""
        return [(where, event["data"]) for where, event in self.realtime.sent if event["event"] == name]

    async def run_tasks(self) -> None:
        """What the queue trigger `chat` does."""
        for message in await self.queue.receive("chat", limit=32, visibility=timedelta(seconds=30)):
            await self.tasks.run(json.loads(message.body))
            await self.queue.delete(message)

    def published(self) -> list[int]:
        """The seqs of `message.new`, in the order they were published."""
        return [event["data"]["seq"] for _, event in self.realtime.sent if event["event"] == "message.new"]
