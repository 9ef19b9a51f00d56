"""Whoever asks for whatever in a group: who is in it, and who leads it, is what the rules say."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.chat.errors import LastAdmin, NotGroupAdmin, NotParticipant, ParticipantNotFound
from domain.kernel.errors import DomainError
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.factories import ManualClock
from tests.world import RecordingRealtime

PEOPLE = 4
ADMIN, MEMBER = "admin", "member"
Step = tuple[str, int, int]
"""What, by whom, with whom."""

STEPS = st.tuples(
    st.sampled_from(["add", "add", "remove", "remove", "leave", ADMIN, MEMBER]),
    st.integers(0, PEOPLE - 1),
    st.integers(0, PEOPLE - 1),
)


@dataclass
class Rules:
    """A group as docs/flows/groups.md has it: the roles of who is in it, in the order in which they came."""

    roles: dict[int, str]
    ids: list[str]
    came: dict[int, int] = field(default_factory=dict)
    steps: int = 0

    def do(self, what: str, who: int, other: int) -> type[DomainError] | None:
        """Returns what it is refused with."""
        self.steps += 1
        refused = self._refusal(what, who, other)
        if refused is None:
            self._apply(what, who, other)
        return refused

    def _refusal(self, what: str, who: int, other: int) -> type[DomainError] | None:
        if who not in self.roles:
            return NotParticipant
        if what == "leave" or (what == "remove" and who == other):
            return None
        if self.roles[who] != ADMIN:
            return NotGroupAdmin
        if what != "add" and other not in self.roles:
            return ParticipantNotFound
        is_last = self.roles.get(other) == ADMIN and list(self.roles.values()).count(ADMIN) == 1
        return LastAdmin if what == MEMBER and is_last else None

    def _apply(self, what: str, who: int, other: int) -> None:
        match what:
            case "leave":
                self._go(who)
            case "remove":
                self._go(other)
            case "add" if other not in self.roles:
                self.roles[other], self.came[other] = MEMBER, self.steps
            case "add":
                pass
            case role:
                self.roles[other] = role

    def _go(self, who: int) -> None:
        del self.roles[who]
        if self.roles and ADMIN not in self.roles.values():
            heir = min(self.roles, key=lambda each: (self.came.get(each, 0), self.ids[each]))
            self.roles[heir] = ADMIN


async def ask(chat: Instance, room: str, what: str, who: str, other: str) -> None:
    match what:
        case "add":
            await chat.groups.add(who, room, [other])
        case "remove":
            await chat.groups.remove(who, room, other)
        case "leave":
            await chat.groups.remove(who, room, who)
        case role:
            await chat.groups.set_role(who, room, other, role)


async def refusal(chat: Instance, room: str, what: str, who: str, other: str) -> type[DomainError] | None:
    try:
        await ask(chat, room, what, who, other)
    except DomainError as error:
        return type(error)
    return None


async def check(chat: Instance, room: str, ids: list[str], roles: dict[int, str]) -> None:
    for number, who in enumerate(ids):
        listed = [row["id"] for row in (await chat.conversations.page(who, limit=10)).items]
        assert listed == ([room] if number in roles else [])
        if number in roles:
            view = await chat.conversations.get(who, room)
            there = {each["userId"]: each["role"] for each in view["participants"]}
            assert there == {ids[each]: role for each, role in roles.items()}
            assert view["participantCount"] == len(roles)
    calls = [call for call in chat.realtime.calls if call[0].endswith("_user_from_group") or call[0].startswith("add")]
    for number, who in enumerate(ids):
        moves = [call[0] for call in calls if call[-1] == who]
        assert (moves[-1] == "add_user_to_group" if moves else False) is (number in roles), "whose connections hear it"


async def play(folder: Path, steps: list[Step]) -> None:
    clock = ManualClock()
    documents, queue = SqliteDocuments(folder / "d.db", clock), SqliteQueue(folder / "q.db", clock)
    chat = Instance(CountingDocuments(documents), RecordingRealtime(), blobs_in(folder, clock), clock, queue)
    try:
        ids = [await chat.person(f"P{number}") for number in range(PEOPLE)]
        room = await chat.group(ids[0], ids[1], ids[2])
        rules = Rules({0: ADMIN, 1: MEMBER, 2: MEMBER}, ids)
        for what, who, other in steps:
            clock.advance(seconds=1)
            expected = rules.do(what, who, other)
            assert await refusal(chat, room, what, ids[who], ids[other]) is expected, (what, who, other)
            await check(chat, room, ids, rules.roles)
    finally:
        await chat.sending.settle()
        await queue.close()
        await documents.close()


@settings(max_examples=40)
@given(st.lists(STEPS, min_size=5, max_size=25))
def test_a_group_is_what_its_rules_say(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), steps))
