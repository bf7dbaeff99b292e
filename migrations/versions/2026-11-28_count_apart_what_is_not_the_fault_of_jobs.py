"""Count apart what is not the fault of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for name in ("deaths", "setbacks"):
        op.add_column("jobs", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    for name in ("setbacks", "deaths"):
        op.drop_column("jobs", name)
