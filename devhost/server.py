"""The API's HTTP server, and how everything in this process starts and stops."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any, Final

import uvicorn

from devhost.front import Front
from devhost.http_protocol import HttpProtocol

_REQUESTS_GRACE: Final = 2
"""Whole seconds that requests in flight have to be answered. With the queues' own grace: below 5 s in all."""


class ApiServer(uvicorn.Server):
    """uvicorn without its own signal handling: more than one thing stops here, in order."""

    def __init__(self, app: Front) -> None:
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # the app itself judges X-Forwarded-For
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_REQUESTS_GRACE,
        )
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def stop(self) -> None:
        """Take no more requests and answer those in flight; the second time, leave even those."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve_until_stopped(
    server: ApiServer,
    listening: socket.socket,
    jobs: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    when_ready: Callable[[], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C. The *jobs* run meanwhile, and end after the last request was answered.

    A job that fails ends everything: half a host would only look alive.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve([listening]))
        started = group.create_task(server.ready.wait())
        await asyncio.wait([serving, started], return_when=asyncio.FIRST_COMPLETED)
        running = [group.create_task(job()) for job in jobs]
        if server.ready.is_set():
            when_ready()
        await serving
        started.cancel()
        for job in running:
            job.cancel()
