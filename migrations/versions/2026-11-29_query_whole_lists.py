"""Query whole lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

COUNTED = """
CREATE FUNCTION count_bytes_of_bulk_queries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO storage_usage AS kept (id, used_bytes)
        SELECT changes.user_id, sum(changes.size_bytes) FROM changes
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
CREATE TRIGGER count_bytes_added AFTER INSERT ON bulk_queries REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_bulk_queries();
CREATE TRIGGER count_bytes_removed AFTER DELETE ON bulk_queries REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_bulk_queries();
CREATE FUNCTION recount_bytes_of_bulk_queries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE storage_usage SET used_bytes = used_bytes - OLD.size_bytes WHERE id = OLD.user_id;
    INSERT INTO storage_usage AS kept (id, used_bytes)
    SELECT NEW.user_id, NEW.size_bytes WHERE NEW.size_bytes <> 0
    ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_changed AFTER UPDATE ON bulk_queries FOR EACH ROW
    WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id OR OLD.size_bytes IS DISTINCT FROM NEW.size_bytes)
    EXECUTE FUNCTION recount_bytes_of_bulk_queries();
"""


def upgrade() -> None:
    op.create_table(
        "bulk_queries",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.String(length=5000), nullable=False),
        sa.Column("variables", postgresql.JSONB(), nullable=False),
        sa.Column("as_staff", sa.Boolean(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("parts", postgresql.ARRAY(sa.String(length=200)), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column("is_flat", sa.Boolean(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_queries")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_bulk_queries_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bulk_queries_user_id"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_bulk_queries_job_id"), "bulk_queries", ["job_id"])
    op.create_index(op.f("ix_bulk_queries_user_id_id"), "bulk_queries", ["user_id", "id"])
    op.create_index(
        "uq_bulk_queries_unfinished",
        "bulk_queries",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL AND failure IS NULL"),
    )
    op.execute(COUNTED)


def downgrade() -> None:
    op.drop_table("bulk_queries")
    op.execute("DROP FUNCTION count_bytes_of_bulk_queries, recount_bytes_of_bulk_queries")
