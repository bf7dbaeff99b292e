"""Count likes by statements and keep pictures"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = (
    "FETCH_LABELS",
    "TRAIN",
    "PREDICT",
    "SEND_MAIL",
    "EXPORT_DATA",
    "FETCH_FEEDBACK_LABELS",
    "REMOVE_TRAINING",
    "REMOVE_PREDICTION",
    "CONFLATE",
    "IMPORT_LABELS",
    "INSPECT",
)
COUNTED = {"likes": "likes_count", "shares": "shares_count"}
# Once for each statement and post: row by row, each of many likes that go with a post would leave a version of it.
BY_STATEMENT = """
CREATE FUNCTION count_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE posts SET {count} = {count} + CASE TG_OP WHEN 'INSERT' THEN changed.rows ELSE -changed.rows END
    FROM (SELECT post_id, count(*) AS rows FROM changes GROUP BY post_id) AS changed WHERE id = changed.post_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_{table}_made AFTER INSERT ON {table} REFERENCING NEW TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_{table}();
CREATE TRIGGER count_{table}_gone AFTER DELETE ON {table} REFERENCING OLD TABLE AS changes
    FOR EACH STATEMENT EXECUTE FUNCTION count_{table}();
"""
BY_ROW = """
CREATE FUNCTION count_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE posts SET {count} = {count} + 1 WHERE TG_OP = 'INSERT' AND id = NEW.post_id;
    UPDATE posts SET {count} = {count} - 1 WHERE TG_OP = 'DELETE' AND id = OLD.post_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_{table} AFTER INSERT OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION count_{table}();
"""


def upgrade() -> None:
    _count(BY_STATEMENT)
    op.add_column("posts", sa.Column("media_width", sa.Integer(), nullable=True))
    op.add_column("posts", sa.Column("media_height", sa.Integer(), nullable=True))
    _allow_jobs(*BEFORE, "REMOVE_PICTURE")


def _count(how: str) -> None:
    for table, count in COUNTED.items():
        op.execute(f"DROP FUNCTION count_{table}() CASCADE")
        op.execute(how.format(table=table, count=count))


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_jobs_jobkind"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_jobkind"), "jobs", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'REMOVE_PICTURE'")
    _allow_jobs(*BEFORE)
    op.drop_column("posts", "media_height")
    op.drop_column("posts", "media_width")
    _count(BY_ROW)
