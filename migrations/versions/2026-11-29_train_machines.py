"""Train machines: count the bytes of their versions, evaluate them on other tables, stop early"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

# Once for each statement and account; accounts in order, so that two statements wait for each other at most.
STATEMENT = """
CREATE FUNCTION count_bytes_of_nn_models() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO storage_usage AS kept (id, used_bytes)
        SELECT changes.user_id, sum(changes.size_bytes) FROM changes WHERE changes.user_id IS NOT NULL
        GROUP BY changes.user_id HAVING sum(changes.size_bytes) <> 0 ORDER BY changes.user_id
        ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    ELSE
        PERFORM FROM storage_usage WHERE id IN (SELECT changes.user_id FROM changes WHERE changes.size_bytes <> 0)
        ORDER BY id FOR NO KEY UPDATE;
        UPDATE storage_usage SET used_bytes = used_bytes - gone.bytes
        FROM (SELECT changes.user_id, sum(changes.size_bytes) AS bytes FROM changes GROUP BY changes.user_id) AS gone
        WHERE storage_usage.id = gone.user_id AND gone.bytes <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_added AFTER INSERT ON nn_models REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_nn_models();
CREATE TRIGGER count_bytes_removed AFTER DELETE ON nn_models REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_nn_models();
"""
ROW = """
CREATE FUNCTION recount_bytes_of_nn_models() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE storage_usage SET used_bytes = used_bytes - OLD.size_bytes WHERE id = OLD.user_id;
    INSERT INTO storage_usage AS kept (id, used_bytes)
    SELECT NEW.user_id, NEW.size_bytes WHERE NEW.user_id IS NOT NULL AND NEW.size_bytes <> 0
    ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_changed AFTER UPDATE ON nn_models FOR EACH ROW
    WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id OR OLD.size_bytes IS DISTINCT FROM NEW.size_bytes)
    EXECUTE FUNCTION recount_bytes_of_nn_models();
"""
OWNER = """
CREATE FUNCTION name_owner_of_nn_model() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.user_id := (SELECT machine_owner_user_id FROM machines WHERE id = NEW.machine_id);
    RETURN NEW;
END $$;
CREATE TRIGGER name_owner BEFORE INSERT ON nn_models FOR EACH ROW EXECUTE FUNCTION name_owner_of_nn_model();
"""
COUNT = """
INSERT INTO storage_usage AS kept (id, used_bytes)
SELECT user_id, sum(size_bytes) FROM nn_models WHERE user_id IS NOT NULL GROUP BY user_id HAVING sum(size_bytes) <> 0
ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes
"""
# Work that has ended stays as it ended, whoever writes.
TRANSITIONS = """
CREATE FUNCTION check_transition_of_work() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.status IN ('FINISHED', 'ERROR', 'CANCELLED')
        OR (OLD.status = 'PROCESSING' AND NEW.status = 'WAITING_FOR_SERVER') THEN
        RAISE EXCEPTION 'Work cannot go from % to %.', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_transition BEFORE UPDATE OF status ON works FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION check_transition_of_work();
"""
KIND = "ck_works_workkind"


def upgrade() -> None:
    op.add_column(
        "works", sa.Column("is_stop_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.drop_constraint(op.f(KIND), "works")
    op.create_check_constraint(op.f(KIND), "works", sa.column("kind").in_(["TRAINING", "SOLVING", "EVALUATION"]))
    op.execute(TRANSITIONS)
    op.add_column("nn_models", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_nn_models_user_id"), "nn_models", "users", ["user_id"], ["id"], ondelete="SET NULL")
    op.create_index(op.f("ix_nn_models_user_id"), "nn_models", ["user_id"])
    op.execute(OWNER)
    op.execute(
        "UPDATE nn_models SET user_id = machines.machine_owner_user_id FROM machines WHERE machines.id = machine_id"
    )
    # Nobody writes between the triggers and the sums: the triggers have locked the table.
    op.execute(STATEMENT)
    op.execute(ROW)
    op.execute(COUNT)


def downgrade() -> None:
    op.execute("DROP FUNCTION count_bytes_of_nn_models() CASCADE")
    op.execute("DROP FUNCTION recount_bytes_of_nn_models() CASCADE")
    op.execute("DROP FUNCTION name_owner_of_nn_model() CASCADE")
    op.execute(
        "UPDATE storage_usage SET used_bytes = used_bytes - counted.bytes "
        "FROM (SELECT user_id, sum(size_bytes) AS bytes FROM nn_models GROUP BY user_id) AS counted "
        "WHERE storage_usage.id = counted.user_id"
    )
    op.drop_column("nn_models", "user_id")
    op.execute("DROP FUNCTION check_transition_of_work() CASCADE")
    op.execute("DELETE FROM works WHERE kind = 'EVALUATION'")
    op.drop_constraint(op.f(KIND), "works")
    op.create_check_constraint(op.f(KIND), "works", sa.column("kind").in_(["TRAINING", "SOLVING"]))
    op.drop_column("works", "is_stop_requested")
