"""The two services that `make bench` always compares.

**ours** is `python -m devhost` with the rates raised and nothing else changed; **T** is `peers/template_service.py`.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from adapters.documents.sqlite import SqliteDocuments
from bench.http_load import request
from bench.process import Process, end
from bench.receivers import Steps
from bench.subject import HISTORIES, PASSWORD, PEOPLE, SWITCHED, TEXT, Subject, handshake, text_of
from domain.chat.model import Message, message_id, partition_of
from domain.chat.records import HEAD, message_item
from domain.kernel.containers import CHAT
from domain.kernel.documents import Create, Patch
from tests.process import ROOT, a_dev_host, free_port

MISSED: Final = 1000
GROUPS: Final = 50
"""Over which the missed messages are spread."""
UNLIMITED: Final = {
    f"APP_RATE_LIMIT_{name}": "1000000000"
    for name in (
        "PUBLIC_PER_MINUTE",
        "SIGNED_IN_PER_MINUTE",
        "SIGNUP_PER_MINUTE",
        "LOGIN_PER_MINUTE",
        "LOGIN_FAILURES",
    )
}


class Ours(Subject):
    name = "ours"
    health = "/api/healthz"
    order = rb'"seq": ?(\d+)'

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        async with a_dev_host(self.folder, "--no-sample", **UNLIMITED) as host:
            self.port, self.process = host.port, Process(host.process.pid)
            await self.answered()
            self._host = host
            yield
            await host.stop()

    async def prepare(self) -> None:
        for number in range(PEOPLE):
            made = await self._host.admin(
                *("create-user", "--email", self.email(number), "--name", f"Person {number}", "--role", "user"),
                text=PASSWORD + "\n",
            )
            assert made[0] == 0, made
        await self.sign_in()
        for other in self._ids[1:]:
            direct = {"type": "direct", "participantIds": [other]}
            opened = await self.call("POST", "/api/v1/conversations", direct, self.tokens[0])
            self.rooms.append(opened["id"])
        await self._go_away()

    async def _go_away(self) -> None:
        """The last person is away while another says 1,000 things to them in 50 groups."""
        writer, away = self.tokens[-2:]
        self._cursor = (await self.call("GET", "/api/v1/chat/sync", token=away))["cursor"]
        for number in range(GROUPS):
            group = {"type": "group", "participantIds": [self._ids[-1]], "name": f"Group {number}"}
            opened = await self.call("POST", "/api/v1/conversations", group, writer)
            path = f"/api/v1/conversations/{opened['id']}/messages"
            said = [{"text": f"{TEXT} {each}"} for each in range(MISSED // GROUPS)]
            await asyncio.gather(*(self.call("POST", path, body, writer) for body in said))
        missed = await self.call("GET", f"/api/v1/chat/sync?limit=1500&since={self._cursor}", token=away)
        assert sum(each["type"] == "message" for each in missed["changes"]) == MISSED, len(missed["changes"])
        assert not missed["hasMore"]

    async def sign_in(self) -> None:
        self.tokens, self._ids = [], []
        for number in range(PEOPLE):
            body = {"email": self.email(number), "password": PASSWORD}
            answer = await self.call("POST", "/api/v1/auth/login", body)
            self.tokens.append(answer["accessToken"])
            self._ids.append(answer["user"]["id"])

    async def fill(self) -> None:
        documents = SqliteDocuments(self.folder / "documents.db")
        for room, count in zip(self.rooms[1:], HISTORIES, strict=True):
            began = datetime.now(UTC) - timedelta(days=30)
            pk = partition_of(room)
            for first in range(1, count + 1, 100):
                moments = [(seq, began + timedelta(seconds=seq)) for seq in range(first, first + 100)]
                await documents.batch(CHAT, pk, [Create(message_item(self._message(room, *at))) for at in moments])
            head = {"lastSeq": count, "publishedSeq": count}
            await documents.patch(CHAT, pk, Patch(HEAD, set=head))
        await documents.close()

    def _message(self, room: str, seq: int, moment: datetime) -> Message:
        made = message_id(conversation_id=room, seq=seq, now=moment)
        return Message(made, room, seq, self._ids[seq % 2], f"{TEXT} {seq}", moment)

    def read(self, number: int) -> bytes:
        return request("GET", "/api/v1/users/me", self.token(number))

    def login(self, number: int) -> bytes:
        body = json.dumps({"email": self.email(number), "password": PASSWORD}).encode()
        return request("POST", "/api/v1/auth/login", None, body)

    def send(self, number: int) -> bytes:
        body = json.dumps({"text": text_of(number), "clientMessageId": f"{time.monotonic_ns()}-{number}"}).encode()
        return request("POST", f"/api/v1/conversations/{self.rooms[0]}/messages", self.tokens[number % 2], body)

    def page(self, room: str, before: int | None) -> bytes:
        query = f"?before={before}" if before else ""
        return request("GET", f"/api/v1/conversations/{room}/messages{query}", self.tokens[0])

    def catch_up(self) -> bytes:
        return request("GET", f"/api/v1/chat/sync?limit=1500&since={self._cursor}", self.tokens[-1])

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        negotiated = await self.call("POST", "/api/v1/chat/negotiate", token=self.tokens[0])
        url = urlsplit(negotiated["url"])
        protocol = "Sec-WebSocket-Protocol: json.webpubsub.azure.v1\r\n"
        asked = handshake(f"{url.path}?{url.query}", url.netloc, protocol)
        return url.port or 80, [[(asked, SWITCHED)]] * sockets


class Template(Subject):
    name = "T"
    health = "/health"
    order = rb'"seq": ?(\d+)'

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        self.folder.mkdir(exist_ok=True)
        self.port = free_port()
        process = await asyncio.create_subprocess_exec(
            str(ROOT / ".build" / "peer-t" / "bin" / "python"),
            str(ROOT / "bench" / "peers" / "template_service.py"),
            str(self.folder / "t.db"),
            str(self.port),
        )
        self.process = Process(process.pid)
        try:
            await self.answered()
            yield
        finally:
            await end(process)

    async def prepare(self) -> None:
        for number in range(PEOPLE):
            body = {"email": self.email(number), "password": PASSWORD, "name": f"Person {number}"}
            await self.call("POST", "/signup", body)
            self.tokens.append((await self.call("POST", "/login", body))["access_token"])
        for _ in range(1 + len(HISTORIES)):
            self.rooms.append((await self.call("POST", "/conversations", token=self.tokens[0]))["id"])

    async def fill(self) -> None:
        with sqlite3.connect(self.folder / "t.db") as database:
            [(me,), (other,)] = database.execute("SELECT id FROM users ORDER BY email LIMIT 2").fetchall()
            database.execute("INSERT INTO members VALUES (?, ?)", (self.rooms[0], other))
            sent = str(datetime.now(UTC).replace(tzinfo=None))
            for room, count in zip(self.rooms[1:], HISTORIES, strict=True):
                rows = ((f"{room}-{seq}", room, seq, me, f"{TEXT} {seq}", sent) for seq in range(1, count + 1))
                database.executemany(
                    "INSERT INTO messages (id, conversation_id, seq, sender_id, text, sent_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    rows,
                )
                database.execute("UPDATE conversations SET last_seq = ? WHERE id = ?", (count, room))
        database.close()

    def read(self, number: int) -> bytes:
        return request("GET", "/users/me", self.token(number))

    def login(self, number: int) -> bytes:
        body = json.dumps({"email": self.email(number), "password": PASSWORD}).encode()
        return request("POST", "/login", None, body)

    def send(self, number: int) -> bytes:
        body = json.dumps({"text": text_of(number), "clientMessageId": f"{time.monotonic_ns()}-{number}"}).encode()
        return request("POST", f"/conversations/{self.rooms[0]}/messages", self.tokens[number % 2], body)

    def page(self, room: str, before: int | None) -> bytes:
        query = f"?before={before}" if before else ""
        return request("GET", f"/conversations/{room}/messages{query}", self.tokens[0])

    def catch_up(self) -> bytes:
        return request("GET", f"/conversations/{self.rooms[1]}/messages?after=5000", self.tokens[0])

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        asked = handshake(f"/ws/{self.rooms[0]}?token={self.tokens[0]}", f"127.0.0.1:{self.port}")
        return self.port, [[(asked, SWITCHED)]] * sockets
