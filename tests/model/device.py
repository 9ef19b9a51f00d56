"""One device of one person: hears events, and asks for what it misses, as every client has to."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tests.model.app import App, NoAnswer, Refused
from tests.model.replica import Frame, Need, Replica, Want

TRIES: Final = 40
"""Times one question is asked of instances that do not answer, before the device waits for the next occasion."""


class Device:
    """*any_app* gives an instance to ask, another one each time perhaps. Questions are asked one after the other."""

    def __init__(self, name: str, me: str, any_app: Callable[[], App], *, page: int = 100, pause: float = 0) -> None:
        self.name = name
        self.me = me
        self.replica = Replica(me)
        self._any_app = any_app
        self._page = page
        self._pause = pause
        self._cursor: Any = None
        self._needs: list[Need] = []
        self._asking: asyncio.Task[None] | None = None
        self.heard = 0
        self.let_in = False
        """Whether its connection has been looked after since it was opened: from then on, what it hears it may."""
        self.overheard: Callable[[Device, Frame], None] = _nobody_minds

    def hear(self, frame: Frame) -> None:
        """An event arrived."""
        self.heard += 1
        if self.let_in and frame["event"].startswith("message."):
            self.overheard(self, frame["data"])
        self._want(self.replica.hear(frame))

    def came_back(self) -> None:
        """The connection is a new one: events were missed."""
        self._want([Need(Want.SYNC)])

    async def settle(self) -> None:
        """Return when all has been asked for that was to be."""
        while self._asking is not None:
            await asyncio.wait([self._asking])

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _want(self, needs: list[Need]) -> None:
        self._needs += [need for need in needs if need not in self._needs]
        if self._needs and self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())

    async def _ask_all(self) -> None:
        try:
            while self._needs:
                need = self._needs.pop(0)
                if not await self._ask(need):
                    self._needs.insert(0, need)  # nobody answers: again when something is heard
                    return
        finally:
            self._asking = None

    async def _ask(self, need: Need) -> bool:
        for _ in range(TRIES):
            with suppress(NoAnswer):
                match need.want:
                    case Want.SYNC:
                        await self._sync()
                    case Want.LOOK:
                        await self._look(need.room)
                    case Want.GAP:
                        await self._fetch(need.room, self._whole_up_to(need.room))
                    case Want.AGAIN:
                        await self._fetch(need.room, need.seq - 1, most=1)
                return True
            await asyncio.sleep(self._pause)
        return False

    def _whole_up_to(self, room: str) -> int:
        known = self.replica.rooms.get(room)
        return known.whole_up_to if known else 0

    async def _sync(self) -> None:
        if self._cursor is None:
            await self._begin()
            return
        more = True
        while more:
            page = await self._any_app().sync(self.me, self._cursor, self._page)
            if page is None:
                await self._begin()
                return
            changes, cursor, more = page
            for change in changes:
                for need in self.replica.take_change(change["type"], change["data"]):
                    if need.want is Want.LOOK:
                        await self._look(need.room)
                    else:
                        await self._fetch(need.room, self._whole_up_to(need.room))
            self._cursor = cursor  # not before all of the page is taken

    async def _begin(self) -> None:
        """Everything anew: the cursor first, for what changes meanwhile."""
        fresh = await self._any_app().sync(self.me, None, self._page)
        assert fresh is not None
        self.replica = Replica(self.me)
        for row in await self._any_app().rooms(self.me):
            await self._look(row["id"])
        self._cursor = fresh[1]

    async def _look(self, room: str) -> None:
        is_new = room not in self.replica.rooms
        try:
            view = await self._any_app().room(self.me, room)
        except Refused:
            self.replica.rooms.pop(room, None)
            return
        self.replica.take_room(view)
        if is_new or _last_seq(view) > self._whole_up_to(room):
            try:
                await self._fetch(room, self._whole_up_to(room))
            except NoAnswer:
                if is_new:
                    self.replica.rooms.pop(room, None)  # else it would pass for known
                raise

    async def _fetch(self, room: str, after: int, *, most: int = 1000) -> None:
        more = True
        while more:
            try:
                page, more = await self._any_app().messages(self.me, room, after, min(most, 1000))
            except Refused:
                self.replica.rooms.pop(room, None)
                return
            known = self.replica.rooms.get(room)
            if known is None or not page:
                return
            known.take_page(page)
            after, more = page[-1]["seq"], more and most > 1


def _last_seq(view: Frame) -> int:
    return int(view["lastMessage"]["seq"]) if view["lastMessage"] else 0


def _nobody_minds(device: Device, message: Frame) -> None:
    """Stands in until somebody listens."""
