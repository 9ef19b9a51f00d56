"""Chat's items (container `chat`) and how values become them.  Shapes and costs: docs/data-model.md#chat."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from domain.chat.model import (
    SNIPPET_CHARS,
    Conversation,
    DraftNote,
    LastMessage,
    Member,
    Message,
    partition_of,
)
from domain.kernel.attachments import Attachment
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item, Stored

HEAD: Final = "conv:head"
ROLL: Final = "conv:roll"
LATE: Final = "conv:late"
KEPT_TYPE: Final = "kept"
MEMBER: Final = "conv:member:"
CLAIM: Final = "claim:"
EDITS_KEPT: Final = timedelta(days=90)
"""How long moderators see what a message said before it was changed or deleted."""

LEFT_KEPT: Final = timedelta(days=91)
"""How long a place remembers that somebody left: longer than any client may have been away and still sync."""

PEERS_SHOWN: Final = 3
"""Others named in each row of a list: with a hundred rows, that is what one `find_many` can bear."""

ROOM: Final = "conv:"
"""One query for ids that start so gives the head and every member."""


def head_item(conversation: Conversation) -> Item:
    return {
        "id": HEAD,
        "pk": partition_of(conversation.id),
        "type": "head",
        "conversationId": conversation.id,
        "kind": conversation.kind,
        "name": conversation.name,
        "createdAt": to_iso(conversation.created_at),
        "between": list(conversation.between),
        "lastSeq": conversation.last_seq,
        "publishedSeq": conversation.last_seq,
        "lastMessage": None,
        "updatedAt": to_iso(conversation.updated_at),
        "touchedOn": to_iso(conversation.updated_at),
        "syncedOn": to_iso(conversation.updated_at),
        "memberCount": conversation.member_count,
        "avatar": conversation.avatar,
        "retainDays": conversation.retain_days,
        "changedAt": changed_key(conversation.updated_at, HEAD),
    }


def roll_item(conversation_id: str) -> Item:
    """What every change of a group writes, so that they are judged one after the other."""
    return {"id": ROLL, "pk": partition_of(conversation_id), "type": "roll"}


def conversation_of(item: Item) -> Conversation:
    last = item["lastMessage"]
    return Conversation(
        id=item["conversationId"],
        kind=item["kind"],
        name=item["name"],
        created_at=from_iso(item["createdAt"]),
        between=tuple(item["between"]),
        last_seq=item["lastSeq"],
        last_message=_last_message_of(last) if last else None,
        updated_at=from_iso(item["updatedAt"]),
        member_count=item["memberCount"],
        avatar=item["avatar"],
        blocked_by=tuple(item.get("blockedBy", ())),
        retain_days=item.get("retainDays"),
        first_seq=item.get("firstSeq", 1),
        changed_on=item["changedAt"],
    )


def last_message_item(message: Message) -> Item:
    """What the head holds of the newest message."""
    item: Item = {
        "text": message.text[:SNIPPET_CHARS],
        "senderId": message.sender_id,
        "seq": message.seq,
        "sentAt": to_iso(message.sent_at),
    }
    return {**item, "attachments": len(message.attachments)} if message.attachments else item


def _last_message_of(item: Item) -> LastMessage:
    return LastMessage(
        item["text"], item["senderId"], item["seq"], from_iso(item["sentAt"]), item.get("attachments", 0)
    )


def member_item(member: Member, *, conversation_id: str) -> Item:
    return {
        "id": MEMBER + member.user_id,
        "pk": partition_of(conversation_id),
        "type": "member",
        "userId": member.user_id,
        "role": member.role,
        "joinedAt": to_iso(member.joined_at),
        "lastReadSeq": member.last_read_seq,
        "lastReadAt": to_iso(member.last_read_at) if member.last_read_at else None,
        "changedAt": changed_key(member.last_read_at or member.joined_at, member.user_id),
        "version": member.version,
        **({"name": member.name} if member.name else {}),
    }


def member_of(item: Item) -> Member:
    return Member(
        user_id=item["userId"],
        role=item["role"],
        joined_at=from_iso(item["joinedAt"]),
        last_read_seq=item["lastReadSeq"],
        last_read_at=from_iso(item["lastReadAt"]) if item["lastReadAt"] else None,
        left_at=from_iso(item["leftAt"]) if item.get("leftAt") else None,
        version=item["version"],
        draft=DraftNote(draft["text"], from_iso(draft["savedAt"])) if (draft := item.get("draft")) else None,
        name=item.get("name", ""),
    )


def message_item(message: Message) -> Item:
    return {
        "id": message.id,
        "pk": partition_of(message.conversation_id),
        "type": "message",
        "conversationId": message.conversation_id,
        "seq": message.seq,
        "senderId": message.sender_id,
        "text": message.text,
        "sentAt": to_iso(message.sent_at),
        "replyTo": message.reply_to,
        "changedAt": changed_key(message.sent_at, message.id),
        **_changes(message),
    }


def _changes(message: Message) -> Item:
    """Only what there is, so that most messages stay small."""
    members = {
        "mentions": list(message.mentions),
        "reactions": {emoji: list(people) for emoji, people in message.reactions.items()},
        "editedAt": to_iso(message.edited_at) if message.edited_at else None,
        "deletedAt": to_iso(message.deleted_at) if message.deleted_at else None,
        "deletedBy": message.deleted_by,
        "version": message.version,
        "attachments": [_attachment_item(each) for each in message.attachments],
        "claim": message.claim,
    }
    return {name: value for name, value in members.items() if value}


def kept_item(item: Item) -> Item:
    """A message that outlives its time because a report holds it: no query by `seq` or `changedAt` finds it."""
    kept = {name: value for name, value in item.items() if name not in {"seq", "changedAt"}}
    return {**kept, "type": KEPT_TYPE, "keptSeq": item["seq"], "activeOn": item["id"]}


def edit_item(message: Message, *, at: datetime, by: str, is_held: bool = False) -> Item:
    """What *message* said before *by* changed it: for moderators, for a while; under a legal hold, for as long."""
    item: Item = {
        "id": f"edit:{message.id}:{message.version}",
        "pk": partition_of(message.id),
        "type": "edit",
        "messageId": message.id,
        "text": message.text,
        "replacedAt": to_iso(at),
        "replacedBy": by,
    }
    if message.attachments:
        item["attachments"] = [_attachment_item(each) for each in message.attachments]
    return item if is_held else {**item, "ttl": int(EDITS_KEPT.total_seconds())}


def message_of(item: Item) -> Message:
    return Message(
        id=item["id"],
        conversation_id=item["conversationId"],
        seq=item["seq"] if "seq" in item else item["keptSeq"],
        sender_id=item["senderId"],
        text=item["text"],
        sent_at=from_iso(item["sentAt"]),
        reply_to=item["replyTo"],
        mentions=tuple(item.get("mentions", ())),
        reactions={emoji: tuple(people) for emoji, people in item.get("reactions", {}).items()},
        edited_at=from_iso(item["editedAt"]) if "editedAt" in item else None,
        deleted_at=from_iso(item["deletedAt"]) if "deletedAt" in item else None,
        deleted_by=item.get("deletedBy"),
        version=item.get("version", 0),
        attachments=attachments_of(item),
        claim=item.get("claim"),
    )


def _attachment_item(attachment: Attachment) -> dict[str, Any]:
    item = {
        "id": attachment.id,
        "name": attachment.name,
        "size": attachment.size,
        "mediaType": attachment.media_type,
        "version": attachment.version,
    }
    return {**item, "gone": True} if attachment.gone else item


def find_message(stored: Stored | None) -> Message | None:
    """The message, unless it is gone: what only a report holds is gone for all but moderators."""
    return message_of(stored.item) if stored is not None and stored.item.get("type") == "message" else None


def attachments_of(item: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Of a message, or of what it was before it was changed."""
    return tuple(_attachment_of(each) for each in item.get("attachments", ()))


def _attachment_of(item: Mapping[str, Any]) -> Attachment:
    return Attachment(
        item["id"], item["name"], item["size"], item["mediaType"], item["version"], gone=item.get("gone", False)
    )


def claim_item(message: Message) -> Item:
    """Which message holds the files of a claim. Written with it, so a claim without this item came to nothing."""
    return {
        "id": f"{CLAIM}{message.claim}",
        "pk": partition_of(message.conversation_id),
        "type": "claim",
        "messageId": message.id,
        "fileIds": [each.id for each in message.attachments],
    }


def changed_key(moment: datetime, item_id: str) -> str:
    """Orders what changed in a conversation by when, and is unique: what a client that was away asks for."""
    return f"{to_iso(moment)}:{item_id}"


def due_key(moment: datetime, conversation_id: str) -> str:
    """When to look at what a conversation keeps too long; unique, so that it can order the sweep."""
    return f"{to_iso(moment)}:{conversation_id}"


def membership_id(conversation_id: str) -> str:
    return f"in:{conversation_id}"


def activity_key(moment: datetime, conversation_id: str) -> str:
    """Orders a person's conversations by when they were last busy, and is unique."""
    return f"{to_iso(moment)}:{conversation_id}"


def place_item(conversation: Conversation, members: Sequence[Member], member: Member, now: datetime) -> Item:
    """What one person is in, or was in until lately, in that person's partition.

    *activeOn* orders their list by the last message; *changedAt* tells those who were away where to look.
    """
    item: Item = {
        "id": membership_id(conversation.id),
        "pk": member.user_id,
        "type": "membership" if member.left_at is None else "left",
        "conversationId": conversation.id,
        "version": member.version,
        "changedAt": changed_key(now, conversation.id),
    }
    if member.left_at is not None:
        return {**item, "leftAt": to_iso(member.left_at), "ttl": int(LEFT_KEPT.total_seconds())}
    return {
        **item,
        "peers": sample_peers(conversation, members, member.user_id),
        "activeOn": activity_key(conversation.updated_at, conversation.id),
        "joinedAt": to_iso(member.joined_at),
    }


def sample_peers(conversation: Conversation, members: Sequence[Member], user_id: str) -> list[str]:
    """Whom the person's list shows of a conversation: the other one, or a few who are there longest."""
    if conversation.between:
        return [peer for peer in conversation.between if peer != user_id]
    others = sorted((member.joined_at, member.user_id) for member in members if member.user_id != user_id)
    return [other for _, other in others[:PEERS_SHOWN]]
