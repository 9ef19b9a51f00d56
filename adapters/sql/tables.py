"""The SQL tables, as this release uses them. `migrations/` brings a database to this; a test compares the two."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, Table, column

from adapters.sql.columns import Moment, key, long_text, words

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

SUBMISSIONS: Final = Table(
    "submissions",
    METADATA,
    Column("id", key(), primary_key=True),
    Column("type", key(20), nullable=False),
    Column("status", key(20), nullable=False),
    Column("assigned_to", key(), nullable=True),
    Column("tracking_number", key(20), nullable=True),
    Column("urgency", key(20), nullable=True),
    Column("sender_name", words(200), nullable=False),
    Column("sender_email", words(254), nullable=False),
    Column("search_text", words(1000), nullable=False),
    Column("content", long_text(), nullable=False),
    Column("submitted_at", Moment(), nullable=False),
    Column("updated_at", Moment(), nullable=False),
    Column("resolved_at", Moment(), nullable=True),
    Column("version", Integer(), nullable=False),
    Column("idempotency_key", key(64), nullable=False),
    Column("fingerprint", key(64), nullable=False),
    Column("client_network", key(64), nullable=True),
    Column("user_agent", words(256), nullable=True),
    Column("request_id", key(128), nullable=True),
)
Index("uq_submissions_idempotency_key", SUBMISSIONS.c.idempotency_key, unique=True)
_TRACKED: Final = column("tracking_number").is_not(None)
Index(
    "uq_submissions_tracking_number",
    SUBMISSIONS.c.tracking_number,
    unique=True,
    mssql_where=_TRACKED,  # a unique index of SQL Server admits one NULL only
    sqlite_where=_TRACKED,
)
Index("ix_submissions_status", SUBMISSIONS.c.status, SUBMISSIONS.c.id)
Index("ix_submissions_assigned_to", SUBMISSIONS.c.assigned_to, SUBMISSIONS.c.id)
Index("ix_submissions_submitted_at", SUBMISSIONS.c.submitted_at)

TOPICS: Final = Table(
    "submission_topics",
    METADATA,
    Column("submission_id", key(), ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer(), primary_key=True, autoincrement=False),
    Column("name", words(100), nullable=False),
)

HISTORY: Final = Table(
    "submission_history",
    METADATA,
    Column("id", key(), primary_key=True),
    Column("submission_id", key(), ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False),
    Column("happened_at", Moment(), nullable=False),
    Column("actor_id", key(), nullable=False),
    Column("changes", long_text(), nullable=False),
    Column("note", long_text(), nullable=True),
)
Index("ix_submission_history_submission_id", HISTORY.c.submission_id, HISTORY.c.id)

COUNTERS: Final = Table(
    "referral_counters",
    METADATA,
    Column("year", Integer(), primary_key=True, autoincrement=False),
    Column("last_number", Integer(), nullable=False),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", key(), primary_key=True),
    Column("happened_at", Moment(), nullable=False),
    Column("actor_id", key(), nullable=True),
    Column("action", key(40), nullable=False),
    Column("subject_type", key(40), nullable=False),
    Column("subject_id", key(), nullable=False),
    Column("request_id", key(128), nullable=True),
    Column("details", long_text(), nullable=False),
)
Index("ix_audit_subject_id", AUDIT.c.subject_id, AUDIT.c.id)

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("id", key(), primary_key=True),
    Column("queue", key(40), nullable=False),
    Column("payload", long_text(), nullable=False),
    Column("due_at", Moment(), nullable=False),
)
Index("ix_outbox_due_at", OUTBOX.c.due_at)
