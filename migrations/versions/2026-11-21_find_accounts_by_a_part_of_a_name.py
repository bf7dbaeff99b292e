"""Find accounts by a part of a name"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAMES = ["username", "first_name", "last_name", "email"]


def upgrade() -> None:
    # A trusted extension: whoever owns the database may have it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_index(
        "ix_users_search", "users", NAMES, postgresql_using="gin", postgresql_ops=dict.fromkeys(NAMES, "gin_trgm_ops")
    )


def downgrade() -> None:
    op.drop_index("ix_users_search", table_name="users")
