"""The cloud's services on this machine, over their real protocols: `make services`, and tests.

    python -m tests.local_cloud [--data DIR]              start them, print the settings, stop with Ctrl-C
    python -m tests.local_cloud --settings [--data DIR]   print the settings only, one NAME=value a line
    python -m tests.local_cloud --run COMMAND …           run a command with these settings

Cosmos DB (emulated), Blob and Queue Storage (Azurite), Redis, and an SMTP server that keeps each e-mail as an `.eml`
file in `DIR/mail`, where the dev host's pages find it. Everything else lives in memory and is gone with the process.
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from azure.storage.blob import BlobServiceClient, CorsRule

from tests.infra.template import BICEP, at, members, plain, resources
from tests.servers import ROOT, Azurite, azurite_server, free_port, node_server, redis_server

DATA: Final = ".data/cloud"
SITE: Final = "http://localhost:3000"


@dataclass(frozen=True)
class Ports:
    """The defaults are those that everybody uses for these services."""

    cosmos: int = 8081
    blob: int = 10000
    queue: int = 10001
    redis: int = 6379
    smtp: int = 1025

    @classmethod
    def free(cls) -> "Ports":
        return cls(free_port(), free_port(), free_port(), free_port(), free_port())

    def settings(self) -> dict[str, str]:
        """What to tell the application."""
        return {
            "APP_COSMOS_ENDPOINT": f"http://127.0.0.1:{self.cosmos}",
            "APP_COSMOS_KEY": "a2V5",
            "APP_STORAGE_CONNECTION_STRING": Azurite(self.blob, self.queue).connection_string,
            "APP_REDIS_URL": f"redis://127.0.0.1:{self.redis}",
            "APP_SMTP_URL": f"smtp://127.0.0.1:{self.smtp}",
        }


class Catcher:
    """Keeps what an SMTP server takes, oldest first by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        now = datetime.now(UTC)
        digest = hashlib.sha256(content).hexdigest()[:16]
        stamp = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z"
        self._folder.mkdir(parents=True, exist_ok=True)
        final = self._folder / f"{stamp}-{next(self._count):06d}-{digest}.eml"
        final.with_suffix(".tmp").write_bytes(content)
        final.with_suffix(".tmp").replace(final)
        return "250 OK"


@contextmanager
def local_cloud(data: Path, ports: Ports) -> Iterator[None]:
    """All of them, until the block ends."""
    with ExitStack() as stack:
        script = ROOT / "tests" / "cosmos_emulator" / "server.cjs"
        stack.enter_context(node_server(script, str(ports.cosmos)))
        let_pages_upload(stack.enter_context(azurite_server(Azurite(ports.blob, ports.queue))))
        stack.enter_context(redis_server(port=ports.redis))
        catcher = Controller(Catcher(data / "mail"), "127.0.0.1", ports.smtp)
        catcher.start()
        stack.callback(catcher.stop)
        yield


def let_pages_upload(azurite: Azurite) -> None:
    """Give the blob service the CORS rules that the deployment gives Azure's, for the site of local work."""
    blobs = resources(BICEP / "modules" / "storage.bicep")["fileBlobs"]
    (rule,) = at(blobs, "properties.cors.corsRules").items
    said = {name: plain(value) for name, value in members(rule).items() if name != "allowedOrigins"}
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        cors = CorsRule(
            [SITE],
            said["allowedMethods"],
            allowed_headers=said["allowedHeaders"],
            exposed_headers=said["exposedHeaders"],
            max_age_in_seconds=said["maxAgeInSeconds"],
        )
        service.set_service_properties(cors=[cors])


def sql_server(env: Mapping[str, str]) -> dict[str, str]:
    """The server that `AZURE_SQL_TEST_DSN` names, an ODBC connection string; without one SQL stays embedded."""
    dsn = env.get("AZURE_SQL_TEST_DSN", "")
    return {"APP_SQL_ODBC": dsn} if dsn else {}


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.local_cloud")
    parser.add_argument("--data", default=DATA, help=f"where e-mail is kept ({DATA})")
    parser.add_argument("--settings", action="store_true", help="print the settings and start nothing")
    parser.add_argument("--run", nargs=argparse.REMAINDER, metavar="COMMAND", help="run it with the settings instead")
    given = parser.parse_args(arguments)
    ports = Ports()
    settings = {**ports.settings(), **sql_server(os.environ)}
    if given.run:
        os.execvpe(given.run[0], given.run, {**os.environ, **settings})  # noqa: S606 - the developer's own command
    lines = "\n".join(f"{name}={value}" for name, value in settings.items())
    if given.settings:
        print(lines)
        return 0
    _install_redis()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.default_int_handler)
    try:
        with local_cloud(Path(given.data), ports):
            print(f"{lines}\nServing. `make dev-cloud` runs the dev host on these. Ctrl-C stops.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except (pytest.skip.Exception, pytest.fail.Exception, OSError) as error:  # what `tests.servers` says is in the way
        print(f"services: {error}", file=sys.stderr)
        return 1
    return 0


def _install_redis() -> None:
    """From the distribution, where that is possible; else `tests.servers` says what is missing."""
    apt = shutil.which("apt-get")
    if shutil.which("redis-server") is None and apt is not None:
        as_root = [] if os.geteuid() == 0 else ["sudo"]
        command = [*as_root, apt, "install", "-y", "-q", "--no-install-recommends", "redis-server"]
        subprocess.run(command, check=False)  # noqa: S603 - fixed arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
