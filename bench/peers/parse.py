"""Peer **Parse**: Parse Server from npm on PostgreSQL, with LiveQuery in the same process, as its guide sets it up.

Messages are objects of one class that only somebody signed in may read and create, indexed by conversation and time. A
signed-in read is `users/me`; a message is durable when its object id is answered; a socket is a LiveQuery
subscription to one conversation.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

from bench.http_load import request
from bench.peers.postgres import Postgres
from bench.process import Family, end
from bench.receivers import Steps
from bench.subject import HISTORIES, PASSWORD, PEOPLE, SWITCHED, TEXT, Subject, handshake, text_frame, text_of
from tests.process import ROOT, free_port

HOME: Final = ROOT / ".build" / "peer-parse"
APP: Final = "bench"
MASTER: Final = "the master key of a peer of the bench"
SIGNED_IN: Final = {"requiresAuthentication": True}
MESSAGES: Final = {
    "className": "Message",
    "fields": {
        "conversation": {"type": "String"},
        "sender": {"type": "Pointer", "targetClass": "_User"},
        "text": {"type": "String"},
    },
    "classLevelPermissions": {"find": SIGNED_IN, "get": SIGNED_IN, "create": SIGNED_IN},
}


class Parse(Subject):
    name = "Parse"
    health = "/parse/health"
    home = HOME
    rows = frozenset({"read", "send", "page", "fan-out"})

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        self.folder.mkdir(exist_ok=True)
        self._postgres = Postgres(HOME / "root", self.folder / "postgres")
        async with self._postgres.serving():
            self.port = free_port()
            process = await self._start()
            self.process = Family((process.pid, self._postgres.pid))
            try:
                await self.answered()
                yield
            finally:
                await end(process)

    async def _start(self) -> asyncio.subprocess.Process:
        configuration = self.folder / "parse.json"
        configuration.write_text(json.dumps(self._configuration()))
        program = HOME / "node_modules" / "parse-server" / "bin" / "parse-server"
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            "node", str(program), str(configuration), cwd=self.folder, stdout=quiet, stderr=quiet
        )

    def _configuration(self) -> dict[str, Any]:
        return {
            "appId": APP,
            "masterKey": MASTER,
            "databaseURI": self._postgres.uri,
            "host": "127.0.0.1",
            "port": self.port,
            "serverURL": f"http://127.0.0.1:{self.port}/parse",
            "logLevel": "error",
            "silent": True,
            "directAccess": False,  # with 9.10 LiveQuery cannot ask for a session in this way
            "liveQuery": {"classNames": ["Message"]},
            "startLiveQueryServer": True,
        }

    async def call(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Any:
        return await super().call(method, path, body, token, **{"X-Parse-Application-Id": APP}, **headers)

    async def prepare(self) -> None:
        await self.call("POST", "/parse/schemas/Message", MESSAGES, **{"X-Parse-Master-Key": MASTER})
        for number in range(PEOPLE):
            body = {"username": self.email(number), "password": PASSWORD}
            made = await self.call("POST", "/parse/users", body)
            self.tokens.append(made["sessionToken"])
            self._me = made["objectId"]
        self.rooms = [f"room{number}" for number in range(1 + len(HISTORIES))]
        await self._postgres.run('CREATE INDEX ON "Message" (conversation, "createdAt")')

    async def fill(self) -> None:
        async with self._postgres.serving():
            for room, count in zip(self.rooms[1:], HISTORIES, strict=True):
                moment = "now() - interval '30 days' + seq * interval '1 second'"
                rows = f"SELECT '{room}-' || seq, {moment}, {moment}, '{room}', '{self._me}', '{TEXT} ' || seq"
                columns = '"objectId", "createdAt", "updatedAt", conversation, sender, text'
                series = f"generate_series(1, {count}) AS seq"
                await self._postgres.run(f'INSERT INTO "Message" ({columns}) {rows} FROM {series}')
            await self._postgres.run('ANALYZE "Message"')

    def read(self, number: int) -> bytes:
        return self._request("GET", "/parse/users/me", number)

    def send(self, number: int) -> bytes:
        sender = {"__type": "Pointer", "className": "_User", "objectId": self._me}
        body = {"conversation": self.rooms[0], "sender": sender, "text": text_of(number)}
        return self._request("POST", "/parse/classes/Message", number, json.dumps(body).encode())

    def page(self, room: str, before: int | None) -> bytes:
        assert before is None, "asked for its newest page only"
        where = quote(json.dumps({"conversation": room}))
        return self._request("GET", f"/parse/classes/Message?where={where}&order=-createdAt&limit=50", 0)

    def _request(self, method: str, path: str, number: int, body: bytes | None = None) -> bytes:
        named = {"X-Parse-Application-Id": APP, "X-Parse-Session-Token": self.token(number)}
        return request(method, path, body=body, **named)

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        query = {"className": "Message", "where": {"conversation": self.rooms[0]}}
        subscribe = {"op": "subscribe", "requestId": 1, "sessionToken": self.tokens[0], "query": query}
        way = [
            (handshake("/", f"127.0.0.1:{self.port}"), SWITCHED),
            (text_frame(json.dumps({"op": "connect", "applicationId": APP})), b'"connected"'),
            (text_frame(json.dumps(subscribe)), b'"subscribed"'),
        ]
        return self.port, [way] * sockets
