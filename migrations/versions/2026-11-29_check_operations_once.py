"""Check operations once, with the statement that adds their entries."""

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

# Plans are kept by each connection. Those made while a table is small would read all of it, and go on doing so while it
# grows, until its statistics are renewed. So none reads all of a table; a subquery for each row is never made a join.
# As before, but what is held is asked for here: the body of a function in SQL is planned anew by each call. That the
# operation is of this transaction is checked once for all entries.
ENTRIES = """
CREATE OR REPLACE FUNCTION post_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE account record;
BEGIN
    UPDATE public.ledger_accounts SET balance = balance + NEW.change, entries_count = entries_count + 1,
        changed_at = greatest(changed_at, clock_timestamp())
        WHERE id = NEW.account_id RETURNING id, kind, currency, user_id, balance, entries_count, changed_at INTO account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no account %', NEW.account_id USING ERRCODE = 'foreign_key_violation',
            CONSTRAINT = 'fk_ledger_entries_account_id';
    END IF;
    IF NEW.change < 0 AND account.user_id IS NOT NULL THEN
        IF account.balance < (SELECT coalesce(sum(amount), 0) FROM public.reservation_parts
                WHERE account_id = NEW.account_id AND is_open AND expires_at > clock_timestamp()) THEN
            RAISE EXCEPTION 'what is left of account % is held', account.id USING ERRCODE = 'check_violation',
                CONSTRAINT = 'ck_ledger_accounts_balance';
        END IF;
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
# All entries of an operation come in one statement, in the transaction of their operation: so they are complete when it
# ends. Grants pay the platform for its work, nobody else, and no commission is counted on them.
CHECK = """
DROP TRIGGER ledger_entries_check ON ledger_entries;
CREATE FUNCTION check_entries() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE wrong record;
BEGIN
    IF EXISTS (SELECT FROM added WHERE change < 0 AND currency <> 'USD') THEN
        SELECT operation_id AS id INTO wrong FROM (
            SELECT *, (SELECT kind FROM public.ledger_accounts WHERE id = added.account_id) AS kind FROM added OFFSET 0
        ) AS leg GROUP BY operation_id HAVING bool_or(kind = 'GRANT' AND change < 0)
            AND bool_or((user_id IS NOT NULL OR kind = 'COMMISSION') AND change > 0) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'operation % takes from a grant for somebody else', wrong.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_operations_grant';
        END IF;
    END IF;
    SELECT * INTO wrong FROM (
        SELECT *, (SELECT xid FROM public.operations WHERE id = made.id) IS DISTINCT FROM
            pg_current_xact_id()::text::bigint
            OR count <> (SELECT count(*) FROM public.ledger_entries WHERE operation_id = made.id) AS is_late
        FROM (
            SELECT operation_id AS id, sum(count) AS count, bool_or(sum <> 0) AS is_open FROM (
                SELECT operation_id, count(*), sum(change) FROM added GROUP BY operation_id, currency
            ) AS sums GROUP BY operation_id
        ) AS made OFFSET 0
    ) AS checked WHERE is_late OR is_open OR count < 2 LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF wrong.is_late THEN
        RAISE EXCEPTION 'entries are added with their operation, all at once, and not later'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_ledger_entries_operation';
    ELSIF wrong.count < 2 THEN
        RAISE EXCEPTION 'operation % has fewer than two entries', wrong.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_operations_entries';
    ELSE
        RAISE EXCEPTION 'the entries of operation % do not add up to zero', wrong.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_ledger_entries_sum';
    END IF;
END $$;
CREATE TRIGGER ledger_entries_check AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_entries();
DROP FUNCTION check_entry;
CREATE OR REPLACE FUNCTION check_operation() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.ledger_entries WHERE operation_id = NEW.id) THEN
        RAISE EXCEPTION 'operation % has fewer than two entries', NEW.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_operations_entries';
    END IF;
    RETURN NULL;
END $$;
"""
# The guard is only called for what it refuses. Room in each page lets the balance change without new entries of indexes.
ACCOUNTS = """
DROP TRIGGER ledger_accounts_guard ON ledger_accounts;
CREATE OR REPLACE FUNCTION guard_account() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.balance := 0;
        NEW.entries_count := 0;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'ledger_accounts change by entries alone';
END $$;
CREATE TRIGGER ledger_accounts_begin BEFORE INSERT ON ledger_accounts FOR EACH ROW EXECUTE FUNCTION guard_account();
CREATE TRIGGER ledger_accounts_guard BEFORE UPDATE ON ledger_accounts FOR EACH ROW
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION guard_account();
CREATE TRIGGER ledger_accounts_identity BEFORE UPDATE OF id, kind, currency, user_id, stripe ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION guard_account();
ALTER TABLE ledger_accounts SET (fillfactor = 50);
ALTER TABLE ledger_accounts DROP CONSTRAINT ck_ledger_accounts_coupon, ADD CONSTRAINT ck_ledger_accounts_coupon
    CHECK ((currency <> 'COUPON' OR kind IN ('GRANT', 'PROMOTION', 'REVENUE')) AND (currency <> 'USD' OR kind <> 'GRANT'));
"""
ENTRIES_BEFORE = """
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
CHECK_BEFORE = """
DROP TRIGGER ledger_entries_check ON ledger_entries;
DROP FUNCTION check_entries;
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
ACCOUNTS_BEFORE = """
DROP TRIGGER ledger_accounts_begin ON ledger_accounts;
DROP TRIGGER ledger_accounts_guard ON ledger_accounts;
DROP TRIGGER ledger_accounts_identity ON ledger_accounts;
CREATE OR REPLACE FUNCTION guard_account() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
ALTER TABLE ledger_accounts RESET (fillfactor);
ALTER TABLE ledger_accounts DROP CONSTRAINT ck_ledger_accounts_coupon, ADD CONSTRAINT ck_ledger_accounts_coupon
    CHECK (currency <> 'COUPON' OR kind IN ('GRANT', 'PROMOTION', 'REVENUE'));
"""


def upgrade() -> None:
    op.execute(ENTRIES)
    op.execute(CHECK)
    op.execute(ACCOUNTS)


def downgrade() -> None:
    op.execute(ACCOUNTS_BEFORE)
    op.execute(CHECK_BEFORE)
    op.execute(ENTRIES_BEFORE)
