"""Suggest a confidence, keep the seed of a training, and what adapting would change"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trainings", sa.Column("seed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("trainings", sa.Column("suggested_confidence", sa.Integer(), nullable=True))
    op.add_column("predictions", sa.Column("adaptation", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("predictions", "adaptation")
    op.drop_column("trainings", "suggested_confidence")
    op.drop_column("trainings", "seed")
