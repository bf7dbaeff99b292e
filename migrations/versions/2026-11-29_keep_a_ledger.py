"""Keep a ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

OPERATIONS = """
CREATE FUNCTION begin_operation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.xid := pg_current_xact_id()::text::bigint;
    NEW.created_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER operations_begin BEFORE INSERT ON operations FOR EACH ROW EXECUTE FUNCTION begin_operation();
CREATE FUNCTION check_operation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM public.ledger_entries WHERE operation_id = NEW.id) < 2 THEN
        RAISE EXCEPTION 'operation % has fewer than two entries', NEW.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_operations_entries';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER operations_check AFTER INSERT ON operations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_operation();
"""
# The only way to change an account: a new entry. It runs as the owner, since nobody else may update accounts.
ENTRIES = """
CREATE FUNCTION post_entry() RETURNS trigger
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
REVOKE EXECUTE ON FUNCTION post_entry FROM PUBLIC;
CREATE TRIGGER ledger_entries_post BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION post_entry();
CREATE FUNCTION check_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.ledger_entries WHERE operation_id = NEW.operation_id
            GROUP BY currency HAVING sum(change) <> 0) THEN
        RAISE EXCEPTION 'the entries of operation % do not add up to zero', NEW.operation_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_ledger_entries_sum';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_check AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_entry();
"""
ACCOUNTS = """
CREATE FUNCTION guard_account() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.balance := 0;
        NEW.entries_count := 0;
        RETURN NEW;
    END IF;
    IF pg_trigger_depth() < 2 OR (NEW.id, NEW.kind, NEW.currency, NEW.stripe) <> (OLD.id, OLD.kind, OLD.currency,
            OLD.stripe) OR NEW.user_id IS DISTINCT FROM OLD.user_id THEN
        RAISE EXCEPTION 'ledger_accounts change by entries alone';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_accounts_guard BEFORE INSERT OR UPDATE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION guard_account();
CREATE TRIGGER ledger_accounts_append_only BEFORE DELETE OR TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
APPEND_ONLY = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
# What the user who did it paid, and what the owner of the thing earned.
BILLINGS = """
CREATE VIEW billings AS
SELECT o.id, o.created_at, (o.created_at AT TIME ZONE 'UTC')::date AS date,
    o.owner_user_id AS machine_owner_user_id, o.operation_user_id,
    CASE WHEN o.kind = 'TRAINING' THEN true END AS operation_is_training,
    CASE WHEN o.kind = 'TRAINING' THEN o.count_of_lines END AS count_of_lines_training,
    o.count_of_training_epoch,
    CASE WHEN o.kind = 'TRAINING' THEN moved.paid END AS training_cost_machine_usd,
    CASE WHEN o.kind = 'SOLVING' THEN true END AS operation_is_solving,
    CASE WHEN o.kind = 'SOLVING' THEN o.count_of_lines END AS count_of_lines_solved_owner,
    CASE WHEN o.kind = 'SOLVING' THEN moved.paid END AS solving_cost_machine_usd,
    CASE WHEN o.kind IN ('SOLVING_WITH_API', 'SOLVING_WITH_API_MARKET') THEN true END AS operation_is_solving_api,
    CASE WHEN o.kind IN ('SOLVING_WITH_API', 'SOLVING_WITH_API_MARKET') THEN o.count_of_lines
        END AS count_of_lines_solved_api,
    CASE WHEN o.kind = 'SOLVING_WITH_API_MARKET' THEN moved.earned END AS solving_api_income_usd,
    CASE WHEN o.kind IN ('SOLVING_WITH_API', 'SOLVING_WITH_API_MARKET') THEN moved.paid
        END AS solving_cost_machine_api_total_usd,
    CASE WHEN o.kind = 'BUY_DATA_SOURCE' THEN true END AS operation_is_buy_data_source,
    CASE WHEN o.kind = 'BUY_DATA_SOURCE' THEN moved.earned END AS machine_buy_data_source_income_usd,
    CASE WHEN o.kind = 'MACHINE_COPY' THEN true END AS operation_is_machine_copy,
    CASE WHEN o.kind = 'MACHINE_COPY' THEN moved.earned END AS machine_copy_cost_income_usd,
    CASE WHEN o.kind = 'MACHINE_COPY_UPDATE' THEN true END AS operation_is_machine_copy_update,
    CASE WHEN o.kind = 'MACHINE_COPY_UPDATE' THEN moved.earned END AS machine_copy_update_income_usd,
    CASE WHEN o.kind = 'CREDIT_FROM_USER' AND o.cause <> 'TOP_UP' THEN moved.received END AS credit_from_ixioo,
    CASE WHEN o.cause = 'TOP_UP' THEN moved.received END AS credit_from_user
FROM operations AS o CROSS JOIN LATERAL (
    SELECT -sum(e.change) FILTER (WHERE e.change < 0 AND e.user_id = o.operation_user_id) AS paid,
        sum(e.change) FILTER (WHERE e.change > 0 AND e.user_id = o.owner_user_id) AS earned,
        sum(e.change) FILTER (WHERE e.change > 0 AND e.user_id IS NOT NULL) AS received
    FROM ledger_entries AS e WHERE e.operation_id = o.id
) AS moved;
"""


def upgrade() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column(
            "kind",
            sa.Enum(
                "WALLET",
                "GRANT",
                "ESCROW",
                "REVENUE",
                "COMMISSION",
                "EXTERNAL",
                "CONVERSION",
                "PROMOTION",
                "ADJUSTMENT",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "currency",
            sa.Enum("USD", "EAML", "COUPON", name="currency", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("stripe", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("balance", sa.Numeric(precision=20, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("entries_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(user_id IS NOT NULL) = (kind IN ('WALLET', 'GRANT', 'ESCROW'))", name=op.f("ck_ledger_accounts_owner")
        ),
        sa.CheckConstraint(
            "balance >= 0 OR kind IN ('EXTERNAL', 'CONVERSION', 'PROMOTION', 'ADJUSTMENT')",
            name=op.f("ck_ledger_accounts_balance"),
        ),
        sa.CheckConstraint(
            "currency <> 'COUPON' OR kind IN ('GRANT', 'PROMOTION', 'REVENUE')", name=op.f("ck_ledger_accounts_coupon")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_accounts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_accounts")),
    )
    op.create_index(op.f("ix_ledger_accounts_user_id_id"), "ledger_accounts", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_ledger_accounts_platform",
        "ledger_accounts",
        ["kind", "currency", "stripe"],
        unique=True,
        postgresql_where=sa.text("user_id IS NULL"),
    )
    op.create_index(
        "uq_ledger_accounts_wallet",
        "ledger_accounts",
        ["user_id", "currency"],
        unique=True,
        postgresql_where=sa.text("kind = 'WALLET'"),
    )
    op.create_table(
        "operations",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "TRAINING",
                "SOLVING",
                "SOLVING_WITH_API",
                "SOLVING_WITH_API_MARKET",
                "BUY_DATA_SOURCE",
                "MACHINE_COPY",
                "MACHINE_COPY_UPDATE",
                "CREDIT_FROM_USER",
                "PAY_A_BILL",
                name="operationkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "cause",
            sa.Enum(
                "TRAINING",
                "PREDICTION",
                "AI_JOB",
                "TOP_UP",
                "TOKENS",
                "GRANT",
                "GRANT_ENDED",
                "ADJUSTMENT",
                name="operationcause",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("operation_user_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_user_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("count_of_lines", sa.Integer(), nullable=True),
        sa.Column("count_of_training_epoch", sa.Integer(), nullable=True),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_key", sa.BigInteger(), nullable=True),
        sa.Column("job_key", sa.BigInteger(), nullable=True),
        sa.Column("xid", sa.BigInteger(), server_default=sa.FetchedValue(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("count_of_lines >= 0", name=op.f("ck_operations_count_of_lines")),
        sa.CheckConstraint("count_of_training_epoch >= 0", name=op.f("ck_operations_count_of_training_epoch")),
        sa.CheckConstraint("reverses_id <> id", name=op.f("ck_operations_reverses")),
        sa.ForeignKeyConstraint(["operation_user_id"], ["users.id"], name=op.f("fk_operations_operation_user_id")),
        sa.ForeignKeyConstraint(["owner_user_id"], ["users.id"], name=op.f("fk_operations_owner_user_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["operations.id"], name=op.f("fk_operations_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_operations_reverses_id")),
        sa.UniqueConstraint("uuid", name=op.f("uq_operations_uuid")),
    )
    op.create_index(op.f("ix_operations_operation_user_id_id"), "operations", ["operation_user_id", "id"], unique=False)
    op.create_index(op.f("ix_operations_owner_user_id_id"), "operations", ["owner_user_id", "id"], unique=False)
    op.create_index(
        "uq_operations_job", "operations", ["job_key"], unique=True, postgresql_where=sa.text("reverses_id IS NULL")
    )
    op.create_table(
        "ledger_entries",
        sa.Column("operation_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column(
            "amount", sa.Numeric(precision=20, scale=8), sa.Computed("abs(change)", persisted=True), nullable=False
        ),
        sa.Column("position", sa.BigInteger(), server_default=sa.FetchedValue(), nullable=False),
        sa.Column("balance", sa.Numeric(precision=20, scale=8), server_default=sa.FetchedValue(), nullable=False),
        sa.Column(
            "currency",
            sa.Enum("USD", "EAML", "COUPON", name="currency", native_enum=False, create_constraint=True, length=40),
            server_default=sa.FetchedValue(),
            nullable=False,
        ),
        sa.Column("user_id", sa.BigInteger(), server_default=sa.FetchedValue(), nullable=True),
        sa.Column(
            "entry_type",
            sa.Enum(
                "CREDIT",
                "DEBIT",
                "CREDIT_IXIOO",
                "DEBIT_IXIOO",
                "CREDIT_COUPON",
                "DEBIT_COUPON",
                "PLATFORM",
                name="entrytype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default=sa.FetchedValue(),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("change <> 0 AND change <> 'NaN'", name=op.f("ck_ledger_entries_change")),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_accounts.id"], name=op.f("fk_ledger_entries_account_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_ledger_entries_operation_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_entries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("account_id", "position", name=op.f("uq_ledger_entries_account_id_position")),
    )
    op.create_index(op.f("ix_ledger_entries_operation_id_id"), "ledger_entries", ["operation_id", "id"], unique=False)
    op.create_index(
        op.f("ix_ledger_entries_user_id_currency_created_at_id"),
        "ledger_entries",
        ["user_id", "currency", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ledger_entries_user_id_entry_type_id"), "ledger_entries", ["user_id", "entry_type", "id"], unique=False
    )
    op.execute(OPERATIONS)
    op.execute(ENTRIES)
    op.execute(ACCOUNTS)
    for table in ("operations", "ledger_entries"):
        op.execute(APPEND_ONLY.format(table=table))
    op.execute(BILLINGS)


def downgrade() -> None:
    op.execute("DROP VIEW billings")
    op.drop_index(op.f("ix_ledger_entries_user_id_entry_type_id"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_user_id_currency_created_at_id"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_operation_id_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index("uq_operations_job", table_name="operations", postgresql_where=sa.text("reverses_id IS NULL"))
    op.drop_index(op.f("ix_operations_owner_user_id_id"), table_name="operations")
    op.drop_index(op.f("ix_operations_operation_user_id_id"), table_name="operations")
    op.drop_table("operations")
    op.drop_index(
        "uq_ledger_accounts_wallet", table_name="ledger_accounts", postgresql_where=sa.text("kind = 'WALLET'")
    )
    op.drop_index(
        "uq_ledger_accounts_platform", table_name="ledger_accounts", postgresql_where=sa.text("user_id IS NULL")
    )
    op.drop_index(op.f("ix_ledger_accounts_user_id_id"), table_name="ledger_accounts")
    op.drop_table("ledger_accounts")
    op.execute("DROP FUNCTION begin_operation, check_operation, post_entry, check_entry, guard_account")
