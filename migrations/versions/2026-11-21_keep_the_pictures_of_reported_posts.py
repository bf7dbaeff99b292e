"""Keep the pictures of reported posts"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("evidence_key", sa.String(length=200), nullable=True))


def downgrade() -> None:
    op.drop_column("reports", "evidence_key")
