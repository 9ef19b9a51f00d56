"""Forms: submissions with their topics and history, referral counters, the audit trail, the outbox.

Types are spelled out here, because a migration must stay what it was while the application's own change.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CASCADE = "CASCADE"


def key(length: int = 36) -> sa.types.TypeEngine:
    return sa.Unicode(length).with_variant(mssql.NVARCHAR(length, collation="Latin1_General_100_BIN2"), "mssql")


def moment() -> sa.types.TypeEngine:
    return sa.DateTime().with_variant(mssql.DATETIME2(3), "mssql")


def upgrade() -> None:
    create_submissions()
    create_details()
    create_counters()
    create_audit()
    create_outbox()


def create_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", key(), nullable=False),
        sa.Column("type", key(20), nullable=False),
        sa.Column("status", key(20), nullable=False),
        sa.Column("assigned_to", key(), nullable=True),
        sa.Column("tracking_number", key(20), nullable=True),
        sa.Column("urgency", key(20), nullable=True),
        sa.Column("sender_name", sa.Unicode(400), nullable=False),
        sa.Column("sender_email", sa.Unicode(508), nullable=False),
        sa.Column("search_text", sa.Unicode(2000), nullable=False),
        sa.Column("content", sa.UnicodeText(), nullable=False),
        sa.Column("submitted_at", moment(), nullable=False),
        sa.Column("updated_at", moment(), nullable=False),
        sa.Column("resolved_at", moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", key(64), nullable=False),
        sa.Column("fingerprint", key(64), nullable=False),
        sa.Column("client_network", key(64), nullable=True),
        sa.Column("user_agent", sa.Unicode(512), nullable=True),
        sa.Column("request_id", key(128), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
    )
    op.create_index("uq_submissions_idempotency_key", "submissions", ["idempotency_key"], unique=True)
    op.create_index(
        "uq_submissions_tracking_number",
        "submissions",
        ["tracking_number"],
        unique=True,
        mssql_where=sa.text("tracking_number IS NOT NULL"),
        sqlite_where=sa.text("tracking_number IS NOT NULL"),
    )
    op.create_index("ix_submissions_status", "submissions", ["status", "id"])
    op.create_index("ix_submissions_assigned_to", "submissions", ["assigned_to", "id"])
    op.create_index("ix_submissions_submitted_at", "submissions", ["submitted_at"])


def create_details() -> None:
    op.create_table(
        "submission_topics",
        sa.Column("submission_id", key(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Unicode(200), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "ordinal", name="pk_submission_topics"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_submission_topics_submission_id", ondelete=CASCADE
        ),
    )
    op.create_table(
        "submission_history",
        sa.Column("id", key(), nullable=False),
        sa.Column("submission_id", key(), nullable=False),
        sa.Column("happened_at", moment(), nullable=False),
        sa.Column("actor_id", key(), nullable=False),
        sa.Column("changes", sa.UnicodeText(), nullable=False),
        sa.Column("note", sa.UnicodeText(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_submission_history"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_submission_history_submission_id", ondelete=CASCADE
        ),
    )
    op.create_index("ix_submission_history_submission_id", "submission_history", ["submission_id", "id"])


def create_counters() -> None:
    op.create_table(
        "referral_counters",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name="pk_referral_counters"),
    )


def create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", key(), nullable=False),
        sa.Column("happened_at", moment(), nullable=False),
        sa.Column("actor_id", key(), nullable=True),
        sa.Column("action", key(40), nullable=False),
        sa.Column("subject_type", key(40), nullable=False),
        sa.Column("subject_id", key(), nullable=False),
        sa.Column("request_id", key(128), nullable=True),
        sa.Column("details", sa.UnicodeText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject_id", "audit", ["subject_id", "id"])


def create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", key(), nullable=False),
        sa.Column("queue", key(40), nullable=False),
        sa.Column("payload", sa.UnicodeText(), nullable=False),
        sa.Column("due_at", moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])
