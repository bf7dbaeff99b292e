"""Skip what cannot be used of a file of labels"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

FORMATS = ("GEOJSON", "OSM_XML", "OSM_PBF")


def upgrade() -> None:
    op.add_column("label_imports", sa.Column("strict", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    skipped = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.add_column("label_imports", sa.Column("skipped", skipped, nullable=True))
    _allow(FORMATS)


def downgrade() -> None:
    op.execute("DELETE FROM label_imports WHERE format = 'OSM_PBF'")
    _allow(FORMATS[:-1])
    op.drop_column("label_imports", "skipped")
    op.drop_column("label_imports", "strict")


def _allow(formats: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_label_imports_labelformat"), "label_imports")
    listed = ", ".join(f"'{name}'" for name in formats)
    op.create_check_constraint(op.f("ck_label_imports_labelformat"), "label_imports", f"format IN ({listed})")
