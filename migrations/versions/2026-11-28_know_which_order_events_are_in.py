"""Know which order events are in."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "event_epochs",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.String(100), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_event_epochs_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_epochs")),
    )


def downgrade() -> None:
    op.drop_table("event_epochs")
