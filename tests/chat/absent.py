"""People with accounts who talk, go away, and are told what they missed."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.queues.sqlite import SqliteQueue
from domain.chat.digests import DIGEST, Digests
from domain.chat.noticing import Noticing
from domain.chat.unread import UnreadCount
from domain.kernel.accounts import ACCOUNT_ID, Account, Digest, Preferences, Status
from domain.kernel.containers import ACCOUNTS, CHAT
from domain.kernel.people import Person, person_item
from tests.chat.lounge import Instance

AWAY_FOR = timedelta(hours=1)
DEFAULTS = Preferences()
HOURLY = Preferences(email_digest=Digest.HOURLY)


@dataclass
class Street:
    """One process, and its queues worked off by hand."""

    chat: Instance

    def __post_init__(self) -> None:
        chat = self.chat
        self.unread = UnreadCount(chat.documents, chat.clock)
        self.digests = Digests(chat.documents, chat.outbox, self.unread, chat.clock, chat.ids, AWAY_FOR)
        self.noticing = Noticing(chat.documents, chat.queue, self.digests, chat.clock, pushes=True)

    async def move_in(self, name: str, preferences: Preferences = DEFAULTS, **members: Any) -> str:
        account = Account(
            id=self.chat.ids.new(),
            email=f"{name.lower()}@people.example",
            email_key=name,
            name=name,
            password_hash="",
            created_at=self.chat.clock.now(),
            updated_at=self.chat.clock.now(),
            status=Status.ACTIVE,
            email_verified=True,
            preferences=preferences,
        )
        account = replace(account, **members)
        await self.chat.documents.create(ACCOUNTS, account.to_item())
        await self.chat.documents.create(CHAT, person_item(Person(account.id, name, None, "active"), version=1))
        return account.id

    async def prefer(self, user_id: str, **changes: Any) -> None:
        stored = await self.chat.documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        assert stored is not None
        account = Account.from_item(stored.item)
        await self.chat.documents.upsert(
            ACCOUNTS, replace(account, preferences=replace(account.preferences, **changes)).to_item()
        )

    async def say(self, who: str, where: str, text: str = "hello") -> int:
        seq = await self.chat.say(who, where, text)
        await self.chat.sending.settle()
        return seq

    async def wait(self, duration: timedelta = timedelta(seconds=6)) -> None:
        """Time passes; then outboxes are swept, and the queue `notices` is worked off."""
        self.chat.clock.advance(duration)
        await self.chat.outbox.sweep(CHAT)
        await self.work()

    async def work(self) -> None:
        while messages := await self.chat.queue.receive("notices", limit=32, visibility=timedelta(minutes=5)):
            for message in messages:
                await self.noticing.run(json.loads(message.body))
                await self.chat.queue.delete(message)

    @asynccontextmanager
    async def queue_down(self) -> AsyncGenerator[None]:
        """Nothing can be queued in the meantime."""
        broken = SqliteQueue(Path("/dev/null/queues.db"), self.chat.clock)
        self.chat.outbox._queue = broken
        yield
        self.chat.outbox._queue = self.chat.queue
        await broken.close()

    async def tasks(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in await self.chat.queue.peek("notices")]

    async def mails(self) -> list[str]:
        """To whom digests were queued, in order."""
        return [json.loads(message.body)["userId"] for message in await self.chat.queue.peek("mail")]

    async def is_expected(self, user_id: str) -> bool:
        """Whether a digest task is pending for them."""
        stored = await self.chat.documents.find(CHAT, user_id, DIGEST)
        return stored is not None and stored.item["pending"] is not None
