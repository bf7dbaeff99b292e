"""Let jobs take turns"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

LANE = sa.Enum("QUICK", "SLOW", "HEAVY", name="lane", native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    # With constants as defaults no row is rewritten; nobody asks for the lane of a job that has ended.
    op.add_column("jobs", sa.Column("lane", LANE, nullable=False, server_default="SLOW"))
    op.add_column("jobs", sa.Column("account_key", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        """
        UPDATE jobs SET lane = placed.lane, account_key = coalesce(jobs.user_id, 0), turn = placed.turn
        FROM (
            SELECT id, lane, row_number() OVER (PARTITION BY lane, user_id ORDER BY id) - 1 AS turn
            FROM (
                SELECT id, user_id, CASE
                    WHEN kind IN ('TRAIN', 'PREDICT') THEN 'HEAVY'
                    WHEN kind IN ('SEND_MAIL', 'REMOVE_TRAINING', 'REMOVE_PREDICTION', 'REMOVE_PICTURE') THEN 'QUICK'
                    ELSE 'SLOW' END AS lane
                FROM jobs WHERE state IN ('QUEUED', 'RUNNING')
            ) AS unfinished
        ) AS placed
        WHERE jobs.id = placed.id
        """
    )
    op.create_index("ix_jobs_queued", "jobs", ["lane", "turn", "id"], postgresql_where=sa.text("state = 'QUEUED'"))
    op.create_index("ix_jobs_running", "jobs", ["lane", "turn"], postgresql_where=sa.text("state = 'RUNNING'"))
    op.create_index(
        "ix_jobs_turns",
        "jobs",
        ["lane", "account_key", "turn"],
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )


def downgrade() -> None:
    for name in ("ix_jobs_turns", "ix_jobs_running", "ix_jobs_queued"):
        op.drop_index(name, table_name="jobs")
    for column in ("turn", "account_key", "lane"):
        op.drop_column("jobs", column)
