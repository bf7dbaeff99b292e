"""Find what a person said"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_posts_said",
        "posts",
        ["author_id", "id"],
        postgresql_where=sa.text("parent_id IS NULL AND deleted_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_posts_said", table_name="posts")
