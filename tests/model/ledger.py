"""What was asked and what was answered, and whether the store can be right after it.

Who asked and got no answer must be content with either outcome; who was answered, not.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

NEVER: Final = float("inf")


@dataclass
class Attempt:
    """One write of *value* that began and, perhaps, was answered. Moments are of whatever clock only goes on."""

    value: str
    began: float
    answered: float = NEVER


@dataclass
class Said:
    """A message somebody wanted to send."""

    who: str
    room: str
    text: str
    key: str
    began: float
    answer: dict[str, Any] | None = None
    edits: list[Attempt] = field(default_factory=list)
    deletions: list[Attempt] = field(default_factory=list)

    def may_read(self) -> set[str]:
        """What its text may be: the first, or an edit, that no later one has surely overwritten."""
        attempts = [Attempt(self.text, self.began, self.began), *self.edits]
        return {one.value for one in attempts if not any(other.began > one.answered for other in _answered(attempts))}


def _answered(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [attempt for attempt in attempts if attempt.answered < NEVER]


@dataclass
class Absence:
    """Somebody is out for sure from *since* (the answer to their removal) to *until* (anybody asks to let them in)."""

    since: float
    until: float = NEVER


@dataclass
class Ledger:
    said: dict[str, Said] = field(default_factory=dict)
    """By the text it was first sent with, which no other has."""
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    """The furthest that a receipt was answered, by conversation and person."""
    absences: dict[tuple[str, str], list[Absence]] = field(default_factory=lambda: defaultdict(list))
    trouble: float = 0
    """When a process or the realtime service last was, or went, away. A removal that is answered meanwhile stands, but
    connections are cut by the outbox, seconds after that is over: such absences are not watched."""
    comings: dict[tuple[str, str], list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    leaks: list[str] = field(default_factory=list)

    def coming(self, room: str, who: str, now: float) -> Attempt:
        """Somebody asks to let *who* in: from now on they may be in. The caller notes when that has ended."""
        for absence in self.absences[room, who]:
            absence.until = min(absence.until, now)
        attempt = Attempt(who, now)
        self.comings[room, who].append(attempt)
        return attempt

    def note_left(self, room: str, who: str, began: float, now: float) -> None:
        """The removal that was asked for at *began* is answered. Who was let in meanwhile may have come after it."""
        if self.trouble < began and all(coming.answered < began for coming in self.comings[room, who]):
            self.absences[room, who].append(Absence(now))

    def check_hearing(self, who: str, message: Mapping[str, Any], now: float) -> None:
        """*who* hears a message now. Were they out when it was sent, and still are?"""
        said = self.said.get(message["text"])
        if said is None:
            return  # edited since
        for absence in self.absences[said.room, who]:
            if absence.since < said.began and now < absence.until:
                self.leaks.append(f"{who} hears {said.text!r}, sent {said.began - absence.since:.3f} after they left")

    def check_store(self, room: str, messages: Sequence[dict[str, Any]]) -> None:
        """*messages* are all that the store has of *room*, in the order of `seq`."""
        assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
        assert len({message["id"] for message in messages}) == len(messages)
        here = [said for said in self.said.values() if said.room == room]
        by_id = {message["id"]: message for message in messages}
        for said in here:
            if said.answer is not None:
                kept = by_id.pop(said.answer["id"])
                assert (kept["seq"], kept["senderId"]) == (said.answer["seq"], said.who)
                self._check_text(said, kept)
        unanswered = [said for said in here if said.answer is None]
        for kept in by_id.values():  # each was asked for, and is there once
            asked = [said for said in unanswered if said.who == kept["senderId"] and kept["text"] in {said.text, ""}]
            assert asked, f"nobody sent {kept}"
            unanswered.remove(asked[0])

    def _check_text(self, said: Said, kept: dict[str, Any]) -> None:
        if kept["deletedAt"]:
            assert said.deletions, f"nobody deleted {kept}"
            assert (kept["text"], kept["reactions"]) == ("", {})
        else:
            assert not _answered(said.deletions), f"deleted, and there again: {kept}"
            assert kept["text"] in said.may_read(), f"{kept['text']!r} is none of {said.may_read()}"
