"""Top up automatically."""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "automatic_top_ups",
        sa.Column("below_usd", sa.Numeric(precision=20, scale=8), nullable=True),
        sa.Column("usd", sa.Numeric(precision=20, scale=8), nullable=True),
        sa.Column("month_usd_max", sa.Numeric(precision=20, scale=8), nullable=True),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("failures_count", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_key", sa.String(length=255), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "below_usd > 0 AND usd >= below_usd AND month_usd_max >= usd", name=op.f("ck_automatic_top_ups_amounts")
        ),
        sa.CheckConstraint(
            "NOT is_on OR num_nulls(below_usd, usd, month_usd_max) = 0", name=op.f("ck_automatic_top_ups_is_on")
        ),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_automatic_top_ups_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automatic_top_ups")),
    )
    op.create_index("ix_automatic_top_ups_due", "automatic_top_ups", ["next_try_at"], postgresql_where=sa.text("is_on"))
    for name in ("is_automatic", "saves_card"):
        op.add_column("top_ups", sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "uq_top_ups_automatic",
        "top_ups",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("is_automatic AND state = 'CREATED'"),
    )


def downgrade() -> None:
    op.drop_column("top_ups", "is_automatic")
    op.drop_column("top_ups", "saves_card")
    op.drop_table("automatic_top_ups")
