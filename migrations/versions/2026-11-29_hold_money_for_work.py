"""Hold money for work."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# What has expired is not held, whether the sweep has run or not. The clock is read after the account was locked.
HELD = """
CREATE FUNCTION held_of(account bigint) RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(sum(amount), 0) FROM public.reservation_parts
    WHERE account_id = account AND is_open AND expires_at > clock_timestamp()
$$;
"""
HOLD = """
CREATE FUNCTION hold_part() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE has numeric;
BEGIN
    SELECT balance INTO has FROM public.ledger_accounts WHERE id = NEW.account_id FOR NO KEY UPDATE;
    IF has - public.held_of(NEW.account_id) < NEW.amount THEN
        RAISE EXCEPTION 'account % has too little to hold this', NEW.account_id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_ledger_accounts_balance';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION hold_part FROM PUBLIC;
CREATE TRIGGER reservation_parts_hold BEFORE INSERT ON reservation_parts FOR EACH ROW EXECUTE FUNCTION hold_part();
CREATE FUNCTION guard_reservation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state <> 'HELD' AND (NEW.state <> OLD.state OR OLD.posted > 0
            OR NEW.expires_at <> OLD.expires_at) OR NEW.amount <> OLD.amount OR NEW.user_id <> OLD.user_id THEN
        RAISE EXCEPTION 'reservation % has ended', OLD.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_reservations_ended';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reservations_guard BEFORE UPDATE ON reservations FOR EACH ROW EXECUTE FUNCTION guard_reservation();
CREATE FUNCTION guard_part() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT OLD.is_open OR NEW.amount <> OLD.amount OR NEW.account_id <> OLD.account_id
            OR NEW.reservation_id <> OLD.reservation_id THEN
        RAISE EXCEPTION 'part % of a reservation is closed', OLD.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_reservation_parts_closed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reservation_parts_guard BEFORE UPDATE ON reservation_parts FOR EACH ROW EXECUTE FUNCTION guard_part();
"""
# As before, and what is held of an account cannot be taken.
ENTRIES = """
CREATE OR REPLACE FUNCTION post_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE account public.ledger_accounts;
BEGIN
    IF NOT EXISTS (SELECT FROM public.operations
            WHERE id = NEW.operation_id AND xid = pg_current_xact_id()::text::bigint) THEN
        RAISE EXCEPTION 'entries are added with their operation, and not later' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_ledger_entries_operation';
    END IF;
    UPDATE public.ledger_accounts SET balance = balance + NEW.change, entries_count = entries_count + 1
        WHERE id = NEW.account_id RETURNING * INTO account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no account %', NEW.account_id USING ERRCODE = 'foreign_key_violation',
            CONSTRAINT = 'fk_ledger_entries_account_id';
    END IF;
    IF NEW.change < 0 AND account.user_id IS NOT NULL AND account.balance < public.held_of(account.id) THEN
        RAISE EXCEPTION 'what is left of account % is held', account.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_ledger_accounts_balance';
    END IF;
    NEW.created_at := now();
    NEW.position := account.entries_count;
    NEW.balance := account.balance;
    NEW.currency := account.currency;
    NEW.user_id := account.user_id;
    NEW.entry_type := CASE WHEN account.kind NOT IN ('WALLET', 'GRANT') THEN 'PLATFORM' ELSE
        CASE WHEN NEW.change > 0 THEN 'CREDIT' ELSE 'DEBIT' END
        || CASE account.currency WHEN 'USD' THEN '' WHEN 'EAML' THEN '_IXIOO' ELSE '_COUPON' END END;
    RETURN NEW;
END $$;
"""
BEFORE = ENTRIES.replace(
    ENTRIES[ENTRIES.index("    IF NEW.change < 0") : ENTRIES.index("    NEW.created_at")],
    "",
)
CAUSES = ("TRAINING", "PREDICTION", "AI_JOB", "TOP_UP", "TOKENS", "GRANT", "GRANT_ENDED", "ADJUSTMENT")


def _enum(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "reservations",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", _enum("operationcause", *CAUSES), nullable=False),
        sa.Column("currency", _enum("currency", "USD", "EAML", "COUPON"), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("posted", sa.Numeric(precision=20, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("state", _enum("reservationstate", "HELD", "POSTED", "VOID", "EXPIRED"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count_of_lines", sa.Integer(), nullable=True),
        sa.Column("count_of_training_epoch", sa.Integer(), nullable=True),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_key", sa.BigInteger(), nullable=True),
        sa.Column("job_key", sa.BigInteger(), nullable=True),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0 AND amount <> 'NaN'", name=op.f("ck_reservations_amount")),
        sa.CheckConstraint("posted BETWEEN 0 AND amount", name=op.f("ck_reservations_posted")),
        sa.CheckConstraint("(posted > 0) = (operation_id IS NOT NULL)", name=op.f("ck_reservations_operation")),
        sa.CheckConstraint("posted = 0 OR state = 'POSTED'", name=op.f("ck_reservations_state")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_reservations_operation_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reservations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index(op.f("ix_reservations_job_key"), "reservations", ["job_key"])
    op.create_index(op.f("ix_reservations_operation_id"), "reservations", ["operation_id"])
    op.create_index(op.f("ix_reservations_user_id_id"), "reservations", ["user_id", "id"])
    op.create_index("ix_reservations_held", "reservations", ["expires_at"], postgresql_where=sa.text("state = 'HELD'"))
    op.create_index(
        "uq_reservations_job", "reservations", ["job_key"], unique=True, postgresql_where=sa.text("state = 'HELD'")
    )
    op.create_table(
        "reservation_parts",
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0 AND amount <> 'NaN'", name=op.f("ck_reservation_parts_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_accounts.id"], name=op.f("fk_reservation_parts_account_id")),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservations.id"],
            name=op.f("fk_reservation_parts_reservation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation_parts")),
    )
    op.create_index(
        "ix_reservation_parts_open", "reservation_parts", ["account_id"], postgresql_where=sa.text("is_open")
    )
    op.create_index(op.f("ix_reservation_parts_reservation_id_id"), "reservation_parts", ["reservation_id", "id"])
    op.execute(HELD)
    op.execute(HOLD)
    op.execute(ENTRIES)


def downgrade() -> None:
    op.execute(BEFORE)
    op.drop_table("reservation_parts")
    op.drop_table("reservations")
    op.execute("DROP FUNCTION held_of(bigint), hold_part, guard_reservation, guard_part")
