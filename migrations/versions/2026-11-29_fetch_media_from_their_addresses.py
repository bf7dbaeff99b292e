"""Fetch media from their addresses"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
CHECK = "ck_resources_read_error"


def upgrade() -> None:
    op.add_column("media_uploads", sa.Column("resource_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_media_uploads_resource_id"), "media_uploads", "resources", ["resource_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index(op.f("ix_media_uploads_resource_id"), "media_uploads", ["resource_id"], unique=True)
    _check("status = 'ADDRESS' OR (status = 'UNREADABLE') = (read_error IS NOT NULL)")


def downgrade() -> None:
    op.execute("UPDATE resources SET read_error = NULL WHERE status = 'ADDRESS'")
    _check("(status = 'UNREADABLE') = (read_error IS NOT NULL)")
    op.execute("DELETE FROM media_uploads WHERE resource_id IS NOT NULL")
    op.drop_index(op.f("ix_media_uploads_resource_id"), table_name="media_uploads")
    op.drop_constraint(op.f("fk_media_uploads_resource_id"), "media_uploads", type_="foreignkey")
    op.drop_column("media_uploads", "resource_id")


def _check(rule: str) -> None:
    """Replaces the check without holding up those who read and write."""
    op.execute(f"ALTER TABLE resources DROP CONSTRAINT {CHECK}")
    op.execute(f"ALTER TABLE resources ADD CONSTRAINT {CHECK} CHECK ({rule}) NOT VALID")
    op.execute(f"ALTER TABLE resources VALIDATE CONSTRAINT {CHECK}")
