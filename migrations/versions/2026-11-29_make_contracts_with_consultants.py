"""Make contracts with consultants"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

STATES = (
    "OPEN",
    "PROPOSED",
    "CONTRACT",
    "SUBMITTED",
    "CHANGES_WANTED",
    "DISPUTED",
    "FINISHED",
    "FAILED",
    "CANCELLED",
)
# The steps that there are, whoever writes; and what a contract says never changes.
GUARD = """
CREATE FUNCTION guard_consulting_request() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('OPEN', 'PROPOSED'), ('OPEN', 'CANCELLED'),
        ('PROPOSED', 'OPEN'), ('PROPOSED', 'CONTRACT'), ('PROPOSED', 'CANCELLED'),
        ('CONTRACT', 'SUBMITTED'), ('CHANGES_WANTED', 'SUBMITTED'), ('SUBMITTED', 'CHANGES_WANTED'),
        ('CONTRACT', 'DISPUTED'), ('CHANGES_WANTED', 'DISPUTED'), ('SUBMITTED', 'DISPUTED'),
        ('CONTRACT', 'FINISHED'), ('CHANGES_WANTED', 'FINISHED'), ('SUBMITTED', 'FINISHED'), ('DISPUTED', 'FINISHED'),
        ('CONTRACT', 'FAILED'), ('CHANGES_WANTED', 'FAILED'), ('SUBMITTED', 'FAILED'), ('DISPUTED', 'FAILED'),
        ('CONTRACT', 'CANCELLED'), ('CHANGES_WANTED', 'CANCELLED'), ('SUBMITTED', 'CANCELLED'),
        ('DISPUTED', 'CANCELLED')
    ) THEN
        RAISE EXCEPTION 'a consulting request cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_consulting_requests_transition';
    END IF;
    IF OLD.escrow_account_id IS NOT NULL AND (NEW.escrow_account_id, NEW.amount_usd, NEW.delay_days,
            NEW.consultant_user_id, NEW.commission_percentage, NEW.user_id, NEW.contract_start_date_time)
        IS DISTINCT FROM (OLD.escrow_account_id, OLD.amount_usd, OLD.delay_days, OLD.consultant_user_id,
            OLD.commission_percentage, OLD.user_id, OLD.contract_start_date_time) THEN
        RAISE EXCEPTION 'what a contract says does not change' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_consulting_requests_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER consulting_requests_guard BEFORE UPDATE ON consulting_requests
    FOR EACH ROW EXECUTE FUNCTION guard_consulting_request();
"""
# At the end of the transaction, what the request says is in escrow is there; and nothing once the contract has ended.
ESCROW = """
CREATE FUNCTION check_escrow() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE wrong boolean;
BEGIN
    SELECT a.balance <> r.amount_usd - r.released_usd - r.refunded_usd
        OR (r.due_at IS NULL) <> (a.balance = 0) INTO wrong
        FROM public.consulting_requests AS r JOIN public.ledger_accounts AS a ON a.id = r.escrow_account_id
        WHERE r.id = NEW.id;
    IF wrong THEN
        RAISE EXCEPTION 'the escrow of request % is not what it says', NEW.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_consulting_requests_escrow';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER consulting_requests_escrow AFTER INSERT OR UPDATE ON consulting_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_escrow();
"""
HISTORY = """
CREATE TRIGGER consulting_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consulting_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
COUNTED = """
CREATE FUNCTION count_bytes_of_consulting_files() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO storage_usage AS kept (id, used_bytes)
        SELECT changes.user_id, sum(changes.size_bytes) FROM changes GROUP BY changes.user_id ORDER BY changes.user_id
        ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    ELSE
        PERFORM FROM storage_usage WHERE id IN (SELECT changes.user_id FROM changes) ORDER BY id FOR NO KEY UPDATE;
        UPDATE storage_usage SET used_bytes = used_bytes - gone.bytes
        FROM (SELECT changes.user_id, sum(changes.size_bytes) AS bytes FROM changes GROUP BY changes.user_id) AS gone
        WHERE storage_usage.id = gone.user_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_added AFTER INSERT ON consulting_files REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_consulting_files();
CREATE TRIGGER count_bytes_removed AFTER DELETE ON consulting_files REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_consulting_files();
CREATE FUNCTION recount_bytes_of_consulting_files() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE storage_usage SET used_bytes = used_bytes - OLD.size_bytes WHERE id = OLD.user_id;
    INSERT INTO storage_usage AS kept (id, used_bytes) VALUES (NEW.user_id, NEW.size_bytes)
    ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_changed AFTER UPDATE ON consulting_files FOR EACH ROW
    WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id OR OLD.size_bytes IS DISTINCT FROM NEW.size_bytes)
    EXECUTE FUNCTION recount_bytes_of_consulting_files();
"""


def upgrade() -> None:
    _requests()
    _proposals()
    _what_belongs_to_them()
    for statements in (GUARD, ESCROW, HISTORY, COUNTED):
        op.execute(statements)


def _requests() -> None:
    table = "consulting_requests"
    categories = ("DATA_ENGINEERING", "MACHINE_PERFORMANCE", "API_INTEGRATION", "OTHER")
    under_contract = "'CONTRACT', 'SUBMITTED', 'CHANGES_WANTED', 'DISPUTED'"
    checks = {
        "amount_usd": "amount_usd > 0 AND amount_usd <> 'NaN'",
        "budget_estimation": "budget_estimation > 0 AND budget_estimation <> 'NaN'",
        "delay_days": "delay_days BETWEEN 1 AND 365",
        "paid": "released_usd >= 0 AND refunded_usd >= 0 AND released_usd + refunded_usd <= coalesce(amount_usd, 0)",
        "commission_usd": "commission_usd BETWEEN 0 AND released_usd",
        "settlement_usd": "settlement_usd >= 0 AND settlement_usd <> 'NaN'",
        "others": "consultant_user_id <> user_id",
        "due_at": f"(state IN ({under_contract})) = (due_at IS NOT NULL)",
        "contract": f"state NOT IN ({under_contract}, 'FINISHED', 'FAILED') OR "
        "(amount_usd IS NOT NULL AND delay_days IS NOT NULL AND consultant_user_id IS NOT NULL "
        "AND escrow_account_id IS NOT NULL AND contract_start_date_time IS NOT NULL)",
        "submitted": "state <> 'SUBMITTED' OR is_submitted",
        "not_submitted": "state NOT IN ('CONTRACT', 'CHANGES_WANTED') OR NOT is_submitted",
    }
    op.create_table(
        table,
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.Column("machine_id", sa.BigInteger(), nullable=True),
        sa.Column("consultant_user_id", sa.BigInteger(), nullable=True),
        sa.Column("category", _enum("consultingcategory", *categories), nullable=False),
        sa.Column("description", sa.String(length=4_000), nullable=False),
        _money("budget_estimation", nullable=True),
        sa.Column("state", _enum("consultingstate", *STATES), nullable=False),
        _money("amount_usd", nullable=True),
        sa.Column("delay_days", sa.Integer(), nullable=True),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=True)
            for name in (
                "waiting_consultant_approval_date_time",
                "contract_start_date_time",
                "contract_end_date_time",
                "ended_at",
                "due_at",
            )
        ),
        sa.Column("is_submitted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("commission_percentage", sa.Numeric(precision=7, scale=4), nullable=True),
        *(_money(name) for name in ("released_usd", "commission_usd", "refunded_usd")),
        _money("settlement_usd", nullable=True),
        sa.Column("settlement_user_id", sa.BigInteger(), nullable=True),
        sa.Column("escrow_account_id", sa.BigInteger(), nullable=True),
        *_record(table),
        *(sa.CheckConstraint(sql, name=op.f(f"ck_{table}_{name}")) for name, sql in checks.items()),
        *(_key(table, name, "users") for name in ("user_id", "consultant_user_id", "settlement_user_id")),
        _key(table, "team_id", "teams", ondelete="SET NULL"),
        _key(table, "machine_id", "machines", ondelete="SET NULL"),
        _key(table, "escrow_account_id", "ledger_accounts"),
        sa.UniqueConstraint("escrow_account_id", name=op.f(f"uq_{table}_escrow_account_id")),
    )
    for columns in (
        ["user_id", "id"],
        ["consultant_user_id", "id"],
        ["team_id", "id"],
        ["machine_id"],
        ["state", "id"],
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    op.create_index(op.f(f"ix_{table}_settlement_user_id"), table, ["settlement_user_id"])
    op.create_index("ix_consulting_requests_due", table, ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))


def _proposals() -> None:
    table, states = "consulting_proposals", ("OPEN", "ACCEPTED", "DECLINED", "WITHDRAWN", "EXPIRED")
    op.create_table(
        table,
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("consultant_user_id", sa.BigInteger(), nullable=False),
        _money("amount_usd", default=None),
        sa.Column("delay_days", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(length=4_000), nullable=False),
        sa.Column("state", _enum("consultingproposalstate", *states), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        *_record(table),
        sa.CheckConstraint("amount_usd > 0 AND amount_usd <> 'NaN'", name=op.f(f"ck_{table}_amount_usd")),
        sa.CheckConstraint("delay_days BETWEEN 1 AND 365", name=op.f(f"ck_{table}_delay_days")),
        _key(table, "request_id", "consulting_requests", ondelete="CASCADE"),
        _key(table, "consultant_user_id", "users"),
    )
    open_, accepted = sa.text("state = 'OPEN'"), sa.text("state = 'ACCEPTED'")
    op.create_index(
        f"uq_{table}_open", table, ["request_id", "consultant_user_id"], unique=True, postgresql_where=open_
    )
    op.create_index(f"uq_{table}_accepted", table, ["request_id"], unique=True, postgresql_where=accepted)
    op.create_index(op.f(f"ix_{table}_request_id_id"), table, ["request_id", "id"])
    op.create_index(op.f(f"ix_{table}_consultant_user_id_id"), table, ["consultant_user_id", "id"])
    op.create_index(f"ix_{table}_open", table, ["expires_at"], postgresql_where=open_)


def _what_belongs_to_them() -> None:
    kinds = (
        "REQUESTED",
        "ACCEPTED",
        "SUBMITTED",
        "CHANGES_REQUESTED",
        "RELEASED",
        "APPROVED",
        "SETTLEMENT_OFFERED",
        "SETTLED",
        "DISPUTED",
        "DECIDED",
        "CANCELLED",
        "DEADLINE_PASSED",
    )
    _table("consulting_messages", sa.Column("content", sa.String(length=4_000), nullable=False))
    _table(
        "consulting_files",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.CheckConstraint("size_bytes BETWEEN 1 AND 16777216", name=op.f("ck_consulting_files_size_bytes")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_consulting_files_storage_key")),
    )
    _table(
        "consulting_steps",
        sa.Column("kind", _enum("consultingstepkind", *kinds), nullable=False),
        sa.Column("state", _enum("consultingstate", *STATES), nullable=False),
        _money("usd", nullable=True),
        sa.Column("note", sa.String(length=4_000), nullable=True),
        has_author=False,
    )


def downgrade() -> None:
    for table in ("steps", "files", "messages", "proposals", "requests"):
        op.drop_table(f"consulting_{table}")
    functions = (
        "guard_consulting_request",
        "check_escrow",
        "count_bytes_of_consulting_files",
        "recount_bytes_of_consulting_files",
    )
    op.execute(f"DROP FUNCTION {', '.join(functions)}")


def _table(table: str, *columns: sa.schema.SchemaItem, has_author: bool = True) -> None:
    """Something of a request that somebody has written; what nobody did stays for as long as there is a request."""
    op.create_table(
        table,
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=not has_author),
        *columns,
        *_record(table),
        _key(table, "request_id", "consulting_requests", ondelete="CASCADE" if has_author else None),
        _key(table, "user_id", "users"),
    )
    for column in ("request_id", "user_id"):
        op.create_index(op.f(f"ix_{table}_{column}_id"), table, [column, "id"])


def _key(table: str, column: str, to: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _money(name: str, *, nullable: bool = False, default: str | None = "0") -> sa.Column[object]:
    server_default = None if nullable or default is None else sa.text(default)
    return sa.Column(name, sa.Numeric(precision=20, scale=8), server_default=server_default, nullable=nullable)


def _enum(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=40)


def _record(table: str) -> tuple[sa.Column[int], sa.Column[object], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
