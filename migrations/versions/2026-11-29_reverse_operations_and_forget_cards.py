"""Reverse operations, and forget cards."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    states = sa.Enum(
        "PROPOSED",
        "POSTED",
        "REJECTED",
        name="adjustmentstate",
        native_enum=False,
        create_constraint=True,
        length=40,
    )
    op.create_table(
        "reversals",
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=False),
        *_record("reversals"),
        sa.CheckConstraint("(state = 'PROPOSED') = (decided_by_id IS NULL)", name=op.f("ck_reversals_decided")),
        sa.CheckConstraint(
            "state <> 'POSTED' OR decided_by_id <> proposed_by_id", name=op.f("ck_reversals_second_person")
        ),
        sa.CheckConstraint("(state = 'POSTED') = (operation_id IS NOT NULL)", name=op.f("ck_reversals_operation")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_reversals_decided_by_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_reversals_operation_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["users.id"], name=op.f("fk_reversals_proposed_by_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["operations.id"], name=op.f("fk_reversals_reverses_id")),
    )
    for column in ("decided_by_id", "operation_id", "proposed_by_id", "reverses_id"):
        op.create_index(op.f(f"ix_reversals_{column}"), "reversals", [column])
    op.create_index(op.f("ix_reversals_state_id"), "reversals", ["state", "id"])
    op.create_index(
        "uq_reversals_proposed",
        "reversals",
        ["reverses_id"],
        unique=True,
        postgresql_where=sa.text("state = 'PROPOSED'"),
    )
    op.create_table(
        "forgotten_cards",
        sa.Column("customer_key", sa.String(length=255), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        *_record("forgotten_cards"),
        sa.UniqueConstraint("customer_key", name=op.f("uq_forgotten_cards_customer_key")),
    )
    op.create_index(
        "ix_forgotten_cards_due",
        "forgotten_cards",
        ["next_try_at"],
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("forgotten_cards")
    op.drop_table("reversals")


def _record(table: str) -> tuple[sa.Column[int], sa.Column[object], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
