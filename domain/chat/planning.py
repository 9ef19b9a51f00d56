"""Plans the one batch that stores some messages.  Pure: the store decides whether it holds."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.model import Draft, Message, message_id
from domain.chat.notices import COVERED, Notice, plan_notice
from domain.chat.records import MEMBER, changed_key, claim_item, due_key, last_message_item, message_item
from domain.kernel.clock import to_iso
from domain.kernel.documents import Create, Item, Operation, Patch, Replace, Stored
from domain.kernel.outbox import Task, outbox_item

MARKER_TTL: Final = timedelta(days=7)
"""How long a `clientMessageId` is remembered: far beyond any client's patience."""

PUBLISH_WITHIN: Final = timedelta(seconds=10)
"""What is not acknowledged as published by then is published again by a job."""

TOUCH_EVERY: Final = timedelta(minutes=1)
"""How exactly a conversation keeps its place in its members' lists from one page to the next."""


ASLEEP_AFTER: Final = timedelta(days=1)
"""After such a silence connections join a conversation only when it wakes, but for the busiest of a person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """*owners* tells for each operation which draft it belongs to, by position; None: to all of them."""

    operations: tuple[Operation, ...]
    owners: tuple[int | None, ...]
    messages: tuple[Message, ...]
    touch: Item | None
    notice: Notice | None
    member_count: int


def is_touch_due(head: Item, now: datetime) -> bool:
    """Whether a change of any kind must be made known to its members' lists again: at most once a minute."""
    return bool(head["syncedOn"] <= to_iso(now - TOUCH_EVERY))


def touch_item(head: Item, *, now: datetime, new_id: str, wakes: bool = False) -> Item:
    """The outbox task that makes a change at *now* known to the members' lists.

    *wakes*: it is a message after so long a silence that open connections may not have joined the conversation.
    """
    payload: dict[str, Any] = {"task": "touch", "conversationId": head["conversationId"], "from": to_iso(now)}
    if wakes:
        payload["wakes"] = True
    return outbox_item(Task(new_id, "chat", payload), pk=head["pk"], now=now)


def marker_id(draft: Draft) -> str | None:
    """The id that a second send with the same `clientMessageId` collides with."""
    if draft.client_message_id is None:
        return None
    return "cmid:" + hashlib.sha256(f"{draft.sender_id}:{draft.client_message_id}".encode()).hexdigest()[:40]


def claim_key(draft: Draft, new_id: Callable[[], str]) -> str:
    """By which the message holds its files: the same for a second send with the same `clientMessageId`."""
    named = draft.client_message_id if draft.client_message_id is not None else new_id()
    return hashlib.sha256(f"files:{draft.sender_id}:{named}".encode()).hexdigest()[:40]


def marker_of(purpose: str, client_message_id: str | None, *, pk: str, **more: str) -> tuple[Create, ...]:
    """What makes a change with this `clientMessageId` happen once: part of its batch. *more*: what it made."""
    if client_message_id is None:
        return ()
    name = "cmid:" + hashlib.sha256(f"{purpose}:{client_message_id}".encode()).hexdigest()[:40]
    return (Create({"id": name, "pk": pk, "ttl": int(MARKER_TTL.total_seconds()), **more}),)


def plan_batch(head: Stored, drafts: Sequence[Draft], *, now: datetime, published_seq: int, new_id: str) -> Plan:
    """The batch that appends *drafts* to the conversation of *head*: it holds only while *head* does.

    *published_seq* is the highest `seq` up to which all is known to be published. *new_id* names the outbox tasks, if
    any are due: each minute of activity moves the conversation up in its members' lists once, and each burst is
    noticed once by those who are away.
    """
    conversation_id, pk, last = head.item["conversationId"], head.item["pk"], head.item["lastSeq"]
    messages = tuple(
        Message(
            id=message_id(conversation_id=conversation_id, seq=seq, now=now),
            conversation_id=conversation_id,
            seq=seq,
            sender_id=draft.sender_id,
            text=draft.text,
            sent_at=now,
            reply_to=draft.reply_to,
            mentions=draft.mentions,
            attachments=draft.attachments,
            claim=draft.claim,
        )
        for seq, draft in enumerate(drafts, start=last + 1)
    )
    touch = None
    if head.item["touchedOn"] <= to_iso(now - TOUCH_EVERY) or last == 0:
        wakes = last > 0 and head.item["touchedOn"] <= to_iso(now - ASLEEP_AFTER)
        touch = touch_item(head.item, now=now, new_id=new_id, wakes=wakes)
    notice = plan_notice(head.item, seq=last + 1, now=now, new_id=new_id)
    new_head = _moved(head.item, messages[-1], published_seq=published_seq, touched=touch is not None)
    if notice:
        new_head[COVERED] = to_iso(notice.at)
    steps: list[tuple[Operation, int | None]] = [(Replace(new_head, if_match=head.etag), None)]
    for position, (draft, message) in enumerate(zip(drafts, messages, strict=True)):
        steps.append((Create(message_item(message)), position))
        marker = marker_id(draft)
        if marker:
            ttl = int(MARKER_TTL.total_seconds())
            steps.append((Create({"id": marker, "pk": pk, "messageId": message.id, "ttl": ttl}), position))
        if message.claim:
            steps.append((Create(claim_item(message)), position))
    # Who writes has read what came before: their cursor moves with their newest message.
    cursors = {message.sender_id: message.seq for message in messages}
    typed = {draft.sender_id for draft in drafts if not draft.keeps_draft}
    for sender, seq in cursors.items():
        read: dict[str, Any] = {
            "lastReadSeq": seq,
            "lastReadAt": to_iso(now),
            "changedAt": changed_key(now, sender),
        }
        if sender in typed:
            read["draft"] = None  # what is sent is no draft any more (drafts.py)
        steps.append((Patch(MEMBER + sender, set=read), None))
    steps += [(Create(item), None) for item in (touch, notice and notice.item) if item]
    return Plan(
        tuple(step for step, _ in steps),
        tuple(owner for _, owner in steps),
        messages,
        touch,
        notice,
        head.item["memberCount"],
    )


def _moved(head: Item, newest: Message, *, published_seq: int, touched: bool) -> Item:
    sent_at = to_iso(newest.sent_at)
    moved: dict[str, Any] = {
        **head,
        "lastSeq": newest.seq,
        "publishedSeq": max(head["publishedSeq"], published_seq),
        "lastMessage": last_message_item(newest),
        "updatedAt": sent_at,
    }
    if touched:
        moved["touchedOn"] = moved["syncedOn"] = sent_at
    if moved.get("retainDays") is not None and "dueAt" not in moved:
        moved["dueAt"] = due_key(newest.sent_at + timedelta(days=moved["retainDays"]), newest.conversation_id)
    if "publishDueAt" not in moved or moved["publishedSeq"] > head["publishedSeq"]:
        moved["publishDueAt"] = f"{to_iso(newest.sent_at + PUBLISH_WITHIN)}:{newest.conversation_id}"
    return moved


def acknowledged(head: Item, *, published_seq: int, now: datetime) -> Item:
    """The head once everything up to *published_seq* is published: the mark goes, or names a new time for the rest."""
    marked = {**head, "publishedSeq": max(head["publishedSeq"], published_seq)}
    marked.pop("publishDueAt", None)
    if marked["publishedSeq"] < head["lastSeq"]:
        marked["publishDueAt"] = f"{to_iso(now + PUBLISH_WITHIN)}:{head['conversationId']}"
    return marked
