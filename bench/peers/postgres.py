"""A PostgreSQL server of Debian's for one peer: on the loopback, with its defaults, so each commit is synced."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench.process import end
from tests.process import free_port

NOBODY: Final = "65534"
AS_NOBODY: Final = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
"""PostgreSQL refuses to be root. It becomes the same process, unlike with `su` or `runuser`."""


class Postgres:
    """*root* is where Debian's packages were unpacked. *folder* is made on first use."""

    def __init__(self, root: Path, folder: Path) -> None:
        [self._binaries] = root.glob("usr/lib/postgresql/*/bin")
        self._libraries = ":".join(map(str, root.glob("usr/lib/*-linux-gnu")))
        self._folder = folder
        self._as = AS_NOBODY if os.getuid() == 0 else ()
        self.pid = 0
        self.port = 0

    @property
    def uri(self) -> str:
        return f"postgresql://bench@127.0.0.1:{self.port}/postgres"

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        if not self._folder.exists():
            await self._make()
        self.port = free_port()
        process = await self._start(
            *("postgres", "-D", str(self._folder), "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
        )
        self.pid = process.pid
        try:
            while await self._ended("pg_isready", "--quiet", "--host=127.0.0.1", f"--port={self.port}"):
                assert process.returncode is None, "PostgreSQL ended"
                await asyncio.sleep(0.05)
            yield
        finally:
            await end(process)

    async def _make(self) -> None:
        self._folder.mkdir(mode=0o700)
        if self._as:
            # The folders above may be for root alone: let them be passed through, not read.
            self._folder.parent.chmod(0o711)
            self._folder.parent.parent.chmod(0o711)
            os.chown(self._folder, int(NOBODY), int(NOBODY))
        status = await self._ended("initdb", "-D", str(self._folder), "--username=bench", "--auth=trust", "-E", "UTF8")
        assert status == 0, "initdb failed"

    async def run(self, statement: str) -> None:
        """One or more SQL statements."""
        flags = ("--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={self.uri}")
        status = await self._ended("psql", *flags, f"--command={statement}")
        assert status == 0, statement

    async def _ended(self, *command: str) -> int:
        return await (await self._start(*command)).wait()

    async def _start(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            *(*self._as, str(self._binaries / program), *arguments),
            env={**os.environ, "LD_LIBRARY_PATH": self._libraries},
            cwd="/",
            stdout=quiet,
            stderr=quiet,
        )
