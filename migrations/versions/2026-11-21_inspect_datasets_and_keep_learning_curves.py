"""Inspect datasets and keep learning curves"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
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
)


def upgrade() -> None:
    op.create_table(
        "inspections",
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("source_imagery", sa.String(length=200), nullable=False),
        sa.Column("zoom_level", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "SUBMITTED",
                "RUNNING",
                "FINISHED",
                "FAILED",
                name="trainingstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_inspections_dataset_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_inspections_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_inspections_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
    )
    op.create_index(op.f("ix_inspections_dataset_id_id"), "inspections", ["dataset_id", "id"], unique=False)
    op.create_index(op.f("ix_inspections_job_id"), "inspections", ["job_id"], unique=False)
    op.create_index(op.f("ix_inspections_user_id_id"), "inspections", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_inspections_unfinished",
        "inspections",
        ["dataset_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('SUBMITTED', 'RUNNING')"),
    )
    op.add_column("trainings", sa.Column("learning_curve", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index("ix_jobs_done", "jobs", ["kind", "id"], postgresql_where=sa.text("state = 'DONE'"))
    _allow_jobs(*BEFORE, "INSPECT")


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_jobs_jobkind"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_jobkind"), "jobs", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'INSPECT'")
    _allow_jobs(*BEFORE)
    op.drop_index("ix_jobs_done", table_name="jobs")
    op.drop_column("trainings", "learning_curve")
    op.drop_table("inspections")
