"""Azure SQL through Microsoft's own driver, over a socket on which all goes wrong that can go wrong before a login."""

import asyncio
import struct
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from adapters.resilience import Circuit, Guard
from adapters.sql import azure
from adapters.sql.azure import SLOTS, SQL_COPT_SS_ACCESS_TOKEN, azure_database, azure_engine, token_attributes
from adapters.sql.database import Database
from adapters.sql.errors import Meaning, SqlUnavailable, meaning_of
from adapters.sql.slots import SlotsTaken
from runtime.service_parts import ServiceParts
from runtime.settings import Settings
from runtime.sql import open_database
from tests.factories import an_environment
from tests.faults.answers import is_unavailable
from tests.faults.dependencies import Moment
from tests.faults.test_outboxes import CONTACT
from tests.odbc import VERSION, connection_string
from tests.servers import free_port
from tests.tds import RefusingServer
from tests.world import World

pytestmark = pytest.mark.servers

LOGIN_SECONDS = 1
PAUSES = (0.0, 0.0)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _an_impatient_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure, "LOGIN_SECONDS", LOGIN_SECONDS)


@dataclass
class BadServer:
    """Takes connections, and then does as *talk* says."""

    talk: Talk
    port: int = 0
    taken: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        try:
            await self.talk(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def a_server(talk: Talk) -> AsyncGenerator[BadServer]:
    bad = BadServer(talk)
    server = await asyncio.start_server(bad.serve, "127.0.0.1", 0)
    bad.port = int(server.sockets[0].getsockname()[1])
    async with server:
        yield bad


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass


async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1024)  # its pre-login


async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1024)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def a_database(port: int, **more: Any) -> AsyncGenerator[Database]:
    database = azure_database(connection_string(port), None, **more)
    database._pauses = PAUSES
    try:
        yield database
    finally:
        await database.close()


def the_driver_says(port: int, **members: str) -> DBAPIError:
    """What SQLAlchemy raises for one connection."""
    engine = azure_engine(connection_string(port, **members), None)
    try:
        with pytest.raises(DBAPIError) as raised:
            engine.connect()
        return raised.value
    finally:
        engine.dispose()


async def test_microsofts_driver_loads_and_its_error_is_understood() -> None:
    error = await asyncio.to_thread(the_driver_says, free_port())
    state, text = error.orig.args  # type: ignore[union-attr]
    assert state in {"HYT00", "08001"}  # it tries again until the login's time is over
    assert f"[Microsoft][{VERSION}]" in text
    assert meaning_of(error) is Meaning.AWAY


@pytest.mark.parametrize("talk", [hang, hang_up, cut, speak_http])
async def test_a_server_that_does_not_speak_with_us_is_unavailable_in_time(talk: Talk) -> None:
    async with a_server(talk) as server, a_database(server.port) as database:
        begun = time.monotonic()
        with pytest.raises(SqlUnavailable) as refused:
            await database.ping()
        assert time.monotonic() - begun < LOGIN_SECONDS + 1.5
        assert refused.value.retry_after
        assert server.taken >= 1


@pytest.mark.parametrize("number", [40613, 40501, 49918, 10928])
async def test_a_server_that_is_not_ready_is_asked_again(number: int) -> None:
    """A paused serverless database refuses the login with 40613 until it is awake."""
    server = RefusingServer(number)
    async with server.serve() as port, unencrypted(port) as database:
        with pytest.raises(SqlUnavailable):
            await database.ping()
    assert server.asked == 1 + len(PAUSES)


async def test_a_login_that_is_refused_for_good_is_a_fault_of_ours() -> None:
    server = RefusingServer(18456)
    async with server.serve() as port, unencrypted(port) as database:
        with pytest.raises(DBAPIError, match="18456"):
            await database.ping()
    assert server.asked == 1


@asynccontextmanager
async def unencrypted(port: int) -> AsyncGenerator[Database]:
    database = azure_database(connection_string(port, Encrypt="no", UID="us", PWD="pw"), None)
    database._pauses = PAUSES
    try:
        yield database
    finally:
        await database.close()


async def test_every_connection_gets_the_token_of_its_time() -> None:
    tokens: Iterator[str] = iter(["first", "second"])
    engine = azure_engine(connection_string(free_port()), lambda: next(tokens))
    given: list[dict[int, bytes]] = []

    def instead_of_connecting(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        given.append(options["attrs_before"])
        raise InterruptedError

    event.listen(engine, "do_connect", instead_of_connecting)
    for _ in range(2):
        with pytest.raises(InterruptedError):
            engine.connect()
    assert given == [token_attributes("first"), token_attributes("second")]
    raw = "first".encode("utf-16-le")
    assert given[0] == {SQL_COPT_SS_ACCESS_TOKEN: struct.pack("<I", len(raw)) + raw}


async def test_the_driver_takes_our_attribute_for_a_token() -> None:
    """It refuses a token beside a password, which it could not if it saw none."""
    engine = azure_engine(connection_string(free_port(), UID="us", PWD="pw"), lambda: "a-token")
    with pytest.raises(DBAPIError, match="Access Token"):
        await asyncio.to_thread(engine.connect)
    engine.dispose()


async def test_a_connection_string_that_says_who_we_are_gets_no_token(tmp_path: Path) -> None:
    """As `AZURE_SQL_TEST_DSN` may: the driver would refuse both. This one asks for the login."""
    server = RefusingServer(18456)
    async with server.serve() as port:
        odbc = connection_string(port, Encrypt="no", UID="us", PWD="pw")
        settings = Settings.read(an_environment(tmp_path, APP_SQL_ODBC=odbc))
        database = open_database(settings, ServiceParts(settings).guard)
        with pytest.raises(DBAPIError, match="18456"):
            await database.ping()
        await database.close()
    assert server.asked == 1


async def test_a_server_that_hangs_holds_its_slots_and_nobody_else(world: World) -> None:
    ada = await world.sign_up("ada")
    async with a_server(hang) as server, a_database(server.port) as database:
        await use(world, database)
        forms = [
            asyncio.create_task(world.client.post("/api/v1/forms/contact", json=CONTACT)) for _ in range(2 * SLOTS)
        ]
        while server.taken < SLOTS:  # noqa: ASYNC110 - the driver connects in its threads
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        for path in ("healthz", "v1/courses", "v1/users/me"):
            assert (await world.client.get(f"/api/{path}", headers=ada.bearer)).status_code == 200
        assert time.monotonic() - begun < LOGIN_SECONDS  # while every slot was taken
        assert not any(form.done() for form in forms[SLOTS:])
        assert len([thread for thread in threading.enumerate() if thread.name.startswith("sql_")]) == SLOTS
        assert all([is_unavailable(await form) for form in forms])


async def use(world: World, database: Database) -> None:
    """In the place of the embedded one, by all that is built from now on."""
    await world.parts.sql.close()
    for part in ("forms", "sql_outbox", "sql_sweep", "mail_room"):
        vars(world.parts).pop(part, None)
    vars(world.parts)["sql"] = database


async def test_who_finds_no_slot_is_told_soon() -> None:
    async with a_server(hang) as server, a_database(server.port, patience=timedelta(milliseconds=50)) as database:
        asked = [asyncio.create_task(database.ping()) for _ in range(SLOTS + 2)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sorted(type(answer).__name__ for answer in answers) == ["SlotsTaken"] * 2 + ["SqlUnavailable"] * SLOTS


async def test_it_is_left_alone_and_probed_by_one() -> None:
    moment = Moment()
    limits = replace(azure.GUARD, failures=2, rest=1.0)
    guard = Guard("sql", limits, answered=(SlotsTaken,), now=moment)

    def circuit() -> Circuit:
        return guard.circuit

    async with a_server(hang_up) as server, a_database(server.port, guard=guard) as database:
        for _ in range(2):
            with pytest.raises(SqlUnavailable):
                await database.ping()
        each = server.taken // 2
        assert circuit() is Circuit.OPEN
        moment.at += 1.0
        assert circuit() is Circuit.HALF_OPEN
        taken = server.taken
        await asyncio.gather(*(database.ping() for _ in range(5)), return_exceptions=True)
        assert 1 <= server.taken - taken <= each
        assert circuit() is Circuit.OPEN
