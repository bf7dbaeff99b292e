"""Walk to classifications of a project alone"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Pages of a project were walked in it, past the media of all newer projects. `ix_classifications_of_project` stays.
    op.drop_index("ix_classifications_finals", table_name="classifications")


def downgrade() -> None:
    op.create_index(
        "ix_classifications_finals",
        "classifications",
        ["id"],
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
