"""`python -m devhost.webpubsub`: the service alone, until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence

from devhost.webpubsub import Config, ConfigFaulty, EventHandler, LocalWebPubSub

BAD_USAGE = 2


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="devhost.webpubsub", description="A local Azure Web PubSub service.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=7072, help="default %(default)s")
    parser.add_argument("--access-key", required=True, metavar="KEY")
    parser.add_argument("--secondary-key", metavar="KEY")
    parser.add_argument("--hub", help="the hub of --event-handler; all hubs without it")
    parser.add_argument("--event-handler", metavar="URL", help="may hold {hub} and {event}")
    parser.add_argument("--events", default="connect,connected,disconnected", help="system events (default: all)")
    parser.add_argument("--user-events", default="*", metavar="NAMES", help="comma-separated, or * (default)")
    parser.add_argument("--retain", type=float, default=30.0, metavar="SECONDS", help="for recovery; default 30")
    parser.add_argument("--allow-anonymous", action="store_true", help="let clients in without a token")
    return parser.parse_args(argv)


def config(given: argparse.Namespace) -> Config:
    """Raises ConfigFaulty."""
    handlers: dict[str, tuple[EventHandler, ...]] = {}
    if given.event_handler:
        events = frozenset(name.strip() for name in given.events.split(",") if name.strip())
        handlers[given.hub or "*"] = (EventHandler(given.event_handler, events, given.user_events),)
    elif given.hub:
        raise ConfigFaulty("--hub goes with --event-handler")
    return Config(
        given.access_key,
        given.secondary_key,
        handlers=handlers,
        retain=given.retain,
        anonymous=given.allow_anonymous,
    )


async def run(settings: Config, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    async with LocalWebPubSub(settings).serve(host, port) as service:
        print(f"Web PubSub on http://{host}:{service.port}", flush=True)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    given = arguments(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        settings = config(given)
    except ConfigFaulty as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(settings, given.host, given.port))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"port {given.port} cannot be used: {error.strerror}", file=sys.stderr)
        return BAD_USAGE
    return 0


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """uvloop where it is installed: half the time for each write."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
