"""Starts protocol servers for tests marked `servers`: finds Node, installs its packages once, waits until ready.

    with node_server(ROOT / "tests/cosmos_emulator/server.cjs") as server:
        CosmosClient(server.url, ...)

Without Node (or npm) the test is skipped, loudly; with `REQUIRE_SERVERS=1` (CI) it fails.
"""

import fcntl
import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / "tests" / "npm"
NODE_MODULES = PACKAGES / "node_modules"
READY = r"READY (?P<port>\d+)"
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Published by Microsoft, the same for everybody."""


@dataclass(frozen=True)
class Server:
    """A server on loopback."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where servers are required."""
    if os.environ.get("REQUIRE_SERVERS") == "1":
        pytest.fail(f"{what}, and REQUIRE_SERVERS is set", pytrace=False)
    pytest.skip(f"NOT TESTED: {what}")


@cache
def find_program(name: str) -> str | None:
    return shutil.which(name)


def program(name: str) -> str:
    """The path of an installed program, or `missing`."""
    return find_program(name) or missing(f"{name} is not installed")


def node_modules() -> Path:
    """The installed packages of tests/npm, as its lock file has them. Safe to call from several processes."""
    npm = program("npm")
    wanted = hashlib.sha256((PACKAGES / "package-lock.json").read_bytes()).hexdigest()
    mark = NODE_MODULES / ".installed"
    with (PACKAGES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                [npm, "ci"], cwd=PACKAGES, capture_output=True, text=True, check=False, timeout=600
            )
            if done.returncode:
                missing(f"npm ci failed in tests/npm: {done.stderr.strip()[-300:]}")
            mark.write_text(wanted)
    return NODE_MODULES


def node_environment() -> dict[str, str]:
    """The environment in which CommonJS scripts find the packages of tests/npm with `require`."""
    return {**os.environ, "NODE_PATH": str(node_modules())}


@contextmanager
def node_server(script: Path, *arguments: str, ready: str = READY) -> Iterator[Server]:
    """Run *script* with Node until the block ends; it prints the port it chose as *ready* matches it."""
    with running([program("node"), str(script), *arguments], env=node_environment(), ready=ready) as server:
        yield server


@contextmanager
def running(
    command: Sequence[str],
    *,
    ready: str = READY,
    port: int | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 30,
) -> Iterator[Server]:
    """Run *command* until the block ends. It is up when its output matches *ready*, whose group `port` is its port
    (or give *port*). Its stdin stays open for as long as we live, so that a server can end with us.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 - the caller's command, from a test
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=env
        )
        try:
            match = _wait(process, output.fileno(), ready, time.monotonic() + seconds)
            yield Server(port if port is not None else int(match["port"]), process)
        finally:
            _end(process)


@contextmanager
def redis_server(*, port: int | None = None) -> Iterator[Server]:
    """An empty Redis that keeps nothing; give the *port* of one that was stopped to start it again."""
    port = port or free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    with running([*command, "--save", "", "--appendonly", "no"], ready="Ready to accept", port=port) as server:
        yield server


@dataclass(frozen=True)
class Azurite:
    """Azure Storage's protocols on loopback, kept in memory."""

    blob_port: int
    queue_port: int

    @property
    def connection_string(self) -> str:
        """With the account and key that every Azurite has."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{self.blob_port}/{AZURITE_ACCOUNT};"
            f"QueueEndpoint=http://127.0.0.1:{self.queue_port}/{AZURITE_ACCOUNT};"
        )


@contextmanager
def azurite_server(azurite: Azurite | None = None, *, certificate: str | None = None) -> Iterator[Azurite]:
    """Microsoft's storage emulator, from tests/npm, on free ports or those of *azurite*.

    With a *certificate* (and its key, one file) it speaks HTTPS, and takes tokens of Entra ID without asking whose.
    """
    azurite = azurite or Azurite(free_port(), free_port())
    script = node_modules() / "azurite" / "dist" / "src" / "azurite.js"
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    for name, port in (("blob", azurite.blob_port), ("queue", azurite.queue_port), ("table", free_port())):
        options += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
    if certificate is not None:
        options += ["--oauth", "basic", "--cert", certificate, "--key", certificate]
    # It fetches what it copies as any client does, and has to trust itself.
    env = None if certificate is None else {**os.environ, "NODE_EXTRA_CA_CERTS": certificate}
    ready = "Queue service is successfully listening"
    with running([program("node"), str(script), *options], ready=ready, port=azurite.queue_port, env=env):
        yield azurite


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], output: int, ready: str, deadline: float) -> re.Match[str]:
    while True:
        text = os.pread(output, 1_000_000, 0).decode("utf-8", "replace")
        match = re.search(ready, text)
        if match:
            return match
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args!r} did not become ready:\n{text[-2000:]}", pytrace=False)
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
