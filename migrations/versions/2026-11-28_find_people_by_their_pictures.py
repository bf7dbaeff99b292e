"""Find people by their pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_index(
        "ix_profiles_avatar_key", "profiles", ["avatar_key"], postgresql_where=sa.text("avatar_key IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_profiles_avatar_key", "profiles")
