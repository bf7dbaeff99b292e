"""Tell webhooks of events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=500), nullable=True),
        sa.Column("key_id", sa.String(length=20), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_key_id", sa.String(length=20), nullable=True),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        _time("previous_until", nullable=True),
        _time("failing_since", nullable=True),
        sa.Column("failures_count", sa.Integer(), nullable=False),
        _time("resume_at", nullable=True),
        sa.Column(
            "begun_xid",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
        ),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        *_record("webhooks"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_webhooks_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_webhooks_user_id"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_webhooks_job_id"), "webhooks", ["job_id"])
    op.create_index(op.f("ix_webhooks_user_id_id"), "webhooks", ["user_id", "id"])
    op.create_index(
        "ix_webhooks_resume_at", "webhooks", ["resume_at"], postgresql_where=sa.text("resume_at IS NOT NULL")
    )
    op.create_table(
        "webhook_position",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("epoch", "xid", "event_id")),
        sa.CheckConstraint("id = 1", name=op.f("ck_webhook_position_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_position")),
    )
    _create_deliveries()


def _create_deliveries() -> None:
    statuses = sa.Enum(
        "PENDING",
        "DELIVERED",
        "FAILED",
        name="webhookdeliverystatus",
        native_enum=False,
        create_constraint=True,
        length=40,
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=True),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("status", statuses, nullable=False),
        sa.Column("attempts_count", sa.Integer(), nullable=False),
        _time("attempted_at", nullable=True),
        _time("delivered_at", nullable=True),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        _time("due_at"),
        _time("happened_at"),
        sa.Column("event_topic", sa.String(length=80), nullable=False),
        sa.Column("event_payload", postgresql.JSONB(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("event_epoch", "event_xid", "event_id")),
        *_record("webhook_deliveries"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "webhook_id",
            "event_epoch",
            "event_id",
            name=op.f("uq_webhook_deliveries_webhook_id_event_epoch_event_id"),
        ),
    )
    op.create_index(op.f("ix_webhook_deliveries_webhook_id_id"), "webhook_deliveries", ["webhook_id", "id"])
    op.create_index(op.f("ix_webhook_deliveries_created_at"), "webhook_deliveries", ["created_at"])
    op.create_index(
        "ix_webhook_deliveries_pending",
        "webhook_deliveries",
        ["webhook_id", "id"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_position")
    op.drop_table("webhooks")


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _record(table: str) -> tuple[sa.Column[int], sa.Column[object], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
