"""Import labels from files"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BEFORE = ("FETCH_LABELS", "TRAIN", "PREDICT", "SEND_MAIL", "EXPORT_DATA")
BEFORE += ("FETCH_FEEDBACK_LABELS", "REMOVE_TRAINING", "REMOVE_PREDICTION", "CONFLATE")


def upgrade() -> None:
    _allow_jobs(*BEFORE, "IMPORT_LABELS")
    op.create_table(
        "label_imports",
        sa.Column("aoi_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "format",
            sa.Enum("GEOJSON", "OSM_XML", name="labelformat", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("replace", sa.Boolean(), nullable=False),
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
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("added", sa.Integer(), nullable=True),
        sa.Column("outside", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["aoi_id"], ["aois.id"], name=op.f("fk_label_imports_aoi_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_label_imports_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_label_imports_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_imports")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_label_imports_storage_key")),
    )
    op.create_index(op.f("ix_label_imports_aoi_id"), "label_imports", ["aoi_id"], unique=False)
    op.create_index(op.f("ix_label_imports_job_id"), "label_imports", ["job_id"], unique=False)
    op.create_index(op.f("ix_label_imports_user_id_id"), "label_imports", ["user_id", "id"], unique=False)
    op.add_column("aois", sa.Column("label_tags", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_jobs_jobkind"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_jobkind"), "jobs", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'IMPORT_LABELS'")
    _allow_jobs(*BEFORE)
    op.drop_column("aois", "label_tags")
    op.drop_index(op.f("ix_label_imports_user_id_id"), table_name="label_imports")
    op.drop_index(op.f("ix_label_imports_job_id"), table_name="label_imports")
    op.drop_index(op.f("ix_label_imports_aoi_id"), table_name="label_imports")
    op.drop_table("label_imports")
