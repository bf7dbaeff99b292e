"""Export one archive at a time"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "uq_data_exports_unfinished",
        "data_exports",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL AND failure IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_data_exports_unfinished", table_name="data_exports")
