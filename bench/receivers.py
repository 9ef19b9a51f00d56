"""The sockets that hear in a fan-out, and what must be true of what they heard.

While time is taken a socket only counts; what it heard is kept, and read once nothing is timed any more.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

MARK: Final = b"@@bench@@"
NUMBERED: Final = len(MARK) + 10
"""Bytes of a mark with its number."""
_NUMBER: Final = re.compile(re.escape(MARK) + rb"(\d{10})")

Steps = Sequence[tuple[bytes, bytes]]
"""How a socket gets to hear: what to write, and what must have come before the next is written."""


@dataclass(slots=True)
class Audience:
    """Counts what reaches all its sockets together: each message holds MARK once."""

    total: int = 0
    heard_at: float = 0.0
    """When the last of those expected came."""
    _expected: int = 0
    _all_there: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        """So many more than there were."""
        self._expected = self.total + count
        self._all_there.clear()

    async def hear(self) -> None:
        """Return once all that was expected has come."""
        await self._all_there.wait()

    def note(self, count: int) -> None:
        self.total += count
        if self.total >= self._expected:
            self.heard_at = time.perf_counter()
            self._all_there.set()


class Receiver(asyncio.Protocol):
    """One socket: it takes its *steps*, is *open*, and hears."""

    def __init__(self, audience: Audience, steps: Steps) -> None:
        self._audience = audience
        self._steps = list(steps)
        self._rest = b""
        self._heard: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one without deriving from it
        self.transport.write(self._steps[0][0])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(exc or ConnectionError(f"hung up after {self._rest[-300:]!r}"))

    def data_received(self, data: bytes) -> None:
        if self._steps:
            self._step(data)
        else:
            self.listen(data)

    def _step(self, data: bytes) -> None:
        self._rest += data
        if self._steps[0][1] not in self._rest:
            return
        del self._steps[0]
        self._rest = b""
        if self._steps:
            assert self.transport is not None
            self.transport.write(self._steps[0][0])
        else:
            self.open.set_result(None)

    def listen(self, data: bytes) -> None:
        """Count what came, and keep it."""
        self._heard.append(data)
        if self._rest:
            data = self._rest + data
        # A mark may be cut in two by the network: what could be its beginning is looked at again.
        self._rest = b"" if data.endswith(b"}") else data[1 - len(MARK) :]
        found = data.count(MARK)
        if found:
            self._audience.note(found)

    def take(self) -> bytes:
        """All that was heard since this was last asked."""
        heard, self._heard = b"".join(self._heard), []
        return heard


def numbers_in(data: bytes) -> list[int]:
    """Of the messages that are in it, in their order."""
    return [int(number) for number in _NUMBER.findall(data)]


def fault(heard: Sequence[bytes], sent: Sequence[int], *, in_turn: bool, order: bytes | None) -> str:
    """What is wrong with what the sockets heard, or nothing: each must have all of *sent*, once, all in one order.

    That order is the one of *sent* when they were sent in turn, each after the last was acknowledged. *order* finds
    the number that the service itself gave each message: it must go up by one.
    """
    expected, first = set(sent), None
    for which, data in enumerate(heard):
        numbers = numbers_in(data)
        if len(numbers) != len(set(numbers)):
            return f"socket {which} heard a message twice"
        if set(numbers) != expected:
            lost, strange = expected - set(numbers), set(numbers) - expected
            return f"socket {which} lost {len(lost)} of {len(expected)} messages and heard {len(strange)} others"
        first = first or numbers
        if numbers != first:
            return f"socket {which} heard them in another order than socket 0"
        if in_turn and numbers != list(sent):
            return f"socket {which} heard them in another order than they were sent"
        if order is not None:
            given = [int(number) for number in re.findall(order, data)]
            if given != list(range(min(given, default=0), min(given, default=0) + len(numbers))):
                return f"socket {which} heard them in another order than the service numbered them"
    return ""
