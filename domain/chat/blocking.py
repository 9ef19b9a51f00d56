"""Blocking: while a block stands between two people, neither opens or writes to their direct conversation.

The truth is the item `block:<other>` in the partition of whoever blocks. The conversation's head bears a copy
(`blockedBy`), because a send reads nothing but the head: writing the mark moves the head, so whoever was about to
write by an older one loses that race and reads again. Between the two writes an outbox task is the net. Why both
sides: docs/adr/0150-a-block-silences-both.md.
"""

from dataclasses import dataclass
from typing import Any, Final

from domain.chat.errors import ConversationBusy, PersonNotFound
from domain.chat.known import Known
from domain.chat.model import direct_conversation_id, partition_of
from domain.chat.records import HEAD
from domain.chat.views import face
from domain.kernel.clock import Clock, to_iso
from domain.kernel.containers import CHAT
from domain.kernel.documents import (
    Create,
    Delete,
    DocumentStore,
    Item,
    ItemExists,
    ItemNotFound,
    ItemStale,
    Patch,
    Query,
)
from domain.kernel.errors import Invalid
from domain.kernel.ids import Ids
from domain.kernel.outbox import Outbox, Task, outbox_item
from domain.kernel.people import People

BLOCK: Final = "block:"
RACES: Final = 24
"""A busy conversation moves its head with each batch."""


@dataclass(frozen=True, slots=True)
class BlockPage:
    """*next_after* is the id to go on after, or None at the end."""

    items: list[dict[str, Any]]
    next_after: str | None


def block_keys(one: str, other: str) -> list[tuple[str, str]]:
    """Where it says whether *one* blocks *other*, and the other way round."""
    return [(one, BLOCK + other), (other, BLOCK + one)]


async def settle_blocks(documents: DocumentStore, one: str, other: str) -> None:
    """Have the head of their conversation say who blocks whom by now. Safe to repeat, and beside itself.

    One `find_many` when the head is right; else a patch, and a look whether it still is. Raises ConversationBusy.
    """
    pk = partition_of(direct_conversation_id(one, other))
    first, second = sorted((one, other))
    for _ in range(RACES):
        head, *blocks = await documents.find_many(CHAT, [(pk, HEAD), *block_keys(first, second)])
        wanted = [who for who, block in zip((first, second), blocks, strict=True) if block is not None]
        if head is None or head.item.get("blockedBy", []) == wanted:
            return
        change = (
            Patch(HEAD, set={"blockedBy": wanted}, if_match=head.etag)
            if wanted
            else Patch(HEAD, remove=("blockedBy",), if_match=head.etag)
        )
        try:
            await documents.patch(CHAT, pk, change)
        except (ItemStale, ItemNotFound):
            continue
    raise ConversationBusy(retry_after=1)


class Blocks:
    def __init__(
        self, documents: DocumentStore, people: People, outbox: Outbox, known: Known, clock: Clock, ids: Ids
    ) -> None:
        self._documents = documents
        self._people = people
        self._outbox = outbox
        self._known = known
        self._clock = clock
        self._ids = ids

    async def block(self, me: str, other: str) -> None:
        """Safe to repeat. Raises PersonNotFound, and Invalid for oneself."""
        if me == other:
            raise Invalid.field("userId", "yourself", "Name somebody else.")
        if await self._people.find(other) is None:
            raise PersonNotFound
        item = {
            "id": BLOCK + other,
            "pk": me,
            "type": "block",
            "userId": other,
            "blockedAt": to_iso(self._clock.now()),
        }
        task = self._task(me, other)
        try:
            await self._documents.batch(CHAT, me, [Create(item), Create(task)])
        except ItemExists:
            await settle_blocks(self._documents, me, other)
        else:
            await self._follow(task, me, other)

    async def unblock(self, me: str, other: str) -> None:
        """Safe to repeat; nobody blocked is fine."""
        task = self._task(me, other)
        try:
            await self._documents.batch(CHAT, me, [Delete(BLOCK + other), Create(task)])
        except ItemNotFound:
            await settle_blocks(self._documents, me, other)
        else:
            await self._follow(task, me, other)

    async def page(self, me: str, *, limit: int, above: str | None = None) -> BlockPage:
        """Whom *me* blocks. Two document calls."""
        found = await self._documents.query(CHAT, me, Query(starts=BLOCK, above=above, limit=limit + 1))
        page = [stored.item for stored in found[:limit]]
        people = await self._people.find_many([item["userId"] for item in page]) if page else {}
        items = [
            {"userId": item["userId"], **face(people.get(item["userId"])), "blockedAt": item["blockedAt"]}
            for item in page
        ]
        return BlockPage(items, page[-1]["id"] if len(found) > limit else None)

    def _task(self, me: str, other: str) -> Item:
        payload = {"task": "block", "userIds": [me, other]}
        return outbox_item(Task(self._ids.new(), "chat", payload), pk=me, now=self._clock.now())

    async def _follow(self, task: Item, me: str, other: str) -> None:
        await self._outbox.do_now(CHAT, task, settle_blocks(self._documents, me, other))
        for who in (me, other):
            self._known.forget(direct_conversation_id(me, other), who)
