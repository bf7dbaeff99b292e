"""Remove files and fetch feedback labels"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BEFORE = ("FETCH_LABELS", "TRAIN", "PREDICT", "SEND_MAIL", "EXPORT_DATA")
ADDED = ("FETCH_FEEDBACK_LABELS", "REMOVE_TRAINING", "REMOVE_PREDICTION")


def upgrade() -> None:
    _allow_jobs(*BEFORE, *ADDED)


def downgrade() -> None:
    op.execute(sa.delete(sa.table("jobs", sa.column("kind"))).where(sa.column("kind").in_(ADDED)))
    _allow_jobs(*BEFORE)


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_jobs_jobkind"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_jobkind"), "jobs", sa.column("kind").in_(kinds))
