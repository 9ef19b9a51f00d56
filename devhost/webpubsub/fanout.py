"""Turns queued frames into writes.

Sending to a thousand sockets is a thousand system calls. They are made in slices, one slice for each turn of the
event loop, so that a large group never holds up anyone else; and what was queued for a socket meanwhile goes out in
one write. So the busier the service, the fewer writes it makes for each message.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

SLICE: Final = 128
"""Sockets written in one turn: about half a millisecond."""


class Writer(Protocol):
    def write_queued(self) -> None: ...


class Fanout:
    """The sockets that have something to write, in the order in which they got it."""

    def __init__(self) -> None:
        self._waiting: deque[Writer] = deque()
        self._running = False
        self.expired = 0
        """Messages that were too old when their reader could take them."""

    def add(self, writer: Writer) -> None:
        """*writer* is asked to write soon, once. It must not be waiting already."""
        self._waiting.append(writer)
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        waiting = self._waiting
        for _ in range(min(SLICE, len(waiting))):
            waiting.popleft().write_queued()
        if waiting:
            asyncio.get_running_loop().call_soon(self._run)
        else:
            self._running = False
