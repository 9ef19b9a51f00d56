"""The host: starts the worker, has it index and load the app, checks what it says, and invokes functions."""

import asyncio
import json
import os
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc.aio

from tests.functions_host.host.channel import WorkerChannel
from tests.functions_host.host.functions import IndexedFunction
from tests.functions_host.host.payloads import queue_payload, timer_payload
from tests.functions_host.host.protocol import from_typed, load_messages, trace_context
from tests.functions_host.host.routes import order

_HOST_VERSION: Final = "4.1050.100.0"
_FUNCTION_TIMEOUT: Final = 300.0
"""Seconds; host.json `functionTimeout`."""


class InvocationFailed(RuntimeError):
    """The worker said no; *stack* is the app's."""

    def __init__(self, exception: Any) -> None:
        super().__init__(exception.message)
        self.stack: str = exception.stack_trace


class FunctionsHost:
    """Made by `start`. *errors* is empty when the real host would take every function."""

    def __init__(self, app: Path, env: Mapping[str, str]) -> None:
        host_json = json.loads((app / "host.json").read_text("utf-8"))
        self.messages = load_messages()
        self.functions: list[IndexedFunction] = []
        self.http: list[IndexedFunction] = []
        self.logs: deque[dict[str, str]] = deque(maxlen=10_000)
        self._app = app
        self._env = {
            **os.environ,
            **env,
            "AzureWebJobsScriptRoot": str(app),
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "FUNCTIONS_EXTENSION_VERSION": "~4",
        }
        self._prefix = str(host_json.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")
        self._channel = WorkerChannel(self.messages, self.log)

    @classmethod
    @asynccontextmanager
    async def start(cls, app: Path, env: Mapping[str, str]) -> "AsyncGenerator[FunctionsHost]":
        """The app, indexed and loaded. Raises InvocationFailed for what the worker refuses, WorkerDied."""
        host = cls(app, env)
        server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        )
        host.messages.add_FunctionRpcServicer_to_server(_servicer(host.messages, host._channel), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            await host._channel.start(app, port, host._env)
            await host._index()
            yield host
        finally:
            await host._channel.stop()
            await server.stop(0.2)

    @property
    def errors(self) -> list[str]:
        return [f"{function.name}: {error}" for function in self.functions for error in function.errors]

    def find(self, name: str) -> IndexedFunction | None:
        return next((function for function in self.functions if function.name.lower() == name.lower()), None)

    def log(self, category: str, level: str, text: str) -> None:
        self.logs.append({"category": category, "level": level, "text": text})

    async def fire(self, function: IndexedFunction, body: str, tries: int) -> Any:
        """Invoke a timer, or a queue function with a message's *body*, as its trigger would; returns what it returned.

        Raises InvocationFailed, WorkerDied, TimeoutError.
        """
        if function.kind == "timertrigger":
            data, metadata = timer_payload(self.messages)
        else:
            data, metadata = queue_payload(self.messages, body, tries)
        response = await self.invoke(function, data, metadata)
        return from_typed(response.return_value) if response.HasField("return_value") else None

    async def invoke(
        self, function: IndexedFunction, data: Any, metadata: Mapping[str, Any], *, traceparent: str = ""
    ) -> Any:
        """One invocation with the trigger's *data*. Raises InvocationFailed, WorkerDied, TimeoutError."""
        invocation_id = str(uuid.uuid4())
        request = self.messages.InvocationRequest(
            invocation_id=invocation_id,
            function_id=function.id,
            input_data=[self.messages.ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=dict(metadata),
            trace_context=trace_context(traceparent, invocation_id),
        )
        message = self._message(invocation_request=request)
        response = await self._channel.call(message, "invocation_response", invocation_id, timeout=_FUNCTION_TIMEOUT)
        self._must_succeed(response.result)
        return response

    async def _index(self) -> None:
        init = self.messages.WorkerInitRequest(
            host_version=_HOST_VERSION,
            worker_directory=str(Path(__file__).parent),
            function_app_directory=str(self._app),
            capabilities={"MultiStream": "10"},
        )
        response = await self._channel.call(self._message(worker_init_request=init), "worker_init_response")
        self._must_succeed(response.result)
        request = self.messages.FunctionsMetadataRequest(function_app_directory=str(self._app))
        message = self._message(functions_metadata_request=request)
        response = await self._channel.call(message, "function_metadata_response")
        self._must_succeed(response.result)
        if response.use_default_metadata_indexing:
            raise RuntimeError("the worker found no function_app.py, or no function in it")
        self.functions = [
            IndexedFunction(metadata, self._env, self._prefix) for metadata in response.function_metadata_results
        ]
        self._check_together()
        for function in self.functions:
            await self._load(function)
        routes = {id(function.route): function for function in self.functions if function.route and not function.errors}
        self.http = [routes[id(route)] for route in order([f.route for f in routes.values() if f.route])]

    def _check_together(self) -> None:
        seen: list[IndexedFunction] = []
        for function in self.functions:
            for other in seen:
                if function.name.lower() == other.name.lower():
                    function.errors.append(f"the name '{function.name}' must be unique")
                if function.conflicts_with(other):
                    function.errors.append(f"its route conflicts with that of '{other.name}'")
            seen.append(function)

    async def _load(self, function: IndexedFunction) -> None:
        metadata = self.messages.RpcFunctionMetadata()
        metadata.CopyFrom(function.metadata)
        metadata.properties["worker_indexed"] = "True"
        request = self.messages.FunctionLoadRequest(function_id=function.id, metadata=metadata)
        message = self._message(function_load_request=request)
        response = await self._channel.call(message, "function_load_response", function.id)
        if response.result.status != self.messages.StatusResult.Success:
            function.errors.append(f"the worker does not load it: {response.result.exception.message}")

    def _message(self, **content: Any) -> Any:
        return self.messages.StreamingMessage(request_id=str(uuid.uuid4()), **content)

    def _must_succeed(self, result: Any) -> None:
        if result.status != self.messages.StatusResult.Success:
            raise InvocationFailed(result.exception)


def _servicer(messages: Any, channel: WorkerChannel) -> Any:
    class Servicer(messages.FunctionRpcServicer):  # type: ignore[misc]  # compiled at run time
        async def EventStream(self, _: Any, context: Any) -> None:  # noqa: N802 - the protocol's name
            await context.read()  # the worker's StartStream
            writing = asyncio.create_task(self._write(context))
            channel.connected.set()
            try:
                while (message := await context.read()) is not grpc.aio.EOF:
                    channel.received(message)
            finally:
                writing.cancel()

        async def _write(self, context: Any) -> None:
            while True:
                await context.write(await channel.outgoing.get())

    return Servicer()
