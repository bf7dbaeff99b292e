"""Let areas cross the antimeridian"""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

TABLES = ("aois", "feedback_aois")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN geom TYPE geometry(GEOMETRY, 4326)")


def downgrade() -> None:
    for table in TABLES:
        # Of an area in two parts the first stays.
        first = "CASE WHEN ST_NumGeometries(geom) > 1 THEN ST_GeometryN(geom, 1) ELSE geom END"
        op.execute(f"ALTER TABLE {table} ALTER COLUMN geom TYPE geometry(POLYGON, 4326) USING {first}")
