"""The forms' store in SQL: each method one transaction."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from adapters.sql import form_rows as rows
from adapters.sql.database import Again, Database
from adapters.sql.errors import Duplicate, is_duplicate
from adapters.sql.tables import AUDIT, COUNTERS, HISTORY, OUTBOX, SUBMISSIONS, TOPICS
from domain.forms.desk import SubmissionNotFound
from domain.forms.model import Submission, tracking_number
from domain.forms.ports import Filter, HistoryEntry, Keyed, KeyTaken, NewSubmission, Revision

READ = tuple(
    SUBMISSIONS.c[name]
    for name in (
        *("id", "type", "status", "assigned_to", "tracking_number", "urgency", "sender_name", "sender_email"),
        *("content", "submitted_at", "updated_at", "resolved_at", "version"),
    )
)


class SqlForms:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewSubmission) -> Submission:
        try:
            return await self._database.write(lambda connection: add(connection, new))
        except Duplicate as error:
            raise KeyTaken from error

    async def find_by_key(self, key: str) -> Keyed | None:
        wanted = select(*READ, SUBMISSIONS.c.fingerprint).where(SUBMISSIONS.c.idempotency_key == key)
        row = await self._database.read(lambda connection: connection.execute(wanted).mappings().first())
        return None if row is None else Keyed(rows.read_submission(row), row["fingerprint"])

    async def release_key(self, submission_id: str) -> None:
        freed = update(SUBMISSIONS).where(SUBMISSIONS.c.id == submission_id).values(idempotency_key=submission_id)
        await self._database.write(lambda connection: connection.execute(freed).close())

    async def page(self, wanted: Filter, *, before: str | None, limit: int) -> list[Submission]:
        page = select(*READ).where(*conditions(wanted)).order_by(SUBMISSIONS.c.id.desc()).limit(limit)
        if before is not None:
            page = page.where(SUBMISSIONS.c.id < before)
        found = await self._database.read(lambda connection: connection.execute(page).mappings().all())
        return [rows.read_submission(row) for row in found]

    async def find(self, submission_id: str) -> Submission | None:
        return await self._database.read(lambda connection: find(connection, submission_id))

    async def find_with_history(self, submission_id: str) -> tuple[Submission, list[HistoryEntry]] | None:
        def read(connection: Connection) -> tuple[Submission, list[HistoryEntry]] | None:
            submission = find(connection, submission_id)
            return None if submission is None else (submission, history(connection, submission_id))

        return await self._database.read(read)

    async def change(
        self, submission_id: str, decide: Callable[[Submission], Revision | None]
    ) -> tuple[Submission, list[HistoryEntry]]:
        def write(connection: Connection) -> tuple[Submission, list[HistoryEntry]]:
            return change(connection, submission_id, decide), history(connection, submission_id)

        return await self._database.write(write)

    async def forget_origins(self, *, before: datetime) -> int:
        old = and_(SUBMISSIONS.c.submitted_at < before, SUBMISSIONS.c.request_id.is_not(None))
        forgotten = update(SUBMISSIONS).where(old).values(client_network=None, user_agent=None, request_id=None)
        return await self._database.write(lambda connection: connection.execute(forgotten).rowcount)


def add(connection: Connection, new: NewSubmission) -> Submission:
    """Everything a submission is, in the transaction of *connection*: three to five statements."""
    tracking: str | None = None
    if new.form.type == "referral":
        tracking = next_tracking_number(connection, new.submitted_at.year)
    submission = rows.submission_of(new, tracking)
    connection.execute(insert(SUBMISSIONS), rows.submission_row(new, submission))
    if topics := rows.topic_rows(new):
        connection.execute(insert(TOPICS).values(topics))
    connection.execute(insert(AUDIT), rows.received_row(new))
    connection.execute(insert(OUTBOX).values([rows.task_row(task, new.submitted_at) for task in new.tasks]))
    return submission


def next_tracking_number(connection: Connection, year: int) -> str:
    """The next number of *year* (UTC).

    The counter's row stays locked until the transaction ends, so the next referral waits for this one's number to be
    kept or given back: no gaps, no repeats.
    """
    count = (
        update(COUNTERS)
        .where(COUNTERS.c.year == year)
        .values(last_number=COUNTERS.c.last_number + 1)
        .returning(COUNTERS.c.last_number)
    )
    number = connection.execute(count).scalar()
    if number is None:
        number = 1
        try:
            connection.execute(insert(COUNTERS), {"year": year, "last_number": number})
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
            raise Again from error  # another referral opened the year at the same moment
    return tracking_number(year, number)


def find(connection: Connection, submission_id: str) -> Submission | None:
    wanted = select(*READ).where(SUBMISSIONS.c.id == submission_id)
    row = connection.execute(wanted).mappings().first()
    return None if row is None else rows.read_submission(row)


def history(connection: Connection, submission_id: str) -> list[HistoryEntry]:
    entries = select(HISTORY).where(HISTORY.c.submission_id == submission_id).order_by(HISTORY.c.id)
    return [rows.read_history(row) for row in connection.execute(entries).mappings()]


def change(connection: Connection, submission_id: str, decide: Callable[[Submission], Revision | None]) -> Submission:
    """Read, decide, and write only where nobody wrote in between."""
    before = find(connection, submission_id)
    if before is None:
        raise SubmissionNotFound
    revision = decide(before)
    if revision is None:
        return before
    unchanged = and_(SUBMISSIONS.c.id == submission_id, SUBMISSIONS.c.version == before.version)
    written = connection.execute(update(SUBMISSIONS).where(unchanged).values(rows.changed_row(revision.after)))
    if written.rowcount == 0:
        raise Again
    connection.execute(insert(HISTORY), rows.history_row(revision))
    connection.execute(insert(AUDIT), rows.changed_audit_row(revision))
    return revision.after


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    table = SUBMISSIONS.c
    found: list[ColumnElement[bool]] = []
    if wanted.type is not None:
        found.append(table.type == wanted.type)
    if wanted.status is not None:
        found.append(table.status == wanted.status)
    if wanted.assigned_to is not None:
        found.append(table.assigned_to == wanted.assigned_to)
    if wanted.since is not None:
        found.append(table.submitted_at >= wanted.since)
    if wanted.until is not None:
        found.append(table.submitted_at < wanted.until)
    if wanted.text is not None:
        found.append(table.search_text.like(containing(wanted.text), escape="\\"))
    return found


def containing(text: str) -> str:
    """A LIKE pattern for *text* itself. `[` opens a set in T-SQL."""
    folded = text.casefold()
    for special in "\\%_[":
        folded = folded.replace(special, "\\" + special)
    return f"%{folded}%"
