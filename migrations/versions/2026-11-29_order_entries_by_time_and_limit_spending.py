"""Order entries by time, and limit spending."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

# As before, and the time of an entry is read while its account is locked: later entries have later times.
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
    UPDATE public.ledger_accounts SET balance = balance + NEW.change, entries_count = entries_count + 1,
        changed_at = greatest(changed_at, clock_timestamp())
        WHERE id = NEW.account_id RETURNING * INTO account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no account %', NEW.account_id USING ERRCODE = 'foreign_key_violation',
            CONSTRAINT = 'fk_ledger_entries_account_id';
    END IF;
    IF NEW.change < 0 AND account.user_id IS NOT NULL AND account.balance < public.held_of(account.id) THEN
        RAISE EXCEPTION 'what is left of account % is held', account.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_ledger_accounts_balance';
    END IF;
    NEW.created_at := account.changed_at;
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
    """, entries_count = entries_count + 1,
        changed_at = greatest(changed_at, clock_timestamp())
""",
    ", entries_count = entries_count + 1\n",
).replace("NEW.created_at := account.changed_at", "NEW.created_at := now()")
# A statement waits for whoever is posting to the accounts it is of. Rows are locked by the owner's right alone.
AWAIT = """
CREATE FUNCTION await_postings(bigint, text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM id FROM public.ledger_accounts WHERE user_id = $1 AND currency = $2 ORDER BY id FOR SHARE;
END $$;
REVOKE EXECUTE ON FUNCTION await_postings(bigint, text) FROM PUBLIC;
"""


def upgrade() -> None:
    op.add_column(
        "ledger_accounts",
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.execute(ENTRIES)
    op.execute(AWAIT)
    op.create_index(op.f("ix_reservations_subject_type_subject_key"), "reservations", ["subject_type", "subject_key"])
    op.create_table(
        "spending_rules",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month_tokens_notice", sa.Numeric(precision=20, scale=8), nullable=True),
        sa.Column("month_tokens_max", sa.Numeric(precision=20, scale=8), nullable=True),
        sa.Column("low_balance_tokens", sa.Numeric(precision=20, scale=8), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("month_tokens_notice >= 0", name=op.f("ck_spending_rules_month_tokens_notice")),
        sa.CheckConstraint("month_tokens_max >= 0", name=op.f("ck_spending_rules_month_tokens_max")),
        sa.CheckConstraint("low_balance_tokens >= 0", name=op.f("ck_spending_rules_low_balance_tokens")),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_spending_rules_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spending_rules")),
    )


def downgrade() -> None:
    op.drop_table("spending_rules")
    op.drop_index(op.f("ix_reservations_subject_type_subject_key"), table_name="reservations")
    op.execute("DROP FUNCTION await_postings(bigint, text)")
    op.execute(BEFORE)
    op.drop_column("ledger_accounts", "changed_at")
