"""Price what machines do."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

BEFORE = ("TRAINING", "PREDICTION", "AI_JOB", "TOP_UP", "TOKENS", "GRANT", "GRANT_ENDED", "ADJUSTMENT")
NEW = (
    "SPECIES_TRAINING",
    "MACHINE_TRAINING",
    "MACHINE_SOLVING",
    "MACHINE_SOLVING_API",
    "MARKET_SOLVING",
    "LINES_STORAGE",
    "DATA_SOURCE",
    "MACHINE_COPY",
    "MACHINE_COPY_UPDATE",
    "CONSULTING",
    "TOP_UP_RETURNED",
)


def upgrade() -> None:
    _allow(*BEFORE, *NEW)
    op.add_column("reservations", sa.Column("actor_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_reservations_actor_id"), "reservations", "users", ["actor_id"], ["id"])
    op.create_index(op.f("ix_reservations_actor_id"), "reservations", ["actor_id"])


def downgrade() -> None:
    op.drop_column("reservations", "actor_id")
    _allow(*BEFORE)


def _allow(*causes: str) -> None:
    listed = ", ".join(f"'{cause}'" for cause in causes)
    for table in ("operations", "reservations"):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_operationcause")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_operationcause CHECK (cause IN ({listed})) NOT VALID"
        )
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_operationcause")
