"""Search in parts, share and compare predictions"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BEFORE = ("FETCH_LABELS", "TRAIN", "PREDICT", "SEND_MAIL", "EXPORT_DATA")
BEFORE += ("FETCH_FEEDBACK_LABELS", "REMOVE_TRAINING", "REMOVE_PREDICTION")
COUNTS = {"part_zoom": 0, "parts": 1, "parts_done": 0, "parts_without_imagery": 0}


def upgrade() -> None:
    op.execute("ALTER TABLE predictions ALTER COLUMN geom TYPE geometry(GEOMETRY, 4326)")
    for name, value in COUNTS.items():
        op.add_column("predictions", sa.Column(name, sa.Integer(), nullable=False, server_default=str(value)))
        op.alter_column("predictions", name, server_default=None)
    op.execute("UPDATE predictions SET parts_done = 1 WHERE status = 'FINISHED'")
    op.create_check_constraint(op.f("ck_predictions_parts"), "predictions", "parts_done BETWEEN 0 AND parts")
    op.add_column("predictions", sa.Column("conflating", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("predictions", "conflating", server_default=None)
    op.add_column("predictions", sa.Column("conflated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("predictions", sa.Column("conflation_error", sa.String(length=500), nullable=True))
    op.add_column("predictions", sa.Column("team_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_predictions_team_id"), "predictions", "teams", ["team_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_predictions_team_id"), "predictions", ["team_id"], unique=False)
    op.add_column("predicted_features", sa.Column("osm_share", sa.Float(), nullable=True))
    op.add_column("predicted_features", sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("predicted_features", "part", server_default=None)
    _allow_jobs(*BEFORE, "CONFLATE")


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_jobs_jobkind"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_jobkind"), "jobs", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'CONFLATE'")
    _allow_jobs(*BEFORE)
    op.drop_column("predicted_features", "part")
    op.drop_column("predicted_features", "osm_share")
    op.drop_column("predictions", "team_id")
    op.drop_column("predictions", "conflation_error")
    op.drop_column("predictions", "conflated_at")
    op.drop_column("predictions", "conflating")
    op.drop_constraint(op.f("ck_predictions_parts"), "predictions")
    for name in COUNTS:
        op.drop_column("predictions", name)
    op.execute("DELETE FROM predictions WHERE GeometryType(geom) <> 'POLYGON'")
    op.execute("ALTER TABLE predictions ALTER COLUMN geom TYPE geometry(POLYGON, 4326)")
