"""Puts the dev host together: the app, its stores, and what runs beside it."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from adapters.blobs.embedded import EmbeddedBlobs
from adapters.documents.lock import StoreUnusable
from adapters.queues.sqlite import SqliteQueue
from devhost.asgi import HttpTriggers
from devhost.blobs import App, WithBlobs
from devhost.front import Front
from devhost.functions import functions_of
from devhost.ground import Ground
from devhost.mailbox import Mailbox
from devhost.options import Misuse
from devhost.pages import Pages
from devhost.queues import Consumed, QueueDrain, QueueRules
from devhost.server import ApiServer, serve_until_stopped
from devhost.timers import Timers
from devhost.webpubsub import Config, EventHandler, LocalWebPubSub
from domain.kernel.errors import Unavailable
from runtime import admin
from runtime import parts as runtime_parts
from runtime.commands import CommandFailed, migrate
from runtime.course_file import CourseFileFaulty, load_sample_into_empty
from runtime.edge_policy import edge_policy
from runtime.parts import Parts
from runtime.services import StorageQueues
from runtime.settings import PREFIX


async def run(ground: Ground) -> None:
    """Serve until told to stop. What was started last stops first."""
    import function_app

    parts = Parts(ground.settings)
    runtime_parts.use(parts)
    async with AsyncExitStack() as stack:
        stack.callback(ground.folder.release)
        stack.push_async_callback(parts.close)
        await _prepare_stores(parts, sample=ground.options.sample)
        functions = functions_of(function_app.app)
        queue = await stack.enter_async_context(_consumed(parts))
        realtime = _realtime(ground)
        if realtime is not None and ground.realtime is not None:
            await stack.enter_async_context(realtime.serve(listening=ground.realtime.listening))
        pages = Pages(
            Mailbox(ground.options.data / "mail"),
            queue,
            partial(_connections, realtime),
            [name for name in ground.env if name.startswith(PREFIX)],
        )
        front = Front(
            with_blobs(HttpTriggers(function_app.app), parts),
            pages,
            partial(admin.run, parts),
            secret=ground.folder.secret,
            serving=ground.options.host,
        )
        drain = QueueDrain(functions, queue, parts.clock, QueueRules.read())
        timers = Timers(functions, parts.clock)
        ground.folder.announce(f"{ground.api_url}/_dev/admin")
        await serve_until_stopped(
            ApiServer(front), ground.api, [drain.run, timers.run], lambda: print(_greeting(ground), flush=True)
        )


@asynccontextmanager
async def _consumed(parts: Parts) -> AsyncIterator[Consumed]:
    """The consuming side of the queues that the settings name. Raises Misuse."""
    chosen = parts.settings.queue
    if isinstance(parts.queue, SqliteQueue):
        yield parts.queue
    elif isinstance(chosen, StorageQueues) and chosen.connection_string is not None:
        from devhost.storage_queues import StorageConsumer

        consumer = StorageConsumer(chosen.connection_string, parts.clock)
        try:
            yield consumer
        finally:
            await consumer.close()
    else:  # a deployment has a Functions host for them, and two would take each other's messages
        raise Misuse("the dev host drains the embedded queues, or those of APP_STORAGE_CONNECTION_STRING")


def with_blobs(triggers: App, parts: Parts) -> App:
    """The triggers, and beside them the blobs where they are embedded."""
    blobs = parts.blobs
    if not isinstance(blobs, EmbeddedBlobs):
        return triggers
    policy = edge_policy(parts.settings)
    return WithBlobs(triggers, blobs, ("*",) if policy.any_origin else tuple(policy.trusted_origins))


async def _prepare_stores(parts: Parts, *, sample: bool) -> None:
    """Raises Misuse."""
    try:
        await migrate(parts, {}, "")
        await parts.documents.ping()
        if sample:
            await load_sample_into_empty(parts)
    except (CommandFailed, CourseFileFaulty, StoreUnusable) as error:
        raise Misuse(str(error)) from error
    except Unavailable as error:
        if parts.guards:
            raise Misuse("a service that the settings name does not answer (`make services` starts them)") from error
        raise Misuse(f"cannot use the data folder: {error.__cause__ or error.text}") from error


def _realtime(ground: Ground) -> LocalWebPubSub | None:
    """The local service, which tells our own API what its clients do."""
    if ground.realtime is None:
        return None
    handler = EventHandler(f"{ground.api_url}/api/v1/chat/events")
    return LocalWebPubSub(Config(ground.realtime.access_key, handlers={ground.settings.realtime.hub: (handler,)}))


def _connections(realtime: LocalWebPubSub | None) -> Sequence[Mapping[str, Any]]:
    if realtime is None:
        return []
    hubs: Mapping[str, Mapping[str, Any]] = realtime.describe(most=1000)["hubs"]
    return [{"hub": name, **client} for name, hub in hubs.items() for client in hub["clients"]]


def _greeting(ground: Ground) -> str:
    data = ground.options.data
    shown = data.relative_to(Path.cwd()) if data.is_relative_to(Path.cwd()) else data
    realtime = ground.realtime.url if ground.realtime else "as the settings say"
    return "\n".join(
        [
            f"API        {ground.api_url}/api/v1",
            f"API docs   {ground.api_url}/api/docs",
            f"Realtime   {realtime}",
            f"Dev pages  {ground.api_url}/_dev/",
            f"Mail       {shown}{os.sep}mail{os.sep}",
            f"Data       {shown}{os.sep}",
            "Ctrl-C stops.",
        ]
    )
