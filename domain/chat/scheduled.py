"""Messages to be sent later: values, items, and the index by which they fall due.

The message lies in its author's partition (`later:<id>`), next to their other scheduled ones, where their devices sync.
The partition `due` has a pointer for each, whose id begins with the time: so one query finds what is due, at the same
price however many wait (docs/adr/0171-what-is-due-is-one-partition.md). The message is the truth: a pointer that names
another *version* of it, or none, is thrown away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.errors import ScheduledTooMany
from domain.chat.records import LEFT_KEPT, changed_key
from domain.chat.views import event
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item
from domain.kernel.errors import Invalid
from domain.kernel.outbox import Task, outbox_item

LATER: Final = "later:"
PAST: Final = "past:"
"""Before the id, once it was sent or cancelled: what became of it, for a while."""

DUE: Final = "due"
"""The partition of all pointers."""

SOONEST: Final = timedelta(seconds=5)
"""Ahead of now: the timer comes round that often."""

LATEST: Final = timedelta(days=366)
MAX_WAITING: Final = 100
"""Of one person, failed ones included."""

WAITING: Final = "scheduled"
SENDING: Final = "sending"
FAILED: Final = "failed"
SENT: Final = "sent"
CANCELLED: Final = "cancelled"


@dataclass(frozen=True, slots=True)
class ScheduledMessage:
    """*version* moves with *send_at*. *lease_ends_at*: until then, an instance is sending it."""

    id: str
    user_id: str
    conversation_id: str
    text: str = field(repr=False)
    reply_to: str | None
    client_message_id: str
    """Makes sending it twice harmless: the author's own, or one derived from the id."""
    send_at: datetime
    created_at: datetime
    updated_at: datetime
    status: str = WAITING
    reason: str | None = None
    """Why it could not be sent: a code of docs/errors.md."""
    message_id: str | None = None
    version: int = 1
    lease_ends_at: datetime | None = None

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "conversationId": self.conversation_id,
            "text": self.text,
            "replyTo": self.reply_to,
            "sendAt": to_iso(self.send_at),
            "status": self.status,
            "reason": self.reason,
            "messageId": self.message_id,
            "createdAt": to_iso(self.created_at),
            "updatedAt": to_iso(self.updated_at),
        }


def check_time(send_at: datetime, now: datetime) -> None:
    """Raises Invalid unless *send_at* is from 5 seconds to 366 days ahead."""
    if send_at < now + SOONEST:
        raise Invalid.field("sendAt", "too_small", "Must lie in the future.")
    if send_at > now + LATEST:
        raise Invalid.field("sendAt", "too_large", f"Must lie within {LATEST.days} days.")


def check_count(waiting: int) -> None:
    """Raises ScheduledTooMany when there is no room for another one."""
    if waiting >= MAX_WAITING:
        raise ScheduledTooMany(f"At most {MAX_WAITING} scheduled messages. Send or cancel some first.")


def scheduled_item(message: ScheduledMessage) -> Item:
    """The message, or what became of it: that alone is no message any more, and expires."""
    is_over = message.status in {SENT, CANCELLED}
    item: Item = {
        "id": (PAST if is_over else LATER) + message.id,
        "pk": message.user_id,
        "type": "scheduled",
        "conversationId": message.conversation_id,
        "text": "" if is_over else message.text,
        "replyTo": message.reply_to,
        "clientMessageId": message.client_message_id,
        "sendAt": to_iso(message.send_at),
        "createdAt": to_iso(message.created_at),
        "updatedAt": to_iso(message.updated_at),
        "changedAt": changed_key(message.updated_at, LATER + message.id),
        "status": message.status,
        "reason": message.reason,
        "messageId": message.message_id,
        "version": message.version,
        "leaseEndsAt": to_iso(message.lease_ends_at) if message.lease_ends_at else None,
    }
    return {**item, "ttl": int(LEFT_KEPT.total_seconds())} if is_over else item


def scheduled_of(item: Item) -> ScheduledMessage:
    return ScheduledMessage(
        id=item["id"].partition(":")[2],
        user_id=item["pk"],
        conversation_id=item["conversationId"],
        text=item["text"],
        reply_to=item["replyTo"],
        client_message_id=item["clientMessageId"],
        send_at=from_iso(item["sendAt"]),
        created_at=from_iso(item["createdAt"]),
        updated_at=from_iso(item["updatedAt"]),
        status=item["status"],
        reason=item["reason"],
        message_id=item["messageId"],
        version=item["version"],
        lease_ends_at=from_iso(item["leaseEndsAt"]) if item["leaseEndsAt"] else None,
    )


def due_item(payload: Mapping[str, Any]) -> Item:
    """The pointer that a `due` task asks for."""
    scheduled_id, version = payload["scheduledId"], payload["version"]
    return {
        "id": f"{payload['sendAt']}:{scheduled_id}:{version}",
        "pk": DUE,
        "type": "due",
        "userId": payload["userId"],
        "scheduledId": scheduled_id,
        "version": version,
    }


def due_task(message: ScheduledMessage, *, task_id: str, now: datetime) -> Item:
    """The outbox item, in the batch of the message itself, that makes the pointer follow."""
    payload = {
        "task": "due",
        "userId": message.user_id,
        "scheduledId": message.id,
        "version": message.version,
        "sendAt": to_iso(message.send_at),
    }
    return outbox_item(Task(task_id, "chat", payload), pk=message.user_id, now=now)


def scheduled_updated(message: ScheduledMessage) -> dict[str, Any]:
    """For the author's devices."""
    return event("scheduled.updated", f"{message.id}:{message.status}:{to_iso(message.updated_at)}", message.view())
