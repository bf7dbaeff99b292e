"""Add feedback and contributions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.geometry.columns import Shape

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_geospatial_table(
        "approved_predictions",
        sa.Column("training_id", sa.BigInteger(), nullable=False),
        sa.Column("geom", Shape("GEOMETRY"), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["training_id"], ["trainings.id"], name=op.f("fk_approved_predictions_training_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_approved_predictions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approved_predictions")),
    )
    op.create_geospatial_index(
        op.f("ix_approved_predictions_geom"),
        "approved_predictions",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        op.f("ix_approved_predictions_training_id_id"), "approved_predictions", ["training_id", "id"], unique=False
    )
    op.create_index(op.f("ix_approved_predictions_user_id_id"), "approved_predictions", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_approved_predictions_geom",
        "approved_predictions",
        ["training_id", "user_id", sa.literal_column("md5(st_asbinary(geom))")],
        unique=True,
    )
    op.create_geospatial_table(
        "feedback_aois",
        sa.Column("training_id", sa.BigInteger(), nullable=False),
        sa.Column("source_imagery", sa.String(length=200), nullable=False),
        sa.Column(
            "review",
            sa.Enum(
                "PENDING", "APPROVED", "REJECTED", name="review", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("aoi_id", sa.BigInteger(), nullable=True),
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
        sa.CheckConstraint("(review = 'PENDING') = (reviewed_at IS NULL)", name=op.f("ck_feedback_aois_reviewed_at")),
        sa.ForeignKeyConstraint(["aoi_id"], ["aois.id"], name=op.f("fk_feedback_aois_aoi_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["reviewed_by_id"], ["users.id"], name=op.f("fk_feedback_aois_reviewed_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["training_id"], ["trainings.id"], name=op.f("fk_feedback_aois_training_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_feedback_aois_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_aois")),
    )
    op.create_index(op.f("ix_feedback_aois_aoi_id"), "feedback_aois", ["aoi_id"], unique=False)
    op.create_geospatial_index(
        op.f("ix_feedback_aois_geom"),
        "feedback_aois",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_feedback_aois_reviewed_by_id"), "feedback_aois", ["reviewed_by_id"], unique=False)
    op.create_index(op.f("ix_feedback_aois_training_id_id"), "feedback_aois", ["training_id", "id"], unique=False)
    op.create_index(op.f("ix_feedback_aois_user_id_id"), "feedback_aois", ["user_id", "id"], unique=False)
    op.create_geospatial_table(
        "feedbacks",
        sa.Column("training_id", sa.BigInteger(), nullable=False),
        sa.Column("geom", Shape("GEOMETRY"), nullable=False),
        sa.Column(
            "feedback_type",
            sa.Enum("TP", "TN", "FP", "FN", name="feedbacktype", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("zoom_level", sa.Integer(), nullable=False),
        sa.Column("comments", sa.String(length=100), nullable=True),
        sa.Column("source_imagery", sa.String(length=200), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("zoom_level BETWEEN 18 AND 23", name=op.f("ck_feedbacks_zoom_level")),
        sa.ForeignKeyConstraint(
            ["training_id"], ["trainings.id"], name=op.f("fk_feedbacks_training_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_feedbacks_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedbacks")),
    )
    op.create_geospatial_index(
        op.f("ix_feedbacks_geom"), "feedbacks", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_feedbacks_training_id_id"), "feedbacks", ["training_id", "id"], unique=False)
    op.create_index(op.f("ix_feedbacks_user_id_id"), "feedbacks", ["user_id", "id"], unique=False)
    op.create_geospatial_table(
        "feedback_labels",
        sa.Column("feedback_aoi_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
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
        sa.ForeignKeyConstraint(
            ["feedback_aoi_id"],
            ["feedback_aois.id"],
            name=op.f("fk_feedback_labels_feedback_aoi_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_feedback_labels_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_labels")),
    )
    op.create_index(
        op.f("ix_feedback_labels_feedback_aoi_id_id"), "feedback_labels", ["feedback_aoi_id", "id"], unique=False
    )
    op.create_geospatial_index(
        op.f("ix_feedback_labels_geom"),
        "feedback_labels",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_feedback_labels_user_id"), "feedback_labels", ["user_id"], unique=False)
    op.create_index(
        "uq_feedback_labels_osm",
        "feedback_labels",
        ["feedback_aoi_id", "osm_type", "osm_id"],
        unique=True,
        postgresql_where=sa.text("osm_id IS NOT NULL"),
    )
    op.add_column(
        "datasets",
        sa.Column(
            "contributions",
            sa.Enum(
                "OPEN", "TEAM", "OWNER", name="contributions", native_enum=False, create_constraint=True, length=40
            ),
            server_default="OWNER",
            nullable=False,
        ),
    )
    op.add_column("datasets", sa.Column("team_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_datasets_team_id"), "datasets", ["team_id"], unique=False)
    op.create_foreign_key(op.f("fk_datasets_team_id"), "datasets", "teams", ["team_id"], ["id"], ondelete="SET NULL")
    op.create_check_constraint(op.f("ck_datasets_team"), "datasets", "team_id IS NULL OR contributions = 'TEAM'")
    op.add_column("labels", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_labels_user_id"), "labels", ["user_id"], unique=False)
    op.create_foreign_key(op.f("fk_labels_user_id"), "labels", "users", ["user_id"], ["id"], ondelete="SET NULL")
    op.add_column("models", sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE models SET published_at = last_modified WHERE status = 'PUBLISHED'")
    op.add_column(
        "predicted_features",
        sa.Column(
            "verdict",
            sa.Enum("ACCEPTED", "REJECTED", name="verdict", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
    )
    op.add_column(
        "predicted_features",
        sa.Column(
            "conflation",
            sa.Enum(
                "NEW", "DUPLICATE", "OVERLAP", name="conflation", native_enum=False, create_constraint=True, length=40
            ),
            nullable=True,
        ),
    )
    op.add_column("trainings", sa.Column("parent_training_id", sa.BigInteger(), nullable=True))
    op.add_column("trainings", sa.Column("multimasks", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("trainings", sa.Column("input_contact_spacing", sa.Integer(), server_default="8", nullable=False))
    op.add_column("trainings", sa.Column("input_boundary_width", sa.Integer(), server_default="3", nullable=False))
    op.add_column("trainings", sa.Column("artifacts_deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_trainings_parent_training_id"), "trainings", ["parent_training_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_trainings_parent_training_id"),
        "trainings",
        "trainings",
        ["parent_training_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_check_constraint(
        op.f("ck_trainings_input_contact_spacing"), "trainings", "input_contact_spacing BETWEEN 0 AND 20"
    )
    op.create_check_constraint(
        op.f("ck_trainings_input_boundary_width"), "trainings", "input_boundary_width BETWEEN 0 AND 10"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_trainings_parent_training_id"), "trainings", type_="foreignkey")
    op.drop_index(op.f("ix_trainings_parent_training_id"), table_name="trainings")
    op.drop_column("trainings", "artifacts_deleted_at")
    op.drop_column("trainings", "input_boundary_width")
    op.drop_column("trainings", "input_contact_spacing")
    op.drop_column("trainings", "multimasks")
    op.drop_column("trainings", "parent_training_id")
    op.drop_column("predicted_features", "conflation")
    op.drop_column("predicted_features", "verdict")
    op.drop_column("models", "published_at")
    op.drop_constraint(op.f("fk_labels_user_id"), "labels", type_="foreignkey")
    op.drop_index(op.f("ix_labels_user_id"), table_name="labels")
    op.drop_column("labels", "user_id")
    op.drop_constraint(op.f("fk_datasets_team_id"), "datasets", type_="foreignkey")
    op.drop_index(op.f("ix_datasets_team_id"), table_name="datasets")
    op.drop_constraint(op.f("ck_datasets_team"), "datasets", type_="check")
    op.drop_column("datasets", "team_id")
    op.drop_column("datasets", "contributions")
    op.drop_index(
        "uq_feedback_labels_osm", table_name="feedback_labels", postgresql_where=sa.text("osm_id IS NOT NULL")
    )
    op.drop_index(op.f("ix_feedback_labels_user_id"), table_name="feedback_labels")
    op.drop_geospatial_index(
        op.f("ix_feedback_labels_geom"), table_name="feedback_labels", postgresql_using="gist", column_name="geom"
    )
    op.drop_index(op.f("ix_feedback_labels_feedback_aoi_id_id"), table_name="feedback_labels")
    op.drop_geospatial_table("feedback_labels")
    op.drop_index(op.f("ix_feedbacks_user_id_id"), table_name="feedbacks")
    op.drop_index(op.f("ix_feedbacks_training_id_id"), table_name="feedbacks")
    op.drop_geospatial_index(
        op.f("ix_feedbacks_geom"), table_name="feedbacks", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("feedbacks")
    op.drop_index(op.f("ix_feedback_aois_user_id_id"), table_name="feedback_aois")
    op.drop_index(op.f("ix_feedback_aois_training_id_id"), table_name="feedback_aois")
    op.drop_index(op.f("ix_feedback_aois_reviewed_by_id"), table_name="feedback_aois")
    op.drop_geospatial_index(
        op.f("ix_feedback_aois_geom"), table_name="feedback_aois", postgresql_using="gist", column_name="geom"
    )
    op.drop_index(op.f("ix_feedback_aois_aoi_id"), table_name="feedback_aois")
    op.drop_geospatial_table("feedback_aois")
    op.drop_index("uq_approved_predictions_geom", table_name="approved_predictions")
    op.drop_index(op.f("ix_approved_predictions_user_id_id"), table_name="approved_predictions")
    op.drop_index(op.f("ix_approved_predictions_training_id_id"), table_name="approved_predictions")
    op.drop_geospatial_index(
        op.f("ix_approved_predictions_geom"),
        table_name="approved_predictions",
        postgresql_using="gist",
        column_name="geom",
    )
    op.drop_geospatial_table("approved_predictions")
