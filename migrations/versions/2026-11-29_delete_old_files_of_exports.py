"""Delete old files of exports"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
NAME = "ck_wildlife_exports_storage_key"


def upgrade() -> None:
    op.drop_constraint(op.f(NAME), "wildlife_exports", type_="check")
    op.create_check_constraint(op.f(NAME), "wildlife_exports", "status = 'FINISHED' OR storage_key IS NULL")
    op.create_index(
        "ix_wildlife_exports_kept",
        "wildlife_exports",
        ["finished_at"],
        postgresql_where=sa.text("storage_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_wildlife_exports_kept", table_name="wildlife_exports")
    op.execute("DELETE FROM wildlife_exports WHERE status = 'FINISHED' AND storage_key IS NULL")
    op.drop_constraint(op.f(NAME), "wildlife_exports", type_="check")
    op.create_check_constraint(op.f(NAME), "wildlife_exports", "(status = 'FINISHED') = (storage_key IS NOT NULL)")
