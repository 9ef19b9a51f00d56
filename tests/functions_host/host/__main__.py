"""`python -m tests.functions_host.host APP [--port N] [--index-only]`, in the environment of `../environment.py`.

Exit status: 0; 1 when the worker fails; 2 when the real host would refuse a function.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from tests.functions_host.host.channel import WorkerDied
from tests.functions_host.host.front import MAX_BODY_BYTES, Front
from tests.functions_host.host.host import FunctionsHost, InvocationFailed


async def run(app: Path, port: int, *, index_only: bool) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with FunctionsHost.start(app, os.environ) as host:
            for error in host.errors:
                print(error, file=sys.stderr)
            if index_only or host.errors:
                print(json.dumps([function.describe() for function in host.functions], indent=1))
                return 2 if host.errors else 0
            runner = web.ServerRunner(
                web.Server(Front(host).handle, client_max_size=MAX_BODY_BYTES), auto_decompress=False
            )
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
            print(f"READY {runner.addresses[0][1]}", flush=True)
            await stopped.wait()
            await runner.cleanup()
            return 0
    except (InvocationFailed, WorkerDied) as error:
        print(f"{error}\n{getattr(error, 'stack', '')}", file=sys.stderr)
        return 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.functions_host.host")
    parser.add_argument("app", type=Path)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--index-only", action="store_true")
    given = parser.parse_args()
    return asyncio.run(run(given.app.resolve(), given.port, index_only=given.index_only))


if __name__ == "__main__":
    sys.exit(main())
