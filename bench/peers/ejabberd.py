"""Peer **ejabberd**: Debian's, a room (MUC, XEP-0045) with its archive (MAM, XEP-0313) in SQLite.

Its archive is written before a message goes out, so a sender has its message back when it is durable: that echo is the
answer that is timed. As many people send as messages are on the way at a time, each from a connection of their own, as
everyone's load does; **ejabberd-2** is the same with two who do not wait, which is as little as a room can have to do.
SQLite has a write-ahead log and syncs each commit, as ours; its limits on speed, on rooms and on
sessions are lifted; presence is not sent round, for ours does not either. Passwords are stored as they are, since
signing in is not compared, and nothing is encrypted on the loopback.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final

from bench.http_load import ANSWER_SECONDS, Window
from bench.peers.xmpp import Occupant, way_in
from bench.process import Family, end
from bench.receivers import Steps
from bench.speakers import in_flight
from bench.subject import PASSWORD, SendOne, Subject
from tests.process import ROOT, free_port

HOME: Final = ROOT / ".build" / "peer-ejabberd"
MOST: Final = 5000
ROOM: Final = "bench@conference.localhost"
MOST_SENDERS: Final = 64


class Ejabberd(Subject):
    name = "ejabberd"
    home = HOME
    health = "/api/status"
    rows = frozenset({"send"})
    senders: ClassVar[int] = MOST_SENDERS
    """How many people send at most: each is in the room and hears what all of them say."""

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        if not self.folder.exists():
            self._make_archive()
        self.port, self._xmpp = free_port(), free_port()
        (self.folder / "ejabberd.yml").write_text(json.dumps(self._configuration()))  # YAML holds JSON
        root = HOME / "root" / "usr" / "lib" / "erlang"
        [binaries] = root.glob("erts-*/bin")
        [libraries] = root.parent.glob("*-linux-gnu")
        environment = {
            **os.environ,
            "ROOTDIR": str(root),
            "BINDIR": str(binaries),
            "EMU": "beam",
            "PROGNAME": "erl",
            "HOME": str(self.folder),
            "ERL_LIBS": str(libraries),
            "LD_LIBRARY_PATH": str(libraries),
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
        }
        # No node name: nothing of Erlang's own listens, and only the two ports below are open.
        process = await asyncio.create_subprocess_exec(
            *(str(binaries / "erlexec"), "-noinput", "-boot", str(root / "bin" / "start_clean"), "+K", "true"),
            *("+P", "250000", "-mnesia", "dir", json.dumps(str(self.folder / "mnesia")), "-s", "ejabberd"),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,  # it has a log
        )
        self.process = Family((process.pid,))
        try:
            await self.answered()
            yield
        finally:
            await end(process)

    def _make_archive(self) -> None:
        self.folder.mkdir()
        schema = (HOME / "root" / "usr" / "share" / "ejabberd" / "sql" / "lite.sql").read_text()
        with sqlite3.connect(self.folder / "archive.db") as database:
            database.execute("PRAGMA journal_mode=WAL")  # is kept in the file
            database.executescript(schema)
        database.close()

    def _configuration(self) -> dict[str, object]:
        here = {"ip": "127.0.0.1", "backlog": 1024}
        room = {"mam": True, "persistent": True, "presence_broadcast": [], "max_users": MOST}
        return {
            "hosts": ["localhost"],
            "loglevel": "error",
            "auth_method": ["internal"],
            "sql_type": "sqlite",
            "sql_database": str(self.folder / "archive.db"),
            "listen": [
                {**here, "port": self._xmpp, "module": "ejabberd_c2s", "shaper": "none", "access": "all"},
                {**here, "port": self.port, "module": "ejabberd_http", "request_handlers": {"/api": "mod_http_api"}},
            ],
            "shaper_rules": {"max_user_sessions": "infinity"},
            "api_permissions": {"the bench": {"from": ["mod_http_api"], "who": "all", "what": ["register", "status"]}},
            "modules": {
                "mod_mam": {"db_type": "sql"},
                "mod_muc": {"max_users": MOST, "max_user_conferences": MOST, "default_room_options": room},
            },
        }

    async def prepare(self) -> None:
        senders = [f"sends{number}" for number in range(self.senders)]
        # An account for each socket: ejabberd looks through all sessions of a person for each thing it delivers.
        hearers = [f"hears{number}" for number in range(self.most_sockets)] if "fan-out" in self.rows else []
        for user in (*senders, *hearers):
            await self.call("POST", "/api/register", {"user": user, "host": "localhost", "password": PASSWORD})

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        return self._xmpp, [way_in(f"hears{number}", PASSWORD, ROOM) for number in range(sockets)]

    async def sends(self, *, at_once: int, seconds: float, first: int = 0) -> Window:
        async with self._occupants(min(at_once, self.senders)) as occupants:
            return await in_flight(occupants, at_once=at_once, seconds=seconds, first=first, process=self.process)

    @asynccontextmanager
    async def sender(self) -> AsyncGenerator[SendOne]:
        async with self._occupants(1) as occupants:
            yield occupants[0].send_one

    @asynccontextmanager
    async def _occupants(self, count: int) -> AsyncGenerator[list[Occupant]]:
        loop = asyncio.get_running_loop()
        occupants = []
        for number in range(count):
            user = f"sends{number}"
            occupant = Occupant(way_in(user, PASSWORD, ROOM), ROOM, user)
            await loop.create_connection(lambda occupant=occupant: occupant, "127.0.0.1", self._xmpp)  # type: ignore[misc]
            async with asyncio.timeout(ANSWER_SECONDS):
                await occupant.open
            occupants.append(occupant)
        try:
            yield occupants
        finally:
            for occupant in occupants:
                await occupant.leave()


class EjabberdOfTwo(Ejabberd):
    """The same with two who send, however many messages are on the way: fewer hear, so the room has less to do."""

    name = "ejabberd-2"
    rows = frozenset({"send", "fan-out"})
    senders = 2
