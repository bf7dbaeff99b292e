"""Run AI jobs, index frames and calibrate distances"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Each job has a token of its own.
    op.drop_column("ai_providers", "token_salt")
    op.drop_column("ai_providers", "token_hash")
    op.add_column(
        "ai_provider_connections",
        sa.Column("last_sync_report", postgresql.JSONB(astext_type=sa.Text(), none_as_null=True), nullable=True),
    )
    op.add_column("ai_provider_connections", sa.Column("sync_job_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_ai_provider_connections_sync_job_id"),
        "ai_provider_connections",
        "jobs",
        ["sync_job_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(op.f("ix_ai_provider_connections_sync_job_id"), "ai_provider_connections", ["sync_job_id"])
    op.create_table(
        "user_remote_tasks",
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("remote_id", sa.String(length=64), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "UNKNOWN",
                "QUEUED",
                "RUNNING",
                "DONE",
                "FAILED",
                "CANCELLED",
                name="remotestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="PENDING",
            nullable=False,
        ),
        sa.Column("progress", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("last_polled", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("quiet_polls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("poll_job_id", sa.BigInteger(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("callback_sequence", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_user_remote_tasks_progress")),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["ai_provider_connections.id"],
            name=op.f("fk_user_remote_tasks_connection_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["poll_job_id"], ["jobs.id"], name=op.f("fk_user_remote_tasks_poll_job_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_remote_tasks_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_remote_tasks")),
    )
    op.create_index(
        op.f("ix_user_remote_tasks_connection_id_id"), "user_remote_tasks", ["connection_id", "id"], unique=False
    )
    op.create_index(
        "ix_user_remote_tasks_due",
        "user_remote_tasks",
        ["next_poll_at"],
        unique=False,
        postgresql_where=sa.text("next_poll_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_user_remote_tasks_poll_job_id"), "user_remote_tasks", ["poll_job_id"], unique=False)
    op.create_index(op.f("ix_user_remote_tasks_user_id_id"), "user_remote_tasks", ["user_id", "id"], unique=False)
    op.create_table(
        "calibration_results",
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("residual", sa.Double(), nullable=False),
        sa.Column("samples_count", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_calibration_results_deployment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_calibration_results_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_results")),
    )
    op.create_index(
        op.f("ix_calibration_results_deployment_id_id"), "calibration_results", ["deployment_id", "id"], unique=False
    )
    op.create_index(op.f("ix_calibration_results_user_id_id"), "calibration_results", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_calibration_results_active",
        "calibration_results",
        ["deployment_id"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "frame_indexes",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "POPULATING",
                "READY",
                "FAILED",
                name="frameindexstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="PENDING",
            nullable=False,
        ),
        sa.Column("fps", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column("populated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observations_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("source_digest", sa.String(length=64), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("fps > 0", name=op.f("ck_frame_indexes_fps")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_frame_indexes_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["classification_projects.id"], name=op.f("fk_frame_indexes_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_indexes")),
        sa.UniqueConstraint("project_id", name=op.f("uq_frame_indexes_project_id")),
    )
    op.create_index(op.f("ix_frame_indexes_job_id"), "frame_indexes", ["job_id"], unique=False)
    op.create_table(
        "ai_classification_jobs",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("user_remote_task_id", sa.BigInteger(), nullable=True),
        sa.Column("ai_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "stage",
            sa.Enum(
                "CREATED",
                "SUBMITTED",
                "RUNNING",
                "FETCH_RESULTS",
                "PARSING",
                "DONE",
                "FAILED",
                "CANCELLED",
                name="aijobstage",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="CREATED",
            nullable=False,
        ),
        sa.Column(
            "stage_history", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "job_config", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("total_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ok_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("foreign_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["ai_provider_id"],
            ["ai_providers.id"],
            name=op.f("fk_ai_classification_jobs_ai_provider_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["classification_project_collections.id"],
            name=op.f("fk_ai_classification_jobs_collection_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_ai_classification_jobs_job_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["classification_projects.id"],
            name=op.f("fk_ai_classification_jobs_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_ai_classification_jobs_user_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_remote_task_id"],
            ["user_remote_tasks.id"],
            name=op.f("fk_ai_classification_jobs_user_remote_task_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_classification_jobs")),
        sa.UniqueConstraint("user_remote_task_id", name=op.f("uq_ai_classification_jobs_user_remote_task_id")),
        sa.UniqueConstraint("uuid", name=op.f("uq_ai_classification_jobs_uuid")),
    )
    op.create_index(
        op.f("ix_ai_classification_jobs_ai_provider_id_id"),
        "ai_classification_jobs",
        ["ai_provider_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ai_classification_jobs_collection_id_id"),
        "ai_classification_jobs",
        ["collection_id", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_ai_classification_jobs_job_id"), "ai_classification_jobs", ["job_id"], unique=False)
    op.create_index(
        op.f("ix_ai_classification_jobs_project_id_id"), "ai_classification_jobs", ["project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_ai_classification_jobs_user_id_id"), "ai_classification_jobs", ["user_id", "id"], unique=False
    )
    op.create_index(
        "uq_ai_classification_jobs_active",
        "ai_classification_jobs",
        ["collection_id", "ai_provider_id"],
        unique=True,
        postgresql_where=sa.text("stage NOT IN ('DONE', 'FAILED', 'CANCELLED')"),
    )
    op.create_table(
        "ai_job_batches",
        sa.Column("ai_job_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "UNKNOWN",
                "QUEUED",
                "RUNNING",
                "DONE",
                "FAILED",
                "CANCELLED",
                name="remotestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="PENDING",
            nullable=False,
        ),
        sa.Column("resource_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("submissions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parts_done", sa.ARRAY(sa.String(length=64)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("processed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["ai_job_id"], ["ai_classification_jobs.id"], name=op.f("fk_ai_job_batches_ai_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_job_batches")),
        sa.UniqueConstraint("key", name=op.f("uq_ai_job_batches_key")),
    )
    op.create_index(op.f("ix_ai_job_batches_ai_job_id_id"), "ai_job_batches", ["ai_job_id", "id"], unique=False)
    op.create_table(
        "ai_job_outcomes",
        sa.Column("ai_job_id", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum("OK", "SKIPPED", "FAILED", name="aioutcome", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["ai_job_id"], ["ai_classification_jobs.id"], name=op.f("fk_ai_job_outcomes_ai_job_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name=op.f("fk_ai_job_outcomes_resource_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_job_outcomes")),
        sa.UniqueConstraint("ai_job_id", "resource_id", name=op.f("uq_ai_job_outcomes_ai_job_id_resource_id")),
    )
    op.create_index(op.f("ix_ai_job_outcomes_ai_job_id_id"), "ai_job_outcomes", ["ai_job_id", "id"], unique=False)
    op.create_index(
        op.f("ix_ai_job_outcomes_ai_job_id_outcome_id"), "ai_job_outcomes", ["ai_job_id", "outcome", "id"], unique=False
    )
    op.create_index(op.f("ix_ai_job_outcomes_resource_id"), "ai_job_outcomes", ["resource_id"], unique=False)
    op.create_table(
        "calibration_samples",
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("bbox", sa.ARRAY(sa.Float()), nullable=False),
        sa.Column("distance", sa.Double(), nullable=False),
        sa.Column("frame_index", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("depth", sa.Double(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "cardinality(bbox) = 4 AND bbox[3] > 0 AND bbox[4] > 0", name=op.f("ck_calibration_samples_bbox")
        ),
        sa.CheckConstraint("distance > 0 AND distance <= 1000", name=op.f("ck_calibration_samples_distance")),
        sa.CheckConstraint("frame_index >= 0", name=op.f("ck_calibration_samples_frame_index")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_calibration_samples_deployment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name=op.f("fk_calibration_samples_resource_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_calibration_samples_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_samples")),
    )
    op.create_index(
        op.f("ix_calibration_samples_deployment_id_id"), "calibration_samples", ["deployment_id", "id"], unique=False
    )
    op.create_index(op.f("ix_calibration_samples_resource_id"), "calibration_samples", ["resource_id"], unique=False)
    op.create_index(op.f("ix_calibration_samples_user_id_id"), "calibration_samples", ["user_id", "id"], unique=False)
    op.create_table(
        "frame_observations",
        sa.Column("frame_index_id", sa.BigInteger(), nullable=False),
        sa.Column("classification_attrs_id", sa.BigInteger(), nullable=False),
        sa.Column("frame_index", sa.BigInteger(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bbox", sa.ARRAY(sa.Float()), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("distance", sa.Double(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["classification_attrs_id"],
            ["classification_attrs.id"],
            name=op.f("fk_frame_observations_classification_attrs_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["frame_index_id"],
            ["frame_indexes.id"],
            name=op.f("fk_frame_observations_frame_index_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_observations")),
    )
    op.create_index(
        op.f("ix_frame_observations_classification_attrs_id_frame_index"),
        "frame_observations",
        ["classification_attrs_id", "frame_index"],
        unique=False,
    )
    op.create_index(
        op.f("ix_frame_observations_frame_index_id_id"), "frame_observations", ["frame_index_id", "id"], unique=False
    )


TABLES = (
    "frame_observations",
    "calibration_samples",
    "ai_job_outcomes",
    "ai_job_batches",
    "ai_classification_jobs",
    "frame_indexes",
    "calibration_results",
    "user_remote_tasks",
)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.add_column("ai_providers", sa.Column("token_hash", sa.LargeBinary(), nullable=True))
    op.add_column("ai_providers", sa.Column("token_salt", sa.LargeBinary(), nullable=True))
    op.drop_column("ai_provider_connections", "sync_job_id")
    op.drop_column("ai_provider_connections", "last_sync_report")
