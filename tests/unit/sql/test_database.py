"""Transactions: all or nothing, tried again when that is safe, and never an error of a driver's."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, insert, select
from sqlalchemy.exc import OperationalError

from adapters.sql.database import Again, Database
from adapters.sql.errors import Duplicate, SqlUnavailable
from adapters.sql.schema import upgrade
from adapters.sql.slots import Slots
from adapters.sql.sqlite import sqlite_database, sqlite_engine
from adapters.sql.sqlite_file import sqlite_path
from adapters.sql.tables import COUNTERS
from domain.kernel.errors import NotFound

ROW = {"year": 2026, "last_number": 1}


def put(connection: Connection, year: int = 2026) -> None:
    connection.execute(insert(COUNTERS), {"year": year, "last_number": 1})


def years(connection: Connection) -> list[int]:
    return list(connection.execute(select(COUNTERS.c.year).order_by(COUNTERS.c.year)).scalars())


def waking() -> OperationalError:
    """What a paused serverless database answers."""
    text = "[HY000] [Microsoft][ODBC Driver 18 for SQL Server]Not currently available. (40613) (SQLDriverConnect)"
    return OperationalError("", {}, Exception("HY000", text))


def opened(folder: Path, **options: object) -> Database:
    slots = Slots(2, patience=timedelta(seconds=5), name="t")
    engine = sqlite_engine(sqlite_path(folder))
    return Database(engine, reads=slots, writes=slots, pauses=(0.0, 0.0), **options)  # type: ignore[arg-type]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    database = opened(tmp_path)
    await upgrade(database)
    yield database
    await database.close()


class Refusals:
    """Makes the first *count* statements of an engine's transactions fail with *error*."""

    def __init__(self, engine: Engine, error: Exception, count: int) -> None:
        self.left, self._error = count, error
        event.listen(engine, "begin", self._begin)

    def _begin(self, _: Connection) -> None:
        if self.left:
            self.left -= 1
            raise self._error


async def test_work_that_fails_leaves_nothing(database: Database) -> None:
    def work(connection: Connection) -> None:
        put(connection)
        raise NotFound

    with pytest.raises(NotFound):
        await database.write(work)
    assert await database.read(years) == []


async def test_a_taken_key_is_a_duplicate(database: Database) -> None:
    await database.write(put)
    with pytest.raises(Duplicate):
        await database.write(put)


async def test_our_own_mistakes_are_not_dressed_up(database: Database) -> None:
    with pytest.raises(OperationalError):
        await database.read(lambda connection: connection.exec_driver_sql("SELECT nonsense").all())


async def test_a_lost_race_is_run_again(database: Database) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        put(connection)
        if len(tries) == 1:
            raise Again

    await database.write(work)
    assert len(tries) == 2
    assert await database.read(years) == [2026]


async def test_a_race_lost_for_ever_is_given_up(database: Database) -> None:
    def work(_: Connection) -> None:
        raise Again

    with pytest.raises(SqlUnavailable):
        await database.write(work)


async def test_a_waking_database_is_waited_for(database: Database) -> None:
    refusals = Refusals(database.engine, waking(), 2)
    await database.write(put)
    assert refusals.left == 0
    assert await database.read(years) == [2026]


async def test_a_database_that_does_not_wake_is_unavailable(database: Database) -> None:
    refusals = Refusals(database.engine, waking(), 99)
    with pytest.raises(SqlUnavailable) as refused:
        await database.write(put)
    assert refusals.left == 99 - 3
    assert refused.value.retry_after


async def test_a_lost_answer_to_the_commit_is_not_tried_again(database: Database) -> None:
    tries = []

    def lose(_: Connection) -> None:
        tries.append(1)
        raise waking()

    event.listen(database.engine, "commit", lose)
    with pytest.raises(SqlUnavailable):
        await database.write(put)
    assert len(tries) == 1


async def test_another_writer_is_waited_for_then_given_up(database: Database, tmp_path: Path) -> None:
    def impatient(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=20")

    database.engine.dispose()
    event.listen(database.engine, "connect", impatient)
    other = sqlite3.connect(sqlite_path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SqlUnavailable):
        await database.write(put)
    other.execute("ROLLBACK")
    other.close()
    await database.write(put)


async def test_reads_go_on_beside_a_writer(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(sqlite_path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await database.read(years) == []
    other.close()


async def test_a_commit_survives_power_cuts_and_the_file_is_private(database: Database, tmp_path: Path) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await database.read(pragmas) == ["wal", 2, 1, 5000]
    assert sqlite_path(tmp_path).stat().st_mode & 0o777 == 0o600


async def test_two_instances_write_the_same_file_in_turn(database: Database, tmp_path: Path) -> None:
    other = sqlite_database(tmp_path)
    await asyncio.gather(*((database, other)[year % 2].write(partial(put, year=year)) for year in range(40)))
    assert await other.read(years) == list(range(40))
    await other.close()


async def test_idle_connections_are_let_go(tmp_path: Path) -> None:
    database = opened(tmp_path, idle_after=timedelta(milliseconds=10))
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(*_: object) -> None:
        loop.call_soon_threadsafe(closed.set)

    event.listen(database.engine, "close", tell)
    await database.ping()
    async with asyncio.timeout(5):
        await closed.wait()
    await database.ping()  # and a new one is made when it is needed
    await database.close()
