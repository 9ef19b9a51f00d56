"""One worker process and the stream to it."""

import asyncio
import sys
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

_STOP_SECONDS: Final = 5
_TAIL: Final = 40

Log = Callable[[str, str, str], None]
"""Category, level, text."""


class WorkerDied(RuntimeError):
    """The process ended; the message has its last lines."""


class WorkerChannel:
    """Sends requests to the worker and finds the response to each."""

    def __init__(self, messages: Any, log: Log) -> None:
        self.worker_id = str(uuid.uuid4())
        self.outgoing: asyncio.Queue[Any] = asyncio.Queue()
        self.connected = asyncio.Event()
        self._messages = messages
        self._log = log
        self._waiting: dict[tuple[str, str], asyncio.Future[Any]] = {}
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, app: Path, port: int, env: Mapping[str, str]) -> None:
        """Start the process in the folder of the app, as the host does. Raises WorkerDied."""
        request_id = str(uuid.uuid4())
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.functions_host.host.worker"),
            *("--host", "127.0.0.1", "--port", str(port), "--workerId", self.worker_id, "--requestId", request_id),
            cwd=app,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._tasks = [asyncio.create_task(self._read_output()), asyncio.create_task(self._watch())]
        connected = asyncio.create_task(self.connected.wait())
        await asyncio.wait([connected, self._tasks[1]], return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        if not self.connected.is_set():
            raise self._death()

    async def call(self, request: Any, answer: str, key: str = "", *, timeout: float | None = 60) -> Any:  # noqa: ASYNC109 - a limit of the host's
        """Send *request* and wait for the content *answer*. Raises WorkerDied, TimeoutError."""
        if self._process is None or self._process.returncode is not None:
            raise self._death()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[answer, key] = future
        self.outgoing.put_nowait(request)
        try:
            async with asyncio.timeout(timeout):
                return await future
        finally:
            self._waiting.pop((answer, key), None)

    def received(self, message: Any) -> None:
        kind = message.WhichOneof("content")
        content = getattr(message, kind)
        if kind == "rpc_log":
            level = self._messages.RpcLog.Level.Name(content.level)
            self._log(content.category, level, content.message)
            return
        key = {"invocation_response": "invocation_id", "function_load_response": "function_id"}.get(kind)
        future = self._waiting.get((kind, getattr(content, key) if key else ""))
        if future is not None and not future.done():
            future.set_result(content)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
            except TimeoutError:
                self._process.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read_output(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            self._tail.append(text)
            self._log("worker", "Console", text)

    async def _watch(self) -> None:
        assert self._process is not None
        await self._process.wait()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._death())

    def _death(self) -> WorkerDied:
        status = self._process.returncode if self._process else None
        return WorkerDied(f"the worker process ended with {status}:\n" + "\n".join(self._tail))
