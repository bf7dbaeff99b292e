"""Count the bytes kept for each account"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

EXPORTED = "CASE WHEN {row}.storage_key IS NULL THEN 0 ELSE coalesce({row}.size_bytes, 0) END"
# The account, and the bytes of a row.
COUNTED = {
    "file_uploads": ("{row}.user_id", "{row}.size_bytes"),
    "media_uploads": ("{row}.user_id", "{row}.size_bytes"),
    "resources": (
        "{row}.owner_id",
        "CASE WHEN {row}.storage_key IS NULL THEN 0 ELSE coalesce({row}.size_bytes, 0) + {row}.previews_bytes END",
    ),
    "artifacts": ("{row}.user_id", "{row}.size_bytes"),
    "data_exports": ("{row}.user_id", EXPORTED),
    "wildlife_exports": ("{row}.user_id", EXPORTED),
    "species_classifier_trainings": ("{row}.user_id", "{row}.weights_bytes"),
    "profiles": ("{row}.id", "{row}.avatar_bytes"),
    "posts": ("{row}.author_id", "{row}.media_bytes"),
}
# Once for each statement and account; accounts in order, so that two statements wait for each other at most.
STATEMENT = """
CREATE FUNCTION count_bytes_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO storage_usage AS kept (id, used_bytes)
        SELECT {account}, sum({bytes}) FROM changes WHERE {account} IS NOT NULL
        GROUP BY {account} HAVING sum({bytes}) <> 0 ORDER BY {account}
        ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    ELSE
        PERFORM FROM storage_usage WHERE id IN (SELECT {account} FROM changes WHERE {bytes} <> 0)
        ORDER BY id FOR NO KEY UPDATE;
        UPDATE storage_usage SET used_bytes = used_bytes - gone.bytes
        FROM (SELECT {account} AS user_id, sum({bytes}) AS bytes FROM changes GROUP BY {account}) AS gone
        WHERE storage_usage.id = gone.user_id AND gone.bytes <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_added AFTER INSERT ON {table} REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_{table}();
CREATE TRIGGER count_bytes_removed AFTER DELETE ON {table} REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_bytes_of_{table}();
"""
# Row by row, but only for the few whose bytes change: most updates are of something else.
ROW = """
CREATE FUNCTION recount_bytes_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE storage_usage SET used_bytes = used_bytes - ({old_bytes}) WHERE id = {old_account};
    INSERT INTO storage_usage AS kept (id, used_bytes)
    SELECT {new_account}, {new_bytes} WHERE {new_account} IS NOT NULL AND {new_bytes} <> 0
    ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes;
    RETURN NULL;
END $$;
CREATE TRIGGER count_bytes_changed AFTER UPDATE ON {table} FOR EACH ROW
    WHEN ({old_account} IS DISTINCT FROM {new_account} OR {old_bytes} IS DISTINCT FROM {new_bytes})
    EXECUTE FUNCTION recount_bytes_of_{table}();
"""
COUNT = """
INSERT INTO storage_usage AS kept (id, used_bytes)
SELECT {account}, sum({bytes}) FROM {table} WHERE {account} IS NOT NULL GROUP BY {account} HAVING sum({bytes}) <> 0
ON CONFLICT (id) DO UPDATE SET used_bytes = kept.used_bytes + excluded.used_bytes
"""
OWNER = """
CREATE FUNCTION name_owner_of_artifact() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.user_id := coalesce(
        (SELECT user_id FROM trainings WHERE id = NEW.training_id),
        (SELECT user_id FROM predictions WHERE id = NEW.prediction_id)
    );
    RETURN NEW;
END $$;
CREATE TRIGGER name_owner BEFORE INSERT ON artifacts FOR EACH ROW EXECUTE FUNCTION name_owner_of_artifact();
"""
# Sizes that no row had; what was kept before is counted as nothing.
ADDED = {
    "resources": "previews_bytes",
    "species_classifier_trainings": "weights_bytes",
    "profiles": "avatar_bytes",
    "posts": "media_bytes",
}


def upgrade() -> None:
    _tables()
    for table, column in ADDED.items():
        op.add_column(table, sa.Column(column, sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("artifacts", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(None, "artifacts", "users", ["user_id"], ["id"], ondelete="SET NULL")
    op.create_index(op.f("ix_artifacts_user_id"), "artifacts", ["user_id"])
    op.execute(OWNER)
    op.execute("UPDATE artifacts SET user_id = trainings.user_id FROM trainings WHERE trainings.id = training_id")
    op.execute(
        "UPDATE artifacts SET user_id = predictions.user_id FROM predictions WHERE predictions.id = prediction_id"
    )
    # Nobody writes between the triggers and the sums: the triggers have locked the tables.
    for table, (account, bytes) in COUNTED.items():
        named = {"table": table, "account": account.format(row="changes"), "bytes": bytes.format(row="changes")}
        op.execute(STATEMENT.format(**named))
        changed = {
            f"{name.lower()}_{what}": f"({expression.format(row=name)})"
            for name in ("OLD", "NEW")
            for what, expression in (("account", account), ("bytes", bytes))
        }
        op.execute(ROW.format(table=table, **changed))
    for table, (account, bytes) in COUNTED.items():
        op.execute(COUNT.format(table=table, account=account.format(row=table), bytes=bytes.format(row=table)))


def _tables() -> None:
    op.create_table(
        "file_uploads",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_file_uploads_size_bytes")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_file_uploads_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_uploads")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_file_uploads_storage_key")),
    )
    op.create_index(op.f("ix_file_uploads_created_at"), "file_uploads", ["created_at"])
    op.create_index(op.f("ix_file_uploads_user_id"), "file_uploads", ["user_id"])
    op.create_table(
        "storage_usage",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_storage_usage_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage_usage")),
    )


def downgrade() -> None:
    for table in COUNTED:
        op.execute(f"DROP FUNCTION count_bytes_of_{table}() CASCADE")
        op.execute(f"DROP FUNCTION recount_bytes_of_{table}() CASCADE")
    op.execute("DROP FUNCTION name_owner_of_artifact() CASCADE")
    op.drop_table("storage_usage")
    op.drop_table("file_uploads")
    op.drop_column("artifacts", "user_id")
    for table, column in ADDED.items():
        op.drop_column(table, column)
