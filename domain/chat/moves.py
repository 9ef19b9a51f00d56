"""What changes a group, and who may.  Pure: `groups.py` writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from domain.chat.access import MAX_MEMBERS, Room
from domain.chat.errors import NotGroupAdmin, ParticipantNotFound
from domain.chat.model import Member
from domain.chat.records import LEFT_KEPT, MEMBER, changed_key, member_item
from domain.kernel.clock import to_iso
from domain.kernel.documents import Operation, Patch, Upsert
from domain.kernel.errors import Conflict, Forbidden

ADMIN: Final = "admin"
MEMBER_ROLE: Final = "member"


@dataclass(frozen=True, slots=True)
class Move:
    """One change of a group: *head* are the members of its item that change, *steps* the rest of the batch.

    *user_ids* are those whose places have to follow; None: nobody's, and everyone is told of the group itself.
    """

    head: dict[str, Any]
    steps: tuple[Operation, ...] = ()
    user_ids: tuple[str, ...] | None = None


def lead(room: Room) -> None:
    """Only a group's admins go on from here."""
    if room.conversation.between:
        raise Forbidden
    if room.me.role != ADMIN:
        raise NotGroupAdmin


def joining(room: Room, user_ids: Sequence[str], names: Mapping[str, str], now: datetime) -> Move | None:
    """Let *user_ids* in: with everything so far as read, and one version on from when they left."""
    if not user_ids:
        return None
    if len(room.members) + len(user_ids) > MAX_MEMBERS:
        raise Conflict(f"At most {MAX_MEMBERS} people in a group.")
    before = {member.user_id: member.version for member in room.former}
    new = Member("", MEMBER_ROLE, now, room.conversation.last_seq, None)
    members = [
        replace(new, user_id=user_id, version=before.get(user_id, 0) + 1, name=names.get(user_id, ""))
        for user_id in user_ids
    ]
    items = [member_item(member, conversation_id=room.conversation.id) for member in members]
    count = len(room.members) + len(members)
    return Move({"memberCount": count}, tuple(Upsert(item) for item in items), tuple(user_ids))


def leaving(room: Room, user_id: str, now: datetime) -> Move:
    """Let *user_id* go. The last admin's place goes to whoever is there longest. Raises ParticipantNotFound."""
    member = room.find(user_id)
    if member is None:
        raise ParticipantNotFound
    gone = {
        "leftAt": to_iso(now),
        "role": MEMBER_ROLE,
        "version": member.version + 1,
        "changedAt": changed_key(now, user_id),
        "ttl": int(LEFT_KEPT.total_seconds()),
    }
    steps: list[Operation] = [Patch(MEMBER + user_id, set=gone, remove=("name",))]
    others = [other for other in room.members if other.user_id != user_id]
    if others and not any(other.role == ADMIN for other in others):
        heir = min(others, key=lambda other: (other.joined_at, other.user_id)).user_id
        steps.append(Patch(MEMBER + heir, set={"role": ADMIN, "changedAt": changed_key(now, heir)}))
    return Move({"memberCount": len(others)}, tuple(steps), (user_id,))
