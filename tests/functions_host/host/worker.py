"""The worker process: a thin gRPC shell round Microsoft's Python runtime (PyPI: azure-functions-runtime).

From Python 3.13 on the deployed worker is a small proxy that owns the gRPC stream and hands each message to that
runtime, which indexes the app, converts bindings and invokes functions. The proxy is not published; this plays it.
Started by the host with the arguments of the real `worker.py`.
"""

import argparse
import asyncio
import logging
import os
import queue
import sys
import threading
from dataclasses import dataclass
from typing import Any

import grpc

from tests.functions_host.host.protocol import load_messages

INVOCATION_ID = "__azure_function_invocation_id__"
"""The runtime looks for the id under this name on the current task."""
SYSTEM = ("azure_functions_worker", "azure_functions_runtime", "azure.functions", "proxy_worker", "asyncio")

logger = logging.getLogger("proxy_worker")


@dataclass
class WorkerRequest:
    """How the runtime's functions take a message."""

    name: str
    request: Any
    properties: dict[str, Any] | None = None


class InvocationTask(asyncio.Task[Any]):
    """Carries the invocation id to child tasks, so that a log line can be tied to its invocation."""

    def __init__(self, coroutine: Any, loop: asyncio.AbstractEventLoop, **more: Any) -> None:
        super().__init__(coroutine, loop=loop, **more)
        try:
            current = asyncio.current_task(loop)
        except RuntimeError:
            current = None
        if current is not None and hasattr(current, INVOCATION_ID):
            setattr(self, INVOCATION_ID, getattr(current, INVOCATION_ID))


class Worker:
    """One process's end of the stream."""

    def __init__(self, arguments: argparse.Namespace, messages: Any) -> None:
        self._arguments = arguments
        self._messages = messages
        self._outgoing: queue.Queue[Any] = queue.Queue()
        self._runtime: Any = None

    async def run(self) -> None:
        """Until the host closes the stream."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda on, coroutine, **more: InvocationTask(coroutine, on, **more))
        done = asyncio.Event()
        self._put(start_stream=self._messages.StartStream(worker_id=self._arguments.worker_id))
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        root.addHandler(_StreamLog(self))
        threading.Thread(target=self._read, args=(loop, done), daemon=True, name="grpc").start()
        await done.wait()
        self._outgoing.put_nowait(None)

    def log(self, record: logging.LogRecord, text: str) -> None:
        levels = self._messages.RpcLog
        level = {50: levels.Critical, 40: levels.Error, 30: levels.Warning, 20: levels.Information}
        category = "System" if record.name.startswith(SYSTEM) else "User"
        self._put(
            rpc_log=levels(
                level=level.get(record.levelno // 10 * 10, levels.Debug),
                message=text,
                category=record.name,
                log_category=levels.RpcLogCategory.Value(category),
            )
        )

    def _put(self, **content: Any) -> None:
        message = self._messages.StreamingMessage(request_id=self._arguments.request_id, **content)
        self._outgoing.put_nowait(message)

    def _read(self, loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        channel = grpc.insecure_channel(f"{self._arguments.host}:{self._arguments.port}", unlimited)
        stub = self._messages.FunctionRpcStub(channel)
        try:
            for message in stub.EventStream(iter(self._outgoing.get, None)):
                loop.call_soon_threadsafe(loop.create_task, self._dispatch(message))
        except grpc.RpcError as error:
            print(f"stream closed: {error}", file=sys.stderr, flush=True)
        finally:
            loop.call_soon_threadsafe(done.set)

    async def _dispatch(self, message: Any) -> None:
        kind = message.WhichOneof("content")
        try:
            match kind:
                case "worker_init_request":
                    await self._init(message)
                case "functions_metadata_request":
                    request = WorkerRequest("WorkerMetadataRequest", message)
                    self._put(function_metadata_response=await self._runtime.functions_metadata_request(request))
                case "function_load_request":
                    request = WorkerRequest("FunctionLoadRequest", message)
                    self._put(function_load_response=await self._runtime.function_load_request(request))
                case "invocation_request":
                    setattr(asyncio.current_task(), INVOCATION_ID, message.invocation_request.invocation_id)
                    request = WorkerRequest("FunctionInvocationRequest", message)
                    self._put(invocation_response=await self._runtime.invocation_request(request))
                case _:
                    logger.error("unknown message: %s", kind)
        except Exception:
            logger.exception("unhandled error in %s", kind)

    async def _init(self, message: Any) -> None:
        folder = message.worker_init_request.function_app_directory
        if folder and folder not in sys.path:
            sys.path.append(folder)
        import azure_functions_runtime as runtime

        self._runtime = runtime
        runtime.start_threadpool_executor()
        properties = {"protos": self._messages, "host": self._arguments.host}
        request = WorkerRequest("WorkerInitRequest", message, properties)
        self._put(worker_init_response=await runtime.worker_init_request(request))


class _StreamLog(logging.Handler):
    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        self._worker.log(record, self.format(record))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--workerId", dest="worker_id")
    parser.add_argument("--requestId", dest="request_id")
    arguments, _ = parser.parse_known_args()
    root = os.environ.get("AzureWebJobsScriptRoot")  # noqa: SIM112 - the host names it so
    if root:
        sys.path.append(root)
    asyncio.run(Worker(arguments, load_messages()).run())


if __name__ == "__main__":
    main()
