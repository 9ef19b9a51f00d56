"""People doing whatever comes up, drawn from a seed: the same seed, the same deeds."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.model.app import App, NoAnswer, Refused
from tests.model.ledger import Attempt, Ledger, Said

TRIES: Final = 5
GIVES_UP: Final = 0.1
"""How often somebody without an answer does not ask again."""


@dataclass
class Story:
    """*now* is any clock that only goes on. *any_app* gives a living instance, another one each time perhaps."""

    seed: str
    people: list[str]
    any_app: Callable[[], App]
    now: Callable[[], float]
    ledger: Ledger = field(default_factory=Ledger)
    rooms: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    _repeats: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Requests that were answered, and may arrive once more."""

    def dice(self, step: int) -> random.Random:
        """Each step has its own: so a shorter story is the beginning of a longer one."""
        return random.Random(f"{self.seed}:{step}")  # noqa: S311 - the same story for the same seed

    async def begin(self) -> None:
        one, two, *others = self.people
        self.rooms.append(await self.any_app().open_direct(one, two))
        self.groups.append(await self.any_app().open_group(one, [two, *others], "Welders"))
        self.groups.append(await self.any_app().open_group(two, others[:1], "Readers"))
        self.rooms += self.groups

    async def deed(self, dice: random.Random) -> None:
        """One, by anybody. Many are refused: nobody may do everything."""
        deeds: list[tuple[int, Callable[[random.Random], Awaitable[None]]]] = [
            (10, self._send),
            (4, self._edit),
            (2, self._delete),
            (4, self._react),
            (4, self._read),
            (2, self._remove),
            (3, self._add),
            (1, self._rename),
            (1, self._set_role),
            (2, self._repeat),
        ]
        [what] = dice.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])
        with suppress(Refused):
            await what(dice)

    async def _asked(self, dice: random.Random, ask: Callable[[App], Awaitable[Any]]) -> Any:
        """The answer, after as many tries as it takes. Raises Refused; NoAnswer for who gives up."""
        for _ in range(TRIES):
            try:
                return await ask(self.any_app())
            except NoAnswer:
                if dice.random() < GIVES_UP:
                    raise
        raise NoAnswer

    async def _send(self, dice: random.Random) -> None:
        await self._say(dice.choice(self.people), dice.choice(self.rooms), dice)

    async def send_as(self, who: str, dice: random.Random, first: Callable[[str, str, str], Awaitable[None]]) -> None:
        """*who* tries another way *first*, given the room, the text and the `clientMessageId`."""
        with suppress(Refused):
            await self._say(who, dice.choice(self.rooms), dice, first=first)

    async def send_by(self, app: App, who: str, room: str, dice: random.Random) -> None:
        """*who* asks this instance, and no other if it does not answer."""
        said = self._new_message(who, room, dice)
        with suppress(NoAnswer, Refused):
            said.answer = await app.send(who, room, said.text, said.key)

    def _new_message(self, who: str, room: str, dice: random.Random) -> Said:
        text = f"m{dice.getrandbits(48):x}"
        said = self.ledger.said[text] = Said(who, room, text, f"k{text}", self.now())
        return said

    async def _say(
        self,
        who: str,
        room: str,
        dice: random.Random,
        first: Callable[[str, str, str], Awaitable[None]] | None = None,
    ) -> None:
        said = self._new_message(who, room, dice)

        async def send() -> None:
            answer = await self._asked(dice, lambda app: app.send(said.who, said.room, said.text, said.key))
            if said.answer is None:
                said.answer = answer
            assert (answer["id"], answer["seq"]) == (said.answer["id"], said.answer["seq"])

        if first is not None:
            await first(room, said.text, said.key)
        with suppress(NoAnswer):
            await send()
            self._repeats.append(send)

    def _any_message(self, dice: random.Random) -> Said | None:
        """An answered one, rather a late than an early."""
        known = [said for said in self.ledger.said.values() if said.answer is not None]
        return known[-1 - min(int(dice.expovariate(0.2)), len(known) - 1)] if known else None

    async def _edit(self, dice: random.Random) -> None:
        said = self._any_message(dice)
        if said is None or said.answer is None:
            return
        message_id, text = said.answer["id"], f"e{dice.getrandbits(48):x}"
        attempt = Attempt(text, self.now())
        said.edits.append(attempt)

        async def edit() -> None:
            await self._asked(dice, lambda app: app.edit(said.who, message_id, text, f"k{text}"))

        with suppress(NoAnswer):
            await edit()
            attempt.answered = self.now()
            self._repeats.append(edit)

    async def _delete(self, dice: random.Random) -> None:
        said = self._any_message(dice)
        if said is None or said.answer is None:
            return
        message_id, who = said.answer["id"], dice.choice([said.who, dice.choice(self.people)])
        attempt = Attempt("", self.now())
        said.deletions.append(attempt)
        with suppress(NoAnswer):
            await self._asked(dice, lambda app: app.delete(who, message_id))
            attempt.answered = self.now()

    async def _react(self, dice: random.Random) -> None:
        said = self._any_message(dice)
        if said is None or said.answer is None:
            return
        message_id, who, add = said.answer["id"], dice.choice(self.people), dice.random() < 0.7
        with suppress(NoAnswer):
            await self._asked(dice, lambda app: app.react(who, message_id, add=add))

    async def _read(self, dice: random.Random) -> None:
        who, room, seq = dice.choice(self.people), dice.choice(self.rooms), dice.randrange(len(self.ledger.said) + 1)
        with suppress(NoAnswer):
            reached = await self._asked(dice, lambda app: app.read(who, room, seq))
            self.ledger.read[room, who] = max(reached, self.ledger.read.get((room, who), 0))

    async def _remove(self, dice: random.Random) -> None:
        room, who, other = dice.choice(self.groups), dice.choice(self.people), dice.choice(self.people)
        began = self.now()
        with suppress(NoAnswer):
            await self._asked(dice, lambda app: app.remove(who, room, other))
            self.ledger.note_left(room, other, began, self.now())

    async def _add(self, dice: random.Random) -> None:
        room, who, other = dice.choice(self.groups), dice.choice(self.people), dice.choice(self.people)
        coming = self.ledger.coming(room, other, self.now())
        try:
            with suppress(NoAnswer):
                await self._asked(dice, lambda app: app.add(who, room, other))
        finally:
            coming.answered = self.now()

    async def _rename(self, dice: random.Random) -> None:
        room, who, name = dice.choice(self.groups), dice.choice(self.people), f"n{dice.getrandbits(32):x}"
        with suppress(NoAnswer):
            await self._asked(dice, lambda app: app.rename(who, room, name))

    async def _set_role(self, dice: random.Random) -> None:
        room, who, other = dice.choice(self.groups), dice.choice(self.people), dice.choice(self.people)
        role = dice.choice(["admin", "member"])
        with suppress(NoAnswer):
            await self._asked(dice, lambda app: app.set_role(who, room, other, role))

    async def _repeat(self, dice: random.Random) -> None:
        """A request that was answered arrives once more, as networks and impatient clients have it."""
        if self._repeats:
            with suppress(NoAnswer):
                await dice.choice(self._repeats)()
