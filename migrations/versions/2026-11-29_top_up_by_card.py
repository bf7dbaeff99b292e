"""Top up by card."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    states = sa.Enum(
        "CREATED",
        "OPEN",
        "PAID",
        "FAILED",
        "EXPIRED",
        name="topupstate",
        native_enum=False,
        create_constraint=True,
        length=40,
    )
    op.create_table(
        "top_ups",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("usd", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("checkout_url", sa.String(length=2000), nullable=True),
        sa.Column("provider_key", sa.String(length=255), nullable=True),
        *(_amount(name) for name in ("paid_usd", "refunded_usd", "disputed_usd")),
        sa.Column("is_dispute_closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _amount("credited_usd"),
        *_record("top_ups"),
        sa.CheckConstraint("usd > 0 AND usd <> 'NaN'", name=op.f("ck_top_ups_usd")),
        sa.CheckConstraint("paid_usd >= 0 AND refunded_usd >= 0 AND disputed_usd >= 0", name=op.f("ck_top_ups_told")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_top_ups_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_top_ups_user_id")),
        sa.UniqueConstraint("provider_key", name=op.f("uq_top_ups_provider_key")),
    )
    op.create_index(op.f("ix_top_ups_job_id"), "top_ups", ["job_id"])
    op.create_index(op.f("ix_top_ups_user_id_id"), "top_ups", ["user_id", "id"])
    op.create_table(
        "payment_events",
        sa.Column("event_key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        *_record("payment_events"),
        sa.UniqueConstraint("event_key", name=op.f("uq_payment_events_event_key")),
    )


def downgrade() -> None:
    op.drop_table("payment_events")
    op.drop_table("top_ups")


def _amount(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(precision=20, scale=8), server_default=sa.text("0"), nullable=False)


def _record(table: str) -> tuple[sa.Column[int], sa.Column[object], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
