"""What one device knows of its person's conversations, and the rules by which it learns.

These are the rules for clients: docs/flows/sync.md. Events may come twice, late, in any order, or not at all, so

- a message is taken only when its `version` is higher than that of the one known;
- a `seq` that is missing before one that is known is asked for (`after=`);
- a reaction counts only on the very version before it: else the message is read again;
- how far somebody has read never moves back;
- whatever is told of a conversation itself, or of who is in it, says no more than: read it again;
- being let into a conversation that is known already was an absence;
- after an absence, `GET /chat/sync?since=` gives everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Frame = Mapping[str, Any]
Read = tuple[int, str | None]
"""How far, and when."""


class Want(Enum):
    """What a device has to ask for."""

    SYNC = "sync"
    LOOK = "look"
    """Read the conversation itself."""
    GAP = "gap"
    """Fetch what comes after the last seq before which nothing is missing."""
    AGAIN = "again"
    """Read one message again."""


@dataclass(frozen=True, slots=True)
class Need:
    want: Want
    room: str = ""
    seq: int = 0


@dataclass
class Room:
    """One conversation as this device shows it."""

    name: str | None = None
    count: int = 0
    people: set[str] = field(default_factory=set)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    reads: dict[str, Read] = field(default_factory=dict)
    mine: int = 0
    """How far its person has read, as the conversation itself said."""

    @property
    def whole_up_to(self) -> int:
        """The last seq before which none is missing."""
        seq = 0
        while seq + 1 in self.messages:
            seq += 1
        return seq

    def take(self, message: Mapping[str, Any]) -> None:
        known = self.messages.get(message["seq"])
        if known is None or known["version"] < message["version"]:
            self.messages[message["seq"]] = {key: value for key, value in message.items() if key != "readBy"}
        self.note_read(message["senderId"], message["seq"], message["timestamp"])  # who writes has read what was before

    def note_read(self, who: str, seq: int, at: str | None, *, surely: bool = False) -> None:
        """*surely*: by sync, which also knows of who came back, and has not read anything since."""
        known = self.reads.get(who)
        if known is None or seq > known[0] or (surely and seq == known[0]):
            self.reads[who] = (seq, at)

    def take_page(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self.take(message)
            for reader, at in message["readBy"].items():
                self.note_read(reader, message["seq"], at)

    def shown(self) -> list[dict[str, Any]]:
        """The messages with `readBy`, as history gives them."""
        return [self._with_readers(self.messages[seq]) for seq in sorted(self.messages)]

    def _with_readers(self, message: dict[str, Any]) -> dict[str, Any]:
        read_by = {
            who: at
            for who, (seq, at) in self.reads.items()
            if at is not None and seq >= message["seq"] and who != message["senderId"] and who in self.people
        }
        return {**message, "readBy": read_by}

    def unread(self, me: str) -> int:
        return max(0, max(self.messages, default=0) - max(self.mine, self.reads.get(me, (0, None))[0]))


@dataclass
class Replica:
    me: str
    rooms: dict[str, Room] = field(default_factory=dict)

    def hear(self, frame: Frame) -> list[Need]:
        """Take one event of the realtime service; returns what has to be asked for."""
        kind, data = frame["event"], frame["data"]
        match kind.partition(".")[0]:
            case "message":
                return self._hear_message(data)
            case "reaction":
                return self._hear_reaction(data)
            case "read":
                return self._hear_read(data)
            case "conversation" | "participant":
                return self._hear_of_room(data, is_let_in=kind == "conversation.created")
            case _:
                return []  # what is not kept here

    def _hear_message(self, data: Frame) -> list[Need]:
        room = self.rooms.get(data["conversationId"])
        if room is None:
            return [Need(Want.LOOK, data["conversationId"])]
        room.take(data)
        return [Need(Want.GAP, data["conversationId"])] if room.whole_up_to < max(room.messages) else []

    def _hear_reaction(self, data: Frame) -> list[Need]:
        room = self.rooms.get(data["conversationId"])
        if room is None:
            return [Need(Want.LOOK, data["conversationId"])]
        known = room.messages.get(data["seq"])
        if known is not None and known["version"] >= data["version"]:
            return []
        if known is not None and known["version"] == data["version"] - 1:
            room.messages[data["seq"]] = {**known, "reactions": data["reactions"], "version": data["version"]}
            return []
        return [Need(Want.AGAIN, data["conversationId"], data["seq"])]

    def _hear_read(self, data: Frame) -> list[Need]:
        room = self.rooms.get(data["conversationId"])
        if room is not None:
            room.note_read(data["userId"], data["lastReadSeq"], data["lastReadAt"])
        return []

    def _hear_of_room(self, data: Frame, *, is_let_in: bool) -> list[Need]:
        room = data.get("conversationId") or data["id"]
        needs = [Need(Want.LOOK, room)]
        if is_let_in and room in self.rooms:
            needs.append(Need(Want.SYNC))  # out and in again: what was told meanwhile was missed
        known = self.rooms.get(room)
        if known is not None and data.get("lastSeq", 0) > known.whole_up_to:
            needs.append(Need(Want.GAP, room))
        return needs

    def take_room(self, view: Mapping[str, Any]) -> None:
        """A conversation as it was just read: everyone in it is named."""
        room = self.rooms.setdefault(view["id"], Room())
        room.name, room.count = view["name"], view["participantCount"]
        room.people = {each["userId"] for each in view["participants"]}
        room.mine = max(room.mine, view["lastReadSeq"])
        for gone in set(room.reads) - room.people:
            del room.reads[gone]

    def take_change(self, kind: str, data: Mapping[str, Any]) -> list[Need]:
        """One change that sync told."""
        if kind == "left":
            self.rooms.pop(data["conversationId"], None)
            return []
        if kind not in {"conversation", "message", "participant"}:
            return []
        room_id = data["id"] if kind == "conversation" else data["conversationId"]
        room = self.rooms.get(room_id)
        if room is None or kind == "conversation":
            return [Need(Want.LOOK, room_id)]
        if kind == "message":
            room.take(data)
            return [Need(Want.GAP, room_id)] if room.whole_up_to < max(room.messages) else []
        if data["leftAt"] is None:
            room.people.add(data["userId"])
            room.note_read(data["userId"], data["lastReadSeq"], data["lastReadAt"], surely=True)
        else:
            room.people.discard(data["userId"])
            room.reads.pop(data["userId"], None)
        return []
