"""The functions of an app, as the worker indexes them: what triggers each, and how to call it."""

import asyncio
import contextvars
import inspect
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import azure.functions as func

log = logging.getLogger("devhost")

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")

_THREADS = ThreadPoolExecutor(thread_name_prefix="function")
"""For `def` functions, as many as the worker gives them: `min(32, cores + 4)`."""


class Invocation(func.Context):
    """The context of one call, as far as functions look at it."""

    __slots__ = ("_id", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._id = str(uuid.uuid4())

    @property
    def invocation_id(self) -> str:
        return self._id

    @property
    def function_name(self) -> str:
        return self._name

    @property
    def function_directory(self) -> str:
        return ""

    @property
    def thread_local_storage(self) -> Any:
        return threading.local()

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None


@dataclass(slots=True)
class Function:
    """One function. *trigger* holds the binding's own words (`route`, `schedule`, `queueName`)."""

    name: str
    kind: str
    """`httpTrigger`, `timerTrigger`, `queueTrigger` ..."""
    trigger: Mapping[str, Any]
    _call: Callable[..., Any] = field(repr=False)
    _parameter: str = field(repr=False)
    _takes_context: bool = field(repr=False)
    _is_async: bool = field(repr=False)

    @classmethod
    def read(cls, function: Any) -> "Function":
        trigger = function.get_trigger()
        call = function.get_user_function()
        return cls(
            name=function.get_function_name(),
            kind=trigger.get_binding_name(),
            trigger=trigger.get_dict_repr(),
            _call=call,
            _parameter=trigger.name,
            _takes_context="context" in inspect.signature(call).parameters,
            _is_async=inspect.iscoroutinefunction(call),
        )

    async def invoke(self, value: Any) -> Any:
        """Call it with the trigger's *value*: on the loop, or in a thread when it is no coroutine function."""
        arguments = {self._parameter: value}
        if self._takes_context:
            arguments["context"] = Invocation(self.name)
        if self._is_async:
            return await self._call(**arguments)
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_THREADS, lambda: context.run(self._call, **arguments))


_indexed: WeakKeyDictionary[func.FunctionApp, tuple[Function, ...]] = WeakKeyDictionary()


def functions_of(app: func.FunctionApp) -> tuple[Function, ...]:
    """Every function of *app*. Its own `get_functions()` works only once, so the answer is kept."""
    if app not in _indexed:
        _indexed[app] = tuple(Function.read(function) for function in app.get_functions())
    return _indexed[app]
