"""List whom posts name"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_post_mentions_post_id_id"), "post_mentions", ["post_id", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_post_mentions_post_id_id"), table_name="post_mentions")
