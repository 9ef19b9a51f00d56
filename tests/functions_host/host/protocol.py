"""The messages of FunctionRpc, the protocol between the host and its language workers."""

import base64
import importlib.util
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

PROTOS = "FUNCTIONS_HOST_PROTOS"
"""Names the folder of the compiled messages; `../environment.py` puts them there."""


def load_messages() -> Any:
    """The module of the compiled messages. Raises ImportError."""
    folder = Path(os.environ.get(PROTOS, ""))
    spec = importlib.util.spec_from_file_location(
        "function_rpc", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None or not (folder / "FunctionRpc_pb2.py").exists():
        raise ImportError(f"{PROTOS} does not name the folder of FunctionRpc_pb2.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["function_rpc"] = module
    spec.loader.exec_module(module)
    return module


def to_typed(messages: Any, value: Any) -> Any:
    match value:
        case None:
            return messages.TypedData()
        case bytes():
            return messages.TypedData(bytes=value)
        case str():
            return messages.TypedData(string=value)
    return messages.TypedData(json=json.dumps(value))


def from_typed(data: Any) -> Any:
    """What a function returned, as JSON can hold it."""
    kind = data.WhichOneof("data")
    if kind is None:
        return None
    value = getattr(data, kind)
    if kind == "json":
        return json.loads(value)
    if kind in {"bytes", "stream"}:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    return value if isinstance(value, str | int | float) else str(value)


def trace_context(traceparent: str, invocation_id: str) -> Any:
    """*traceparent*, or a fresh one."""
    rpc = sys.modules["function_rpc.FunctionRpc_pb2"]
    return rpc.RpcTraceContext(
        trace_parent=traceparent or f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00",
        trace_state="",
        attributes={"InvocationId": invocation_id, "HostInstanceId": "tests"},
    )
