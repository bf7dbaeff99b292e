"""Begin with accounts, mapping and jobs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.geometry.columns import Shape

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "xid", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id()::text::bigint)"), nullable=False
        ),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_created_at"), "events", ["created_at"], unique=False)
    op.create_index(op.f("ix_events_topic_xid_id"), "events", ["topic", "xid", "id"], unique=False)
    op.create_index(op.f("ix_events_xid_id"), "events", ["xid", "id"], unique=False)
    op.create_table(
        "users",
        sa.Column("username", sa.String(length=150), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("first_name", sa.String(length=150), nullable=False),
        sa.Column("last_name", sa.String(length=150), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("is_super_admin", sa.Boolean(), nullable=False),
        sa.Column("last_login", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "notifications_delivery_methods",
            sa.ARRAY(sa.Enum("WEB", "EMAIL", name="deliverymethod", native_enum=False, length=40)),
            nullable=False,
        ),
        sa.Column("newsletter_subscription", sa.Boolean(), nullable=False),
        sa.Column("account_deletion_requested", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_users_username", "users", [sa.literal_column("lower(username)")], unique=True)
    op.create_table(
        "datasets",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("source_imagery", sa.String(length=200), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "DRAFT",
                "ACTIVE",
                "ARCHIVED",
                name="datasetstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("offset", sa.ARRAY(sa.Float()), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint('array_length("offset", 1) = 2', name=op.f("ck_datasets_offset")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_datasets_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
    )
    op.create_index(op.f("ix_datasets_last_modified_id"), "datasets", ["last_modified", "id"], unique=False)
    op.create_index(op.f("ix_datasets_name_id"), "datasets", ["name", "id"], unique=False)
    op.create_index(op.f("ix_datasets_user_id_id"), "datasets", ["user_id", "id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column(
            "kind",
            sa.Enum(
                "FETCH_LABELS", "TRAIN", "PREDICT", name="jobkind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "QUEUED",
                "RUNNING",
                "DONE",
                "FAILED",
                "CANCELLED",
                name="jobstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("attempts_max", sa.Integer(), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("stage", sa.String(length=40), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=True),
        sa.Column("eta_s", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_jobs_progress")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_jobs_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        "ix_jobs_unfinished",
        "jobs",
        ["state", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )
    op.create_index(op.f("ix_jobs_user_id"), "jobs", ["user_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_geospatial_table(
        "aois",
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("geom", Shape("POLYGON"), nullable=False),
        sa.Column(
            "label_status",
            sa.Enum(
                "NOT_DOWNLOADED",
                "RUNNING",
                "DOWNLOADED",
                name="downloadstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("label_fetched", sa.DateTime(timezone=True), nullable=True),
        sa.Column("label_error", sa.String(length=500), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_aois_dataset_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_aois_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aois")),
    )
    op.create_index(op.f("ix_aois_dataset_id_id"), "aois", ["dataset_id", "id"], unique=False)
    op.create_geospatial_index(
        op.f("ix_aois_geom"), "aois", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_aois_user_id_id"), "aois", ["user_id", "id"], unique=False)
    op.create_table(
        "models",
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "base_model",
            sa.Enum(
                "RAMP",
                "YOLO_V8_V1",
                "YOLO_V8_V2",
                name="basemodel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "DRAFT",
                "PUBLISHED",
                "ARCHIVED",
                name="modelstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("published_training_id", sa.BigInteger(), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_models_dataset_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["published_training_id"],
            ["trainings.id"],
            name=op.f("fk_models_published_training_id"),
            ondelete="SET NULL",
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_models_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_index(op.f("ix_models_dataset_id_id"), "models", ["dataset_id", "id"], unique=False)
    op.create_index(op.f("ix_models_last_modified_id"), "models", ["last_modified", "id"], unique=False)
    op.create_index(op.f("ix_models_name_id"), "models", ["name", "id"], unique=False)
    op.create_index(op.f("ix_models_published_training_id"), "models", ["published_training_id"], unique=False)
    op.create_index(op.f("ix_models_user_id_id"), "models", ["user_id", "id"], unique=False)
    op.create_geospatial_table(
        "labels",
        sa.Column("aoi_id", sa.BigInteger(), nullable=False),
        sa.Column("geom", Shape("GEOMETRY"), nullable=False),
        sa.Column(
            "origin",
            sa.Enum("OSM", "UPLOAD", "DRAWN", name="labelorigin", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("osm_id", sa.BigInteger(), nullable=True),
        sa.Column("osm_type", sa.String(length=20), nullable=True),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["aoi_id"], ["aois.id"], name=op.f("fk_labels_aoi_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
    )
    op.create_index(op.f("ix_labels_aoi_id_id"), "labels", ["aoi_id", "id"], unique=False)
    op.create_geospatial_index(
        op.f("ix_labels_geom"), "labels", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "uq_labels_osm",
        "labels",
        ["aoi_id", "osm_type", "osm_id"],
        unique=True,
        postgresql_where=sa.text("osm_id IS NOT NULL"),
    )
    op.create_geospatial_table(
        "trainings",
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("source_imagery", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
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
        sa.Column("zoom_level", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("freeze_layers", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chips_length", sa.Integer(), nullable=False),
        sa.Column("centroid", Shape("POINT"), nullable=True),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("pixel_accuracy", sa.Double(), nullable=True),
        sa.Column("precision", sa.Double(), nullable=True),
        sa.Column("recall", sa.Double(), nullable=True),
        sa.Column("f1", sa.Double(), nullable=True),
        sa.Column("object_f1", sa.Double(), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_trainings_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_trainings_model_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_trainings_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainings")),
    )
    op.create_index(op.f("ix_trainings_accuracy_id"), "trainings", ["accuracy", "id"], unique=False)
    op.create_geospatial_index(
        op.f("ix_trainings_centroid"),
        "trainings",
        ["centroid"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_trainings_job_id"), "trainings", ["job_id"], unique=False)
    op.create_index(op.f("ix_trainings_model_id_id"), "trainings", ["model_id", "id"], unique=False)
    op.create_index(op.f("ix_trainings_user_id_id"), "trainings", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_trainings_unfinished",
        "trainings",
        ["model_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('SUBMITTED', 'RUNNING')"),
    )
    op.create_geospatial_table(
        "predictions",
        sa.Column("training_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("geom", Shape("POLYGON"), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
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
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result_count", sa.Integer(), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_predictions_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["training_id"], ["trainings.id"], name=op.f("fk_predictions_training_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_predictions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
    )
    op.create_geospatial_index(
        op.f("ix_predictions_geom"), "predictions", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_predictions_job_id"), "predictions", ["job_id"], unique=False)
    op.create_index(op.f("ix_predictions_training_id_id"), "predictions", ["training_id", "id"], unique=False)
    op.create_index(op.f("ix_predictions_user_id_id"), "predictions", ["user_id", "id"], unique=False)
    op.create_table(
        "user_notifications",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("training_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_key", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["training_id"], ["trainings.id"], name=op.f("fk_user_notifications_training_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_notifications_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_notifications")),
    )
    op.create_index(op.f("ix_user_notifications_training_id"), "user_notifications", ["training_id"], unique=False)
    op.create_index(op.f("ix_user_notifications_user_id_id"), "user_notifications", ["user_id", "id"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("training_id", sa.BigInteger(), nullable=True),
        sa.Column("prediction_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(training_id IS NULL) <> (prediction_id IS NULL)", name=op.f("ck_artifacts_subject")),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name=op.f("fk_artifacts_prediction_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["training_id"], ["trainings.id"], name=op.f("fk_artifacts_training_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
    )
    op.create_index(op.f("ix_artifacts_prediction_id_id"), "artifacts", ["prediction_id", "id"], unique=False)
    op.create_index(op.f("ix_artifacts_training_id_id"), "artifacts", ["training_id", "id"], unique=False)
    op.create_geospatial_table(
        "predicted_features",
        sa.Column("prediction_id", sa.BigInteger(), nullable=False),
        sa.Column("geom", Shape("POLYGON"), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name=op.f("fk_predicted_features_prediction_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predicted_features")),
    )
    op.create_geospatial_index(
        op.f("ix_predicted_features_geom"),
        "predicted_features",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        op.f("ix_predicted_features_prediction_id_id"), "predicted_features", ["prediction_id", "id"], unique=False
    )
    # A model names the training it offers, a training names its model: one of the two keys comes afterwards.
    op.create_foreign_key(
        "fk_models_published_training_id", "models", "trainings", ["published_training_id"], ["id"], ondelete="SET NULL"
    )


def downgrade() -> None:
    op.drop_constraint("fk_models_published_training_id", "models", type_="foreignkey")
    op.drop_index(op.f("ix_predicted_features_prediction_id_id"), table_name="predicted_features")
    op.drop_geospatial_index(
        op.f("ix_predicted_features_geom"), table_name="predicted_features", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("predicted_features")
    op.drop_index(op.f("ix_artifacts_training_id_id"), table_name="artifacts")
    op.drop_index(op.f("ix_artifacts_prediction_id_id"), table_name="artifacts")
    op.drop_table("artifacts")
    op.drop_index(op.f("ix_user_notifications_user_id_id"), table_name="user_notifications")
    op.drop_index(op.f("ix_user_notifications_training_id"), table_name="user_notifications")
    op.drop_table("user_notifications")
    op.drop_index(op.f("ix_predictions_user_id_id"), table_name="predictions")
    op.drop_index(op.f("ix_predictions_training_id_id"), table_name="predictions")
    op.drop_index(op.f("ix_predictions_job_id"), table_name="predictions")
    op.drop_geospatial_index(
        op.f("ix_predictions_geom"), table_name="predictions", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("predictions")
    op.drop_index(
        "uq_trainings_unfinished",
        table_name="trainings",
        postgresql_where=sa.text("status IN ('SUBMITTED', 'RUNNING')"),
    )
    op.drop_index(op.f("ix_trainings_user_id_id"), table_name="trainings")
    op.drop_index(op.f("ix_trainings_model_id_id"), table_name="trainings")
    op.drop_index(op.f("ix_trainings_job_id"), table_name="trainings")
    op.drop_geospatial_index(
        op.f("ix_trainings_centroid"), table_name="trainings", postgresql_using="gist", column_name="centroid"
    )
    op.drop_index(op.f("ix_trainings_accuracy_id"), table_name="trainings")
    op.drop_geospatial_table("trainings")
    op.drop_index("uq_labels_osm", table_name="labels", postgresql_where=sa.text("osm_id IS NOT NULL"))
    op.drop_geospatial_index(op.f("ix_labels_geom"), table_name="labels", postgresql_using="gist", column_name="geom")
    op.drop_index(op.f("ix_labels_aoi_id_id"), table_name="labels")
    op.drop_geospatial_table("labels")
    op.drop_index(op.f("ix_models_user_id_id"), table_name="models")
    op.drop_index(op.f("ix_models_published_training_id"), table_name="models")
    op.drop_index(op.f("ix_models_name_id"), table_name="models")
    op.drop_index(op.f("ix_models_last_modified_id"), table_name="models")
    op.drop_index(op.f("ix_models_dataset_id_id"), table_name="models")
    op.drop_table("models")
    op.drop_index(op.f("ix_aois_user_id_id"), table_name="aois")
    op.drop_geospatial_index(op.f("ix_aois_geom"), table_name="aois", postgresql_using="gist", column_name="geom")
    op.drop_index(op.f("ix_aois_dataset_id_id"), table_name="aois")
    op.drop_geospatial_table("aois")
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_jobs_user_id"), table_name="jobs")
    op.drop_index("ix_jobs_unfinished", table_name="jobs", postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"))
    op.drop_table("jobs")
    op.drop_index(op.f("ix_datasets_user_id_id"), table_name="datasets")
    op.drop_index(op.f("ix_datasets_name_id"), table_name="datasets")
    op.drop_index(op.f("ix_datasets_last_modified_id"), table_name="datasets")
    op.drop_table("datasets")
    op.drop_index("uq_users_username", table_name="users")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_events_xid_id"), table_name="events")
    op.drop_index(op.f("ix_events_topic_xid_id"), table_name="events")
    op.drop_index(op.f("ix_events_created_at"), table_name="events")
    op.drop_table("events")
