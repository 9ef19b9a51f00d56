"""Queue, mail or SQL is away on one machine: what was answered 2xx is kept, and happens when they are back."""

import asyncio
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.sqlite_file import sqlite_path
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Query
from domain.kernel.errors import Unavailable
from tests.faults.answers import is_unavailable
from tests.world import World

CONTACT = {"name": "Carol", "email": "carol@county.example", "subject": "Hours", "message": "When do you open?"}
TEAM = "team@tools.example"


@contextmanager
def in_the_way_of(path: Path) -> Generator[None]:
    """Nothing can be written where something of the wrong kind is."""
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()


async def outbox_of(world: World, user_id: str) -> list[dict[str, Any]]:
    found = await world.parts.documents.query(ACCOUNTS, user_id, Query(starts="outbox:"))
    return [stored.item for stored in found]


async def test_while_the_queue_is_away_accounts_are_made_and_their_mail_follows(world: World) -> None:
    with in_the_way_of(world.data / "queues.db"):
        ada = (await world.sign_up("ada", verified=False)).id
        assert "mail" in {item["queue"] for item in await outbox_of(world, ada)}
        ready = (await world.client.get("/api/readyz")).json()
        assert (ready["status"], ready["dependencies"]["queue"]["status"]) == ("degraded", "down")
        world.clock.advance(minutes=1)
        with pytest.raises(Unavailable):
            await world.run_jobs("sweep_outbox")
        assert await outbox_of(world, ada)
    assert world.mails() == []
    await world.run_jobs("sweep_outbox")
    assert [mail.to for mail in world.mails()] == ["ada@people.example"]
    assert await outbox_of(world, ada) == []
    await world.run_jobs("sweep_outbox")
    assert len(world.mails()) == 1


async def test_while_the_queue_is_away_forms_are_taken_and_their_mails_follow(world: World) -> None:
    with in_the_way_of(world.data / "queues.db"):
        assert (await world.client.post("/api/v1/forms/contact", json=CONTACT)).status_code == 201
    assert world.mails() == []
    world.clock.advance(minutes=1)
    await world.run_jobs("sweep_sql_outbox")
    assert sorted(mail.to for mail in world.mails()) == ["carol@county.example", TEAM]


async def test_while_mail_is_away_it_waits_in_the_queue(world: World) -> None:
    in_the_way = world.data / "mail"
    in_the_way.touch()  # a file, where there should be a folder
    await world.sign_up("ada", verified=False)
    assert (await world.client.post("/api/v1/forms/contact", json=CONTACT)).status_code == 201
    with pytest.raises(ExceptionGroup) as failures:
        await world.run_jobs("sweep_sql_outbox")
    assert {type(failure) for failure in failures.value.exceptions} == {Unavailable}
    in_the_way.unlink()
    world.clock.advance(minutes=2)
    await world.run_jobs("sweep_sql_outbox")
    assert sorted(mail.to for mail in world.mails()) == ["ada@people.example", "carol@county.example", TEAM]


async def test_while_sql_is_away_forms_say_so_and_everything_else_works(world: World) -> None:
    path, aside = sqlite_path(world.data), world.data / "aside"
    await asyncio.to_thread(world.parts.sql.engine.dispose)  # connections that are open would go on
    path.rename(aside)
    with in_the_way_of(path):
        assert is_unavailable(await world.client.post("/api/v1/forms/contact", json=CONTACT))
        ada = await world.sign_up("ada", verified=False)
        assert (await world.client.get("/api/v1/users/me", headers=ada.bearer)).status_code == 200
        ready = await world.client.get("/api/readyz")
        assert ready.status_code == 200
        assert (ready.json()["status"], ready.json()["dependencies"]["sql"]["status"]) == ("degraded", "down")
    aside.rename(path)
    assert (await world.client.post("/api/v1/forms/contact", json=CONTACT)).status_code == 201


async def test_sql_that_hangs_holds_its_slots_and_nobody_else(world: World) -> None:
    answered: list[str] = []

    async def ask(what: str, method: str, path: str, **more: Any) -> int:
        reply = await world.client.request(method, path, **more)
        answered.append(what)
        return reply.status_code

    ada = await world.sign_up("ada")
    with held(sqlite_path(world.data)):
        forms = [asyncio.create_task(ask("form", "POST", "/api/v1/forms/contact", json=CONTACT)) for _ in range(30)]
        others = [ask("other", "GET", "/api/v1/users/me", headers=ada.bearer) for _ in range(30)]
        assert await asyncio.gather(*others) == [200] * 30
        assert await ask("other", "GET", "/api/healthz") == 200
        assert answered == ["other"] * 31
        writing = [thread for thread in threading.enumerate() if thread.name.startswith("sql-write")]
        assert len(writing) == 1
    assert await asyncio.gather(*forms) == [201] * 30


@contextmanager
def held(path: Path) -> Generator[None]:
    """Somebody else is writing to the SQL database, and does not end."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()
