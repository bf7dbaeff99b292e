"""Sort accounts by name and last login"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_users_username_id", "users", ["username", "id"])
    op.create_index("ix_users_last_login_id", "users", [sa.text("last_login DESC NULLS LAST"), sa.text("id DESC")])
    op.create_index(
        "ix_audit_entries_subject_type_subject_key_id", "audit_entries", ["subject_type", "subject_key", "id"]
    )
    op.execute("UPDATE users SET is_staff = true WHERE is_super_admin")
    op.create_check_constraint("super_admin", "users", "is_staff OR NOT is_super_admin")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_users_super_admin"), "users")
    op.drop_index("ix_audit_entries_subject_type_subject_key_id", table_name="audit_entries")
    op.drop_index("ix_users_last_login_id", table_name="users")
    op.drop_index("ix_users_username_id", table_name="users")
