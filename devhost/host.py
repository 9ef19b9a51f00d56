"""Puts the dev host together: the folder, the ports, the settings, the app, and what runs beside it."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from adapters.queues.sqlite import SqliteQueue
from devhost.asgi import HttpTriggers
from devhost.front import Front
from devhost.functions import functions_of
from devhost.listening import listen, url_of
from devhost.mailbox import Mailbox
from devhost.options import Misuse, Options
from devhost.pages import Pages
from devhost.queues import QueueDrain, QueueRules
from devhost.server import ApiServer, serve_until_stopped
from devhost.timers import Timers
from domain.kernel.errors import Unavailable
from runtime import admin
from runtime import parts as runtime_parts
from runtime.commands import CommandFailed, migrate
from runtime.course_file import CourseFileFaulty, load_sample_into_empty
from runtime.data_folder import DataFolder, FolderHeld
from runtime.development import fill_in, local_realtime, realtime_access_key
from runtime.environment import SettingsFaulty
from runtime.parts import Parts
from runtime.settings import PREFIX, Settings


@dataclass(frozen=True)
class Ground:
    """What must be had before anything starts."""

    options: Options
    folder: DataFolder
    api: socket.socket
    realtime: socket.socket
    api_url: str
    realtime_url: str
    access_key: str
    env: Mapping[str, str]
    settings: Settings


def prepare(options: Options, given: Mapping[str, str]) -> Ground:
    """Raises Misuse for whatever is in the way: the folder, a port, a setting."""
    try:
        folder = DataFolder.take(options.data)
        access_key = realtime_access_key(options.data)
    except FolderHeld as error:
        raise Misuse(str(error)) from error
    except OSError as error:
        raise Misuse(f"cannot use the data folder {options.data}: {error.strerror}") from error
    api = listen(options.host, options.port, "--port")
    realtime = listen(options.host, options.realtime_port, "--realtime-port")
    api_url, realtime_url = url_of(api, options.host), url_of(realtime, options.host)
    env = fill_in(given, options.data, api_url=api_url, realtime=local_realtime(options.data, realtime_url))
    try:
        settings = Settings.read(env)
    except SettingsFaulty as error:
        raise Misuse(str(error)) from error
    return Ground(options, folder, api, realtime, api_url, realtime_url, access_key, env, settings)


async def run(ground: Ground) -> None:
    """Serve until told to stop."""
    import function_app

    parts = Parts(ground.settings)
    runtime_parts.use(parts)
    try:
        await _prepare_stores(parts, sample=ground.options.sample)
        functions = functions_of(function_app.app)
        queue = parts.queue
        if not isinstance(queue, SqliteQueue):
            raise Misuse("the dev host drains embedded queues only")
        pages = Pages(
            Mailbox(ground.options.data / "mail"),
            queue,
            _connections,
            [name for name in ground.env if name.startswith(PREFIX)],
        )
        triggers = HttpTriggers(function_app.app)
        front = Front(
            triggers, pages, partial(admin.run, parts), secret=ground.folder.secret, serving=ground.options.host
        )
        drain = QueueDrain(functions, queue, parts.clock, QueueRules.read())
        timers = Timers(functions, parts.clock)
        ground.folder.announce(f"{ground.api_url}/_dev/admin")
        await serve_until_stopped(
            ApiServer(front), ground.api, [drain.run, timers.run], lambda: print(_greeting(ground), flush=True)
        )
    finally:
        await parts.close()
        ground.folder.release()


async def _prepare_stores(parts: Parts, *, sample: bool) -> None:
    """Raises Misuse."""
    try:
        await parts.documents.ping()
        await migrate(parts, {}, "")
        if sample:
            await load_sample_into_empty(parts)
    except (CommandFailed, CourseFileFaulty) as error:
        raise Misuse(str(error)) from error
    except Unavailable as error:
        raise Misuse(f"cannot use the data folder: {error.__cause__ or error.text}") from error


async def _connections() -> Sequence[Mapping[str, object]]:
    return []


def _greeting(ground: Ground) -> str:
    data = ground.options.data
    shown = data.relative_to(Path.cwd()) if data.is_relative_to(Path.cwd()) else data
    return "\n".join(
        [
            f"API        {ground.api_url}/api/v1",
            f"API docs   {ground.api_url}/api/docs",
            f"Realtime   {ground.realtime_url}",
            f"Dev pages  {ground.api_url}/_dev/",
            f"Mail       {shown}{os.sep}mail{os.sep}",
            f"Data       {shown}{os.sep}",
            "Ctrl-C stops.",
        ]
    )
