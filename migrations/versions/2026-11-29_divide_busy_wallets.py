"""Divide busy wallets."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

INDEX = "uq_ledger_accounts_wallet"
# Whoever opens an account holds this until its first entry is committed, so that a statement can wait for it.
OPEN = """
CREATE OR REPLACE FUNCTION guard_account() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.balance := 0;
        NEW.entries_count := 0;
        IF NEW.user_id IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock_shared(hashtextextended('accounts ' || NEW.user_id, 0));
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'ledger_accounts change by entries alone';
END $$;
"""
OPEN_BEFORE = OPEN.replace(
    OPEN[OPEN.index("        IF NEW.user_id") : OPEN.index("        RETURN NEW")],
    "",
)
# A statement waits for accounts that are being opened, and then for those that are being posted to. It locks them in
# the order in which entries do: busy ones last.
AWAIT = """
CREATE OR REPLACE FUNCTION await_postings(bigint, text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('accounts ' || $1, 0));
        -- What was locked in a block that fails is released: whoever has another of its accounts can go on.
        RAISE EXCEPTION SQLSTATE 'FG001';
    EXCEPTION WHEN SQLSTATE 'FG001' THEN
        NULL;
    END;
    PERFORM id FROM public.ledger_accounts WHERE user_id = $1 AND currency = $2
        ORDER BY entries_count >= 1000, id FOR SHARE;
END $$;
"""
AWAIT_BEFORE = """
CREATE OR REPLACE FUNCTION await_postings(bigint, text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM id FROM public.ledger_accounts WHERE user_id = $1 AND currency = $2 ORDER BY id FOR SHARE;
END $$;
"""


def upgrade() -> None:
    _index("user_id", "currency", "stripe")
    op.execute(OPEN)
    op.execute(AWAIT)


def downgrade() -> None:
    # It is refused once a wallet has parts: the code before would not count what is in them.
    _index("user_id", "currency")
    op.execute(AWAIT_BEFORE)
    op.execute(OPEN_BEFORE)


def _index(*columns: str) -> None:
    op.drop_index(INDEX, table_name="ledger_accounts")
    op.create_index(INDEX, "ledger_accounts", list(columns), unique=True, postgresql_where=sa.text("kind = 'WALLET'"))
