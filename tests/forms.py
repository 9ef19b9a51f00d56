"""A store of forms over a fresh SQLite file, and submissions to put in."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Table, func, select

from adapters.sql.database import Database
from adapters.sql.forms import SqlForms
from adapters.sql.schema import upgrade
from adapters.sql.sqlite import sqlite_database
from domain.forms.desk import Change, apply
from domain.forms.model import Form, Origin, Submission
from domain.forms.ports import FormStore, NewSubmission, Revision
from domain.kernel.outbox import Task
from tests.factories import ManualClock, a_contact
from tests.factories import ids as make_ids


class FormBench:
    """A store, and the database below it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store: FormStore = SqlForms(database)
        self.clock = ManualClock()
        self.ids = make_ids(self.clock)

    def new(self, form: Form | None = None, *, key: str | None = None, at: datetime | None = None) -> NewSubmission:
        submission_id = self.ids.new()
        return NewSubmission(
            id=submission_id,
            audit_id=self.ids.new(),
            form=form or a_contact(),
            key=key or submission_id,
            fingerprint="f" * 64,
            origin=Origin("203.0.113.0/24", "Mozilla/5.0", "r" * 128),
            submitted_at=at or self.clock.now(),
            tasks=(Task(self.ids.new(), "mail", {"submissionId": submission_id}),),
        )

    async def add(self, form: Form | None = None, *, at: datetime | None = None) -> Submission:
        return await self.store.add(self.new(form, at=at))

    async def count(self, table: Table) -> int:
        counted = select(func.count()).select_from(table)
        return await self.database.read(lambda connection: int(connection.execute(counted).scalar_one()))

    def revise(self, change: Change, *, actor_id: str = "a") -> "Decide":
        return Decide(self, change, actor_id)


class Decide:
    """A decision that staff took, for `FormStore.change`; counts how often it was asked."""

    def __init__(self, bench: FormBench, change: Change, actor_id: str) -> None:
        self._change, self._actor_id = change, actor_id
        self._entry, self._audit, self._now = bench.ids.new(), bench.ids.new(), bench.clock.now()
        self.asked = 0

    def __call__(self, before: Submission) -> Revision | None:
        self.asked += 1
        after, changes = apply(before, self._change, self._now)
        return Revision(after, changes, self._entry, self._audit, self._actor_id, self._change.note)


@asynccontextmanager
async def a_bench(folder: Path) -> AsyncGenerator[FormBench]:
    database = sqlite_database(folder)
    await upgrade(database)
    try:
        yield FormBench(database)
    finally:
        await database.close()
