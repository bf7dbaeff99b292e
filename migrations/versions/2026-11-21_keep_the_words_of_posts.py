"""Keep the words of posts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WORDS = "to_tsvector('simple', content)"


def upgrade() -> None:
    op.drop_index("ix_posts_search", table_name="posts")
    op.add_column("posts", sa.Column("words", TSVECTOR(), sa.Computed(WORDS, persisted=True), nullable=False))
    op.create_index("ix_posts_words", "posts", ["words"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("ix_posts_words", table_name="posts")
    op.drop_column("posts", "words")
    op.create_index("ix_posts_search", "posts", [sa.text(WORDS)], postgresql_using="gin")
