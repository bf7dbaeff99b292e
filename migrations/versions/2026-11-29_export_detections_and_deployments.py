"""Export detections as MegaDetector and COCO do, and deployments as GeoJSON."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

CHECK = "ck_wildlife_exports_wildlifeexportformat"
BEFORE = ("CAMTRAP_DP", "OBSERVATIONS_CSV")
ADDED = ("MEGADETECTOR", "COCO", "DEPLOYMENTS_GEOJSON")


def upgrade() -> None:
    _replace((*BEFORE, *ADDED))


def downgrade() -> None:
    exports = sa.table("wildlife_exports", sa.column("format"))
    op.execute(sa.delete(exports).where(exports.c.format.in_(ADDED)))
    _replace(BEFORE)


def _replace(formats: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(CHECK), "wildlife_exports", type_="check")
    op.create_check_constraint(op.f(CHECK), "wildlife_exports", f"format IN {formats}")
