"""Peer **Synapse**: Matrix's own server from PyPI, one process on SQLite (write-ahead log, each commit synced).

Its rate limits are lifted, presence and federation are off. A signed-in read is `whoami`. A message is durable when its
event id is answered. Its sockets are long polls of `/sync`, as its clients use them: each answer is followed by the
next question at once.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

from bench.http_load import body_of, is_whole, length_of, request
from bench.process import Process, end
from bench.receivers import Audience, Receiver, Steps
from bench.subject import PASSWORD, PEOPLE, Subject, text_of
from tests.process import ROOT, free_port

HOME: Final = ROOT / ".build" / "peer-synapse"
API: Final = "/_matrix/client/v3"
UNLIMITED: Final = {"per_second": 1e9, "burst_count": 1_000_000_000}
ONLY_MESSAGES: Final = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "ephemeral": {"types": []},
        "account_data": {"types": []},
        "state": {"types": [], "lazy_load_members": True},
        "timeline": {"types": ["m.room.message"], "limit": 100},
    },
}


class Poll(Receiver):
    """Asks for what is new, over and over on one connection: its second step, with `@since` for where it is."""

    def __init__(self, audience: Audience, steps: Steps) -> None:
        super().__init__(audience, steps)
        self._ask, self._answer = steps[1][0], b""

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not is_whole(self._answer, length_of(self._answer)):
            return
        assert self._answer.startswith(b"HTTP/1.1 200"), self._answer
        body, self._answer = body_of(self._answer), b""
        if self.open.done():
            self.listen(body)
        else:
            self.open.set_result(None)
        assert self.transport is not None
        self.transport.write(self._ask.replace(b"@since", json.loads(body)["next_batch"].encode()))


class Synapse(Subject):
    name = "Synapse"
    health = "/_matrix/client/versions"
    home = HOME
    rows = frozenset({"read", "send", "fan-out"})
    sent_status = 200
    most_sockets = 100
    tries = 20
    receiver = Poll

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        if not self.folder.exists():
            self.folder.mkdir()
            await self._run("--generate-keys")
        self.port = free_port()
        process = await self._start()
        self.process = Process(process.pid)
        try:
            await self.answered()
            yield
        finally:
            await end(process)

    async def _run(self, *flags: str) -> None:
        process = await self._start(*flags)
        assert await process.wait() == 0

    async def _start(self, *flags: str) -> asyncio.subprocess.Process:
        configuration = self.folder / "homeserver.yaml"
        configuration.write_text(json.dumps(self._configuration()))  # YAML holds JSON
        (self.folder / "log.yaml").write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
        python = str(HOME / "bin" / "python")
        command = (python, "-m", "synapse.app.homeserver", "--config-path", str(configuration), *flags)
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)

    def _configuration(self) -> dict[str, Any]:
        here = {
            "port": self.port,
            "type": "http",
            "bind_addresses": ["127.0.0.1"],
            "resources": [{"names": ["client"]}],
        }
        return {
            "server_name": "localhost",
            "listeners": [here],
            "database": {"name": "sqlite3", "args": {"database": str(self.folder / "homeserver.db")}},
            "log_config": str(self.folder / "log.yaml"),
            "media_store_path": str(self.folder / "media"),
            "signing_key_path": str(self.folder / "signing.key"),
            "pid_file": str(self.folder / "pid"),
            **dict.fromkeys(("macaroon_secret_key", "form_secret"), "a peer of the bench"),
            "report_stats": False,
            "presence": {"enabled": False},
            "federation_domain_whitelist": [],
            "trusted_key_servers": [],
            "bcrypt_rounds": 4,  # signing in is not compared
            "enable_registration": True,
            "enable_registration_without_verification": True,
            **dict.fromkeys(("rc_message", "rc_registration", "rc_joins_per_room"), UNLIMITED),
            "rc_joins": {"local": UNLIMITED, "remote": UNLIMITED},
            "rc_login": {"address": UNLIMITED, "account": UNLIMITED, "failed_attempts": UNLIMITED},
            "rc_invites": {"per_room": UNLIMITED, "per_user": UNLIMITED, "per_issuer": UNLIMITED},
        }

    async def prepare(self) -> None:
        """An account for each socket: Synapse answers two polls of one person with one piece of work."""
        names = [f"person{number}" for number in range(max(PEOPLE, self.most_sockets))]
        for name in names:
            body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
            self.tokens.append((await self.call("POST", f"{API}/register", body))["access_token"])
        opened = await self.call("POST", f"{API}/createRoom", {"preset": "public_chat"}, self.tokens[0])
        self.rooms.append(opened["room_id"])
        for token in self.tokens[1:]:
            await self.call("POST", f"{API}/rooms/{quote(opened['room_id'])}/join", {}, token)

    def read(self, number: int) -> bytes:
        return request("GET", f"{API}/account/whoami", self.token(number % PEOPLE))

    def send(self, number: int) -> bytes:
        body = json.dumps({"msgtype": "m.text", "body": text_of(number)}).encode()
        path = f"{API}/rooms/{quote(self.rooms[0])}/send/m.room.message/{time.monotonic_ns()}-{number}"
        return request("PUT", path, self.tokens[number % 2], body)

    async def hearing(self, sockets: int) -> tuple[int, Sequence[Steps]]:
        path = f"{API}/sync?filter={quote(json.dumps(ONLY_MESSAGES))}"
        since = (await self.call("GET", f"{path}&timeout=0", token=self.tokens[0]))["next_batch"]
        return self.port, [
            [
                (request("GET", f"{path}&timeout=0&since={since}", token), b""),
                (request("GET", f"{path}&timeout=30000&since=@since", token), b""),
            ]
            for token in self.tokens[:sockets]
        ]
