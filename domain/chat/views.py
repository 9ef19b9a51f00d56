"""What clients see of chat, in the contract's words: the same for HTTP answers and realtime events."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.chat.model import Conversation, Member, Message, unread_count
from domain.kernel.attachments import Attachment
from domain.kernel.clock import to_iso
from domain.kernel.people import Person

SESSION_GROUP = "s."
MESSAGE_UPDATED = "message.updated"
MESSAGE_DELETED = "message.deleted"
REACTION_UPDATED = "reaction.updated"
FORMER: dict[str, Any] = {"name": "Former member", "avatar": None}


NO_LINKS: Mapping[str, str] = {}


def message_view(
    message: Message, readers: Iterable[Member] = (), links: Mapping[str, str] = NO_LINKS
) -> dict[str, Any]:
    """*readers* are the conversation's members: who has read this is derived from their cursors.

    *links* read attachments, by file id (`attached.py:links_to`).
    """
    read_by = {
        reader.user_id: to_iso(reader.last_read_at)
        for reader in readers
        if reader.last_read_at and reader.last_read_seq >= message.seq and reader.user_id != message.sender_id
    }
    return {
        "id": message.id,
        "conversationId": message.conversation_id,
        "seq": message.seq,
        "senderId": message.sender_id,
        "text": message.text,
        "attachments": [attachment_view(each, links) for each in message.attachments],
        "replyTo": message.reply_to,
        "mentions": list(message.mentions),
        "reactions": {emoji: list(people) for emoji, people in message.reactions.items()},
        "readBy": read_by,
        "editedAt": to_iso(message.edited_at) if message.edited_at else None,
        "deletedAt": to_iso(message.deleted_at) if message.deleted_at else None,
        "timestamp": to_iso(message.sent_at),
        "version": message.version,
    }


def attachment_view(attachment: Attachment, links: Mapping[str, str]) -> dict[str, Any]:
    """Without a link while none can be made, and for what was deleted."""
    return {
        "id": attachment.id,
        "name": attachment.name,
        "url": None if attachment.gone else links.get(attachment.id),
        "size": attachment.size,
        "mimeType": attachment.media_type,
    }


def conversation_view(
    conversation: Conversation,
    me: Member,
    members: Iterable[Member],
    people: Mapping[str, Person],
    *,
    muted: bool = False,
) -> dict[str, Any]:
    """One conversation as *me* sees it. A direct one bears the other's name and picture."""
    last = conversation.last_message
    peer = face(people.get(conversation.peer_of(me.user_id) or ""))
    return {
        "id": conversation.id,
        "type": conversation.kind,
        "name": peer["name"] if conversation.between else conversation.name,
        "avatar": peer["avatar"] if conversation.between else conversation.avatar,
        "participants": [participant_view(member, people) for member in members],
        "participantCount": conversation.member_count,
        "lastMessage": {
            "text": last.text,
            "senderId": last.sender_id,
            "timestamp": to_iso(last.sent_at),
            "seq": last.seq,
            "attachments": last.attachments,
        }
        if last
        else None,
        "unreadCount": unread_count(conversation, me),
        "lastReadSeq": me.last_read_seq,
        "muted": muted,
        "retentionDays": conversation.retain_days,
        "firstSeq": conversation.first_seq,
        "draft": {"text": me.draft.text, "updatedAt": to_iso(me.draft.saved_at)} if me.draft else None,
        "updatedAt": to_iso(conversation.updated_at),
    }


def conversation_woke(conversation: Conversation) -> dict[str, Any]:
    """For those who may not have heard the last message: whoever lacks *lastSeq* asks for it."""
    data = {"id": conversation.id, "type": conversation.kind, "lastSeq": conversation.last_seq}
    return event("conversation.updated", f"{conversation.id}:woke:{conversation.last_seq}", data)


def participant_view(member: Member, people: Mapping[str, Person]) -> dict[str, Any]:
    return {"userId": member.user_id, **face(people.get(member.user_id)), "role": member.role}


def former_view(member: Member, people: Mapping[str, Person]) -> dict[str, Any]:
    return {"userId": member.user_id, **face(people.get(member.user_id))}


def conversation_updated(conversation: Conversation, members: Iterable[Member]) -> dict[str, Any]:
    """What is the same for everyone in it."""
    data = {
        "id": conversation.id,
        "type": conversation.kind,
        "name": conversation.name,
        "avatar": conversation.avatar,
        "participantCount": conversation.member_count,
        "retentionDays": conversation.retain_days,
        "firstSeq": conversation.first_seq,
        "admins": [member.user_id for member in members if member.role == "admin"][:20],
    }
    return event("conversation.updated", f"{conversation.id}:updated:{conversation.changed_on}", data)


def face(person: Person | None) -> dict[str, Any]:
    """Name and picture, also of who is gone."""
    return {"name": person.name, "avatar": person.avatar} if person and person.name else FORMER


def event(name: str, event_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """The frame clients get. *event_id* is the same when an event is published again."""
    return {"event": name, "id": event_id, "data": data}


def message_new(message: Message, links: Mapping[str, str]) -> dict[str, Any]:
    return event("message.new", f"{message.id}:new", message_view(message, links=links))


def message_changed(name: str, message: Message, readers: Iterable[Member], links: Mapping[str, str]) -> dict[str, Any]:
    """The whole message as it is now, but for reactions, which may be many and are all that changed."""
    if name == REACTION_UPDATED:
        seen = message_view(message)
        data = {
            "messageId": message.id,
            **{key: seen[key] for key in ("conversationId", "seq", "reactions", "version")},
        }
    else:
        data = message_view(message, readers, links)
    return event(name, f"{message.id}:{message.version}", data)


def conversation_group(conversation_id: str) -> str:
    """The realtime group of a conversation."""
    return f"c.{conversation_id}"


def session_group(session_id: str) -> str:
    """The realtime group of one sign-in's connections, so that they can be closed together."""
    return SESSION_GROUP + session_id
