"""Find people by the beginning of their names, and reserve former usernames"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_usernames",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=150), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_former_usernames_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_usernames")),
    )
    op.create_index("ix_former_usernames_reserved_until", "former_usernames", ["reserved_until"])
    op.create_index("ix_former_usernames_user_id_id", "former_usernames", ["user_id", "id"])
    op.create_index("ix_former_usernames_username_key", "former_usernames", ["username_key"])
    op.create_index("ix_users_lower_username_id", "users", [sa.text('(lower(username::text) COLLATE "C")'), "id"])


def downgrade() -> None:
    op.drop_index("ix_users_lower_username_id", table_name="users")
    op.drop_table("former_usernames")
