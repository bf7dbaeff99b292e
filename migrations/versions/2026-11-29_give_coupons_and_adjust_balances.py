"""Give coupons, and adjust balances."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

# Grants pay the platform for its work: nobody else gets anything by an operation that takes from one, and no commission
# is counted on it.
CHECKED = """
CREATE OR REPLACE FUNCTION check_operation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE legs record;
BEGIN
    SELECT count(*) AS count, bool_or(a.kind = 'GRANT' AND e.change < 0) AS spends_grant,
        bool_or((a.user_id IS NOT NULL OR a.kind = 'COMMISSION') AND e.change > 0) AS pays_others INTO legs
        FROM public.ledger_entries AS e JOIN public.ledger_accounts AS a ON a.id = e.account_id
        WHERE e.operation_id = NEW.id;
    IF legs.count < 2 THEN
        RAISE EXCEPTION 'operation % has fewer than two entries', NEW.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_operations_entries';
    END IF;
    IF legs.spends_grant AND legs.pays_others THEN
        RAISE EXCEPTION 'operation % takes from a grant for somebody else', NEW.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_operations_grant';
    END IF;
    RETURN NULL;
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION check_operation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM public.ledger_entries WHERE operation_id = NEW.id) < 2 THEN
        RAISE EXCEPTION 'operation % has fewer than two entries', NEW.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_operations_entries';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(CHECKED)
    op.create_table(
        "grants",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=False),
        sa.Column("granted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("currency", _enum("currency", "USD", "EAML", "COUPON"), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("pays_for", postgresql.ARRAY(sa.String(length=40)), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *_record("grants"),
        sa.CheckConstraint("currency IN ('EAML', 'COUPON')", name=op.f("ck_grants_granted")),
        sa.CheckConstraint("amount > 0 AND amount <> 'NaN'", name=op.f("ck_grants_amount")),
        sa.CheckConstraint("priority BETWEEN 1 AND 50", name=op.f("ck_grants_priority")),
        sa.CheckConstraint("expires_at > starts_at", name=op.f("ck_grants_dates")),
        sa.CheckConstraint("cardinality(pays_for) > 0", name=op.f("ck_grants_pays_for")),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_accounts.id"], name=op.f("fk_grants_account_id")),
        sa.ForeignKeyConstraint(["granted_by_id"], ["users.id"], name=op.f("fk_grants_granted_by_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_grants_operation_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id")),
        sa.UniqueConstraint("account_id", name=op.f("uq_grants_account_id")),
    )
    op.create_index(op.f("ix_grants_granted_by_id"), "grants", ["granted_by_id"])
    op.create_index(op.f("ix_grants_operation_id"), "grants", ["operation_id"])
    op.create_index(op.f("ix_grants_user_id_id"), "grants", ["user_id", "id"])
    op.create_index("ix_grants_to_end", "grants", ["expires_at"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "adjustments",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("currency", _enum("currency", "USD", "EAML", "COUPON"), nullable=False),
        sa.Column("change", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("state", _enum("adjustmentstate", "PROPOSED", "POSTED", "REJECTED"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        *_record("adjustments"),
        sa.CheckConstraint("currency IN ('USD', 'EAML')", name=op.f("ck_adjustments_adjusted")),
        sa.CheckConstraint("change <> 0 AND change <> 'NaN'", name=op.f("ck_adjustments_change")),
        sa.CheckConstraint("(state = 'PROPOSED') = (decided_by_id IS NULL)", name=op.f("ck_adjustments_decided")),
        sa.CheckConstraint(
            "state <> 'POSTED' OR decided_by_id <> proposed_by_id", name=op.f("ck_adjustments_second_person")
        ),
        sa.CheckConstraint("state <> 'POSTED' OR decided_by_id <> user_id", name=op.f("ck_adjustments_not_ones_own")),
        sa.CheckConstraint("(state = 'POSTED') = (operation_id IS NOT NULL)", name=op.f("ck_adjustments_operation")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_adjustments_decided_by_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_adjustments_operation_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["users.id"], name=op.f("fk_adjustments_proposed_by_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_adjustments_user_id")),
    )
    op.create_index(op.f("ix_adjustments_decided_by_id"), "adjustments", ["decided_by_id"])
    op.create_index(op.f("ix_adjustments_operation_id"), "adjustments", ["operation_id"])
    op.create_index(op.f("ix_adjustments_proposed_by_id"), "adjustments", ["proposed_by_id"])
    op.create_index(op.f("ix_adjustments_state_id"), "adjustments", ["state", "id"])
    op.create_index(op.f("ix_adjustments_user_id_id"), "adjustments", ["user_id", "id"])


def downgrade() -> None:
    op.drop_table("adjustments")
    op.drop_table("grants")
    op.execute(BEFORE)


def _enum(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=40)


def _record(table: str) -> tuple[sa.Column[int], sa.Column[object], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
