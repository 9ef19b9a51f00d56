"""What a request costs under Microsoft's Functions runtime: a hello function, and ours, in turn.

The runtime is the one that `tests/functions_host` sets up and serves with. Only the worker's process is counted: it
runs Microsoft's code and ours. What the host's imitation costs is not ours to say.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from bench.http_load import load, request
from bench.process import Process
from bench.rows import Results, figures
from bench.subject import PASSWORD
from tests.factories import an_environment
from tests.functions_host.environment import Runtime, runtime, stage_app
from tests.servers import running

HELLO: Final = "a hello function, Functions runtime"
READ: Final = "signed-in read, Functions runtime"
AT_ONCE: Final = 16
START_SECONDS: Final = 60
HELLO_APP: Final = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello", methods=["GET"])
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse('{"hello": "world"}', mimetype="application/json")
"""


@dataclass(frozen=True, slots=True)
class Hosted:
    """An app that the runtime serves."""

    port: int
    worker: Process


async def under_the_runtime(folder: Path, results: Results, *, windows: int, seconds: float) -> None:
    """Skipped, loudly, where Microsoft's runtime cannot be set up."""
    try:
        made = runtime()
    except pytest.skip.Exception as reason:
        print(f"NOT MEASURED: the Functions runtime. {reason}", flush=True)
        return
    with ExitStack() as stack:
        hello = stack.enter_context(_hosted(made, _hello_app(folder / "hello"), folder / "hello-data"))
        ours = stack.enter_context(_hosted(made, stage_app(folder / "app"), folder / "app-data"))
        token = await _signed_up(ours.port)
        asked = (
            (HELLO, hello, request("GET", "/api/hello", token)),
            (READ, ours, request("GET", "/api/v1/users/me", token)),
        )
        for _ in range(windows):
            for row, app, asking in asked:
                window = await load(
                    app.port,
                    lambda _, asking=asking: asking,  # type: ignore[misc]
                    at_once=AT_ONCE,
                    seconds=seconds,
                    process=app.worker,
                )
                results.note(row, "ours", figures(window))


def _hello_app(folder: Path) -> Path:
    folder.mkdir()
    (folder / "function_app.py").write_text(HELLO_APP)
    (folder / "host.json").write_text(json.dumps({"version": "2.0"}))
    return folder


@contextmanager
def _hosted(made: Runtime, app: Path, data: Path) -> Iterator[Hosted]:
    env = {**made.environment(), **an_environment(data), "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    command = [str(made.python), "-P", "-m", "tests.functions_host.host", str(app), "--port", "0"]
    with running(command, env=env, seconds=START_SECONDS) as server:
        yield Hosted(server.port, Process(server.process.pid).child)


async def _signed_up(port: int) -> str:
    body = {"email": "person@people.example", "password": PASSWORD, "name": "Person"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/api/v1/auth/signup", json=body) as answer,
    ):
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["accessToken"])
