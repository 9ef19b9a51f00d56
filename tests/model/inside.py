"""The application without its edge: several instances over the same stores, each of which may die at any call."""

import asyncio
import json
import random
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar, cast
from uuid import uuid4

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.queues.sqlite import SqliteQueue
from domain.chat.bindings import Bindings
from domain.chat.connections import Connections
from domain.chat.model import Draft
from domain.chat.sync_page import Cursor
from domain.chat.views import message_view
from domain.kernel.documents import DocumentStore
from domain.kernel.errors import DomainError, Unavailable
from domain.kernel.outbox import queued_task
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance
from tests.factories import ManualClock
from tests.model.app import NoAnswer, Refused
from tests.model.device import Device
from tests.model.switchboard import Connection, Switchboard
from tests.world import RecordingRealtime

T = TypeVar("T")
HEART: Final = "\u2764\ufe0f"
QUIET: Final = timedelta(milliseconds=2)


@dataclass
class Life:
    """Of one instance. At its last call, before or after it was done, it dies: nothing it does from then on counts."""

    dice: random.Random
    calls_left: int | None = None
    fails_one_in: int = 0
    """So often a call fails, half of those times after it was done."""

    @property
    def is_over(self) -> bool:
        return self.calls_left == 0

    @property
    def is_in_danger(self) -> bool:
        return self.calls_left is not None or self.fails_one_in > 0

    async def call(self, work: Awaitable[T]) -> T:
        early, late = self._moments()
        if early:
            cast("Any", work).close()
            raise Unavailable(retry_after=1)
        for _ in range(self.dice.randrange(3)):
            await asyncio.sleep(0)
        done = await work
        if late or self.is_over:
            raise Unavailable(retry_after=1)
        return done

    def _moments(self) -> tuple[bool, bool]:
        if self.is_over:
            return True, False
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left == 0:
                return self.dice.random() < 0.5, True
        if self.fails_one_in and self.dice.randrange(self.fails_one_in) == 0:
            early = self.dice.random() < 0.5
            return early, not early
        return False, False


class Mortal:
    """Any port, as long as its owner lives."""

    def __init__(self, port: Any, life: Life) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **named: Any) -> Any:
            return await self._life.call(method(*args, **named))

        return call


class Everybody:
    """Every session stands."""

    async def may_connect(self, user_id: str, session_id: str) -> bool:  # noqa: ARG002
        return True

    async def stands(self, user_id: str, session_id: str) -> bool:  # noqa: ARG002
        return True


@dataclass
class Inside:
    """One instance, as `tests.model.app.App`."""

    chat: Instance
    connections: Connections
    life: Life

    @classmethod
    def begin(
        cls,
        documents: DocumentStore,
        board: Switchboard,
        queue: SqliteQueue,
        blobs: EmbeddedBlobs,
        clock: ManualClock,
        dice: random.Random,
    ) -> "Inside":
        life = Life(dice)
        mortal = CountingDocuments(cast("DocumentStore", Mortal(documents, life)))
        realtime = cast("RecordingRealtime", Mortal(board, life))
        chat = Instance(mortal, realtime, blobs, clock, cast("SqliteQueue", Mortal(queue, life)), QUIET)
        bindings = Bindings(mortal, Everybody())
        return cls(chat, Connections(chat.conversations, realtime, Everybody(), bindings, clock), life)

    async def _ask(self, work: Awaitable[T]) -> T:
        try:
            done = await work
        except Unavailable as error:
            raise NoAnswer from error
        except DomainError as error:
            if self.life.is_over:
                raise NoAnswer from error
            raise Refused(error.code) from error
        if self.life.is_over:
            raise NoAnswer
        return done

    async def send(self, who: str, room: str, text: str, key: str) -> dict[str, Any]:
        return message_view(await self._ask(self.chat.sending.send(room, Draft(who, text, key))))

    async def edit(self, who: str, message_id: str, text: str, key: str) -> None:
        await self._ask(self.chat.changes.edit(who, message_id, text, key))

    async def delete(self, who: str, message_id: str) -> None:
        await self._ask(self.chat.changes.delete(who, message_id, moderates=False))

    async def react(self, who: str, message_id: str, *, add: bool) -> None:
        await self._ask(self.chat.changes.react(who, message_id, HEART, add=add))

    async def read(self, who: str, room: str, seq: int) -> int:
        return (await self._ask(self.chat.receipts.read(who, room, seq))).last_read_seq

    async def open_direct(self, who: str, other: str) -> str:
        return str((await self._ask(self.chat.conversations.open_direct(who, other))).view["id"])

    async def open_group(self, who: str, others: list[str], name: str) -> str:
        opened = await self._ask(self.chat.groups.open(who, others, name, new_id=self.chat.ids.new()))
        return str(opened["id"])

    async def add(self, who: str, room: str, other: str) -> None:
        await self._ask(self.chat.groups.add(who, room, [other]))

    async def remove(self, who: str, room: str, other: str) -> None:
        await self._ask(self.chat.groups.remove(who, room, other))

    async def rename(self, who: str, room: str, name: str) -> None:
        await self._ask(self.chat.groups.change(who, room, name=name))

    async def set_role(self, who: str, room: str, other: str, role: str) -> None:
        await self._ask(self.chat.groups.set_role(who, room, other, role))

    async def rooms(self, who: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        below = None
        while True:
            page = await self._ask(self.chat.conversations.page(who, limit=3, below=below))
            rows += page.items
            below = page.next_after
            if below is None:
                return rows

    async def room(self, who: str, room: str) -> dict[str, Any]:
        return await self._ask(self.chat.conversations.get(who, room))

    async def messages(self, who: str, room: str, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
        page = await self._ask(self.chat.history.page(who, room, after=after, limit=limit))
        return page.items, page.has_more

    async def sync(self, who: str, since: Any, limit: int) -> tuple[list[dict[str, Any]], Any, bool] | None:
        if since is None:
            return [], self.chat.sync.begin(), False
        assert isinstance(since, Cursor)
        page = await self._ask(self.chat.sync.page(who, since, limit=limit))
        return (page.changes, page.cursor, page.has_more) if page else None

    async def let_in(self, board: Switchboard, device: Device) -> Connection:
        """What the service does when a client connects: ask, join, open. `connected` is told by the caller."""
        connection_id = uuid4().hex
        groups = await self._ask(self.connections.connect(connection_id, device.me, device.name))
        connection = Connection(connection_id, device, set(groups))
        board.connections.append(connection)
        return connection

    async def connected(self, device: Device) -> None:
        await self._ask(self.connections.connected(device.me))

    async def do_jobs(self) -> None:
        """What timers and the queue `chat` would do now. What fails comes round again."""
        for timer in (self.chat.publisher.publish_pending(), self.chat.outbox.sweep("chat")):
            with suppress(NoAnswer):
                await self._ask(timer)
        for message in await self._ask(self.chat.queue.receive("chat", limit=32, visibility=timedelta(seconds=30))):
            with suppress(NoAnswer):
                await self._ask(self._follow(json.loads(message.body)))
                await self._ask(self.chat.queue.delete(message))

    async def _follow(self, payload: dict[str, Any]) -> None:
        await self.chat.outbox.keep_trying("chat", queued_task("chat", payload), self.chat.tasks.run(payload))
