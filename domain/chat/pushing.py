"""Pushing to devices: one task for each, so that one that fails is tried again by itself."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.access import is_present
from domain.chat.devices import DEVICES, ENDPOINT, Devices, devices_of, is_owner
from domain.chat.model import partition_of
from domain.chat.ports import PushService, Sessions
from domain.chat.presence import PRESENCE, attendance_of
from domain.chat.push import TTL, Device, Outcome, Urgency, payload_of, topic_of
from domain.chat.records import MEMBER, member_of
from domain.kernel.accounts import ACCOUNT_ID, Account
from domain.kernel.clock import Clock, from_iso, to_iso
from domain.kernel.containers import ACCOUNTS, CHAT
from domain.kernel.documents import DocumentStore
from domain.kernel.errors import Unavailable
from domain.kernel.outbox import Queue

PUSHES: Final = "pushes"
"""The queue of `push_task`."""

WORTH_IT_FOR: Final = timedelta(hours=1)
"""After that the news is old: the device learns it when it is next opened."""

FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(minutes=10)


def push_task(
    user_id: str, device: Device, conversation_id: str, *, seq: int, mentioned: bool, now: datetime
) -> dict[str, Any]:
    """Ids only; *seq* is the newest message the device is told of."""
    return {
        "userId": user_id,
        "deviceId": device.id,
        "endpoint": device.target.digest,
        "conversationId": conversation_id,
        "seq": seq,
        "mentioned": mentioned,
        "until": to_iso(now + WORTH_IT_FOR),
        "tries": 0,
    }


class Pushing:
    def __init__(
        self,
        documents: DocumentStore,
        queue: Queue,
        devices: Devices,
        service: Callable[[], PushService | None],
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._documents = documents
        self._queue = queue
        self._devices = devices
        self._service = service
        self._sessions = sessions
        self._clock = clock

    async def run(self, task: Mapping[str, Any]) -> None:
        """Do a `push_task`, if it is not moot. A repeat replaces what still waits at the push service.

        One `find_many`, one point read, one session check and one push. Raises Unavailable when a store or a queue is
        away.
        """
        service = self._service()
        if service is None or self._clock.now() >= from_iso(task["until"]):
            return
        device = await self._find(task)
        if device is None:
            return
        if not await self._is_welcome(task["userId"]):
            return
        if not await self._sessions.stands(task["userId"], device.session_id):
            await self._devices.forget(task["userId"], device.id)
            return
        conversation_id, mentioned = task["conversationId"], task["mentioned"]
        try:
            outcome = await service.push(
                device.target,
                payload_of(conversation_id, seq=task["seq"], mentioned=mentioned),
                topic=topic_of(device.id, conversation_id),
                urgency=Urgency.HIGH if mentioned else Urgency.NORMAL,
                ttl=TTL,
            )
        except Unavailable as error:
            await self._try_later(task, error.retry_after or 0)
            return
        if outcome is Outcome.GONE:
            await self._devices.forget(task["userId"], device.id)

    async def _find(self, task: Mapping[str, Any]) -> Device | None:
        """The device, while it is the person's, and the person is away, in the conversation and behind."""
        user_id, pk = task["userId"], partition_of(task["conversationId"])
        keys = [
            (user_id, DEVICES),
            (f"push:{task['endpoint']}", ENDPOINT),
            (user_id, PRESENCE),
            (pk, MEMBER + user_id),
        ]
        listed, owned, presence, place = await self._documents.find_many(CHAT, keys)
        device = next((each for each in devices_of(listed) if each.id == task["deviceId"]), None)
        if device is None or device.target.digest != task["endpoint"]:
            return None
        if owned is None or not is_owner(owned, user_id, device.id):
            await self._devices.forget(user_id, device.id)
            return None
        if presence and attendance_of(presence.item).is_active(self._clock.now()):
            return None
        if place is None or not is_present(place.item) or member_of(place.item).last_read_seq >= task["seq"]:
            return None
        return device

    async def _is_welcome(self, user_id: str) -> bool:
        """As of now: the task may have waited into the night."""
        stored = await self._documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        if stored is None:
            return False
        account = Account.from_item(stored.item)
        return account.verified and account.preferences.takes_pushes(self._clock.now())

    async def _try_later(self, task: Mapping[str, Any], retry_after: float) -> None:
        pause = min(FIRST_PAUSE * 2 ** min(task["tries"], 10), LONGEST_PAUSE)
        delay = max(pause, timedelta(seconds=min(retry_after, WORTH_IT_FOR.total_seconds())))
        if self._clock.now() + delay < from_iso(task["until"]):
            await self._queue.send(PUSHES, {**task, "tries": task["tries"] + 1}, delay=delay)
