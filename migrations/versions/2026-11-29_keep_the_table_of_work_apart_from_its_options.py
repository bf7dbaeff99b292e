"""Keep the table of work apart from its options, which are shown"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("works", sa.Column("storage_key", sa.String(length=200), nullable=True))
    op.execute(
        "UPDATE works SET storage_key = options ->> 'upload', options = options - 'upload' WHERE options ? 'upload'"
    )


def downgrade() -> None:
    op.execute(
        "UPDATE works SET options = options || jsonb_build_object('upload', storage_key) WHERE storage_key IS NOT NULL"
    )
    op.drop_column("works", "storage_key")
