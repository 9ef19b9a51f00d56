"""`python -m devhost`: the API, the realtime service, and everything they need, in one process on this machine."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Sequence

from devhost.options import Misuse, read_options
from runtime.development import LocalSettingsFaulty, read_local_settings


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 0 when stopped, 2 when it could not start."""
    # A tenth of the start was the collector walking modules, which stay. They never need to be looked at again either.
    gc.disable()
    from devhost.ground import prepare
    from devhost.host import run

    gc.freeze()
    gc.enable()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    for chatty in ("alembic", "azure", "httpx", "uvicorn", "aiohttp.access", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        given = {**read_local_settings(), **os.environ}
        ground = prepare(read_options(arguments, given), given)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(ground))
    except (Misuse, LocalSettingsFaulty) as error:
        print(f"devhost: {error}", file=sys.stderr)
        return 2
    return 0


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
