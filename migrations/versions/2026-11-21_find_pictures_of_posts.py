"""Find pictures of posts"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_posts_media_key", "posts", ["media_key"], postgresql_where=sa.text("media_key IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_posts_media_key", table_name="posts")
