"""Behind a burst of messages: who of the conversation has missed it, and how they get to know.

The work of a `notice` task (`notices.py`), and of the tasks that follow it in the same queue. Everything is read anew,
so it may run late, twice, or beside another.
Reads are a handful of calls for 500 people; writes happen only for those who are away, and not again while a digest
is pending. Walk: docs/flows/missed-messages.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domain.chat.access import look_into
from domain.chat.devices import DEVICES, devices_of
from domain.chat.digests import DIGEST, Digests, record_of
from domain.chat.model import Member, Message, partition_of, unread_count
from domain.chat.notices import NOTICES
from domain.chat.places import each
from domain.chat.presence import NOBODY, PRESENCE, attendance_of
from domain.chat.push import Device
from domain.chat.pushing import PUSHES, push_task
from domain.chat.records import membership_id
from domain.chat.unread import read_newest
from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.clock import Clock, from_iso
from domain.kernel.containers import ACCOUNTS, CHAT
from domain.kernel.documents import DocumentStore, Stored
from domain.kernel.outbox import NO_DELAY, Queue

MAX_KEYS: Final = 1000
"""Of one `find_many`."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One person who is away and has not read the burst. *digest* is their digest item, as it was read; *devices* are
    empty where nothing is pushed."""

    user_id: str
    digest: Stored | None
    devices: Sequence[Device]
    seq: int
    """The newest message they missed."""
    mentioned: bool


class Noticing:
    def __init__(self, documents: DocumentStore, queue: Queue, digests: Digests, clock: Clock, *, pushes: bool) -> None:
        """*pushes* says whether push is set up."""
        self._documents = documents
        self._queue = queue
        self._digests = digests
        self._clock = clock
        self._pushes = pushes

    async def run(self, task: Mapping[str, Any]) -> None:
        """Do a task of the queue `notices`. Safe to repeat. Raises Unavailable, and KeyError for what nobody wrote."""
        match task["task"]:
            case "notice":
                await self._notice(task)
            case "missed":
                await self._digests.expect(task["userIds"])
            case "digest":
                await self._digests.run(task)
            case unknown:
                raise KeyError(unknown)

    async def _notice(self, task: Mapping[str, Any]) -> None:
        early = from_iso(task["at"]) - self._clock.now()
        if early > NO_DELAY:
            # A host that starts again may show what was to wait: the burst goes on until then.
            await self._queue.send(NOTICES, dict(task), delay=early + timedelta(seconds=1))
            return
        missing = await self._missing(task["conversationId"], seq=task["seq"])
        await self._push(task["conversationId"], [person for person in missing if person.devices])
        now = self._clock.now()
        unexpected = [person.user_id for person in missing if not record_of(person.digest).is_pending(now)]
        if unexpected:
            # By a task of its own: a store that takes five hundred writes slowly makes nobody be pushed to twice.
            await self._queue.send(NOTICES, {"task": "missed", "userIds": unexpected})

    async def _push(self, conversation_id: str, reachable: Sequence[Missing]) -> None:
        """Queue a push to each device of those who want it now."""
        now, accounts = self._clock.now(), await self._accounts(reachable)
        pushes = [
            push_task(person.user_id, device, conversation_id, seq=person.seq, mentioned=person.mentioned, now=now)
            for person in reachable
            if person.user_id in accounts and accounts[person.user_id].preferences.takes_pushes(now)
            for device in person.devices
        ]
        await each(pushes, lambda push: self._queue.send(PUSHES, push))

    async def _missing(self, conversation_id: str, *, seq: int) -> list[Missing]:
        """Who is away, has not read what was said from *seq* on, and wants to hear of it: two queries and, for 500
        people, two or three `find_many`."""
        room = await look_into(self._documents, partition_of(conversation_id), None)
        if room is None:
            return []
        behind = [member for member in room.members if unread_count(room.conversation, member)]
        away = await self._away(behind)
        said = await read_newest(self._documents, conversation_id, after=seq - 1) if away else ()
        heard = {member.user_id: unheard(member, said) for member in away}
        concerned = [user_id for user_id, messages in heard.items() if messages]
        items = (membership_id(conversation_id), DIGEST, *((DEVICES,) if self._pushes else ()))
        found = await self._find_all(CHAT, [(user_id, item_id) for user_id in concerned for item_id in items])
        missing = []
        for n, user_id in enumerate(concerned):
            place, digest, *listed = found[n * len(items) : (n + 1) * len(items)]
            mentioned = any(user_id in message.mentions for message in heard[user_id])
            if mentioned or not (place and place.item.get("muted")):
                devices = devices_of(listed[0]) if listed else []
                seq = max(message.seq for message in heard[user_id])
                missing.append(Missing(user_id, digest, devices, seq, mentioned))
        return missing

    async def _away(self, members: Sequence[Member]) -> list[Member]:
        now = self._clock.now()
        found = await self._find_all(CHAT, [(member.user_id, PRESENCE) for member in members])
        return [
            member
            for member, presence in zip(members, found, strict=True)
            if not (attendance_of(presence.item) if presence else NOBODY).is_active(now)
        ]

    async def _accounts(self, missing: Iterable[Missing]) -> dict[str, Account]:
        """Of those who may still sign in."""
        found = await self._find_all(ACCOUNTS, [(person.user_id, ACCOUNT_ID) for person in missing])
        accounts = [Account.from_item(stored.item) for stored in found if stored]
        return {account.id: account for account in accounts if account.verified}

    async def _find_all(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Stored | None]:
        found: list[Stored | None] = []
        for start in range(0, len(keys), MAX_KEYS):
            found += await self._documents.find_many(container, keys[start : start + MAX_KEYS])
        return found


def unheard(member: Member, said: Iterable[Message]) -> list[Message]:
    """What others said since the member's cursor."""
    return [message for message in said if message.seq > member.last_read_seq and message.sender_id != member.user_id]
