"""Show the ground without imagery"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

TEMPLATES = ("datasets", "trainings", "inspections", "feedbacks", "feedback_aois")
LONG, SHORT = 2_000, 200


def upgrade() -> None:
    for table in TEMPLATES:
        op.alter_column(table, "source_imagery", type_=sa.String(LONG))
    for table in ("trainings", "predictions"):
        op.add_column(table, sa.Column("tiles_without_imagery", sa.Integer(), nullable=True))
    for table in ("trainings", "predictions", "inspections"):
        ground = Geometry("GEOMETRY", srid=4326, spatial_index=False)
        op.add_column(table, sa.Column("ground_without_imagery", ground, nullable=True))


def downgrade() -> None:
    for table in ("trainings", "predictions", "inspections"):
        op.drop_column(table, "ground_without_imagery")
    for table in ("trainings", "predictions"):
        op.drop_column(table, "tiles_without_imagery")
    for table in TEMPLATES:
        # A longer address leads nowhere once it is cut, and does no harm.
        op.alter_column(
            table, "source_imagery", type_=sa.String(SHORT), postgresql_using=f"left(source_imagery, {SHORT})"
        )
