"""Count what is approved from indexes"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_classifications_counted",
        "classifications",
        ["project_id", "source_id"],
        postgresql_where=sa.text("classification_type = 'FINAL' AND is_approved"),
        postgresql_include=["id", "resource_id", "deployment_id", "recorded_at", "is_blank", "is_setup"],
    )
    op.create_index(
        "ix_classification_attrs_counted",
        "classification_attrs",
        ["project_id", "species_id", "classification_id"],
        postgresql_include=["observation_type", "observation_level", "count", "classification_confidence"],
    )


def downgrade() -> None:
    op.drop_index("ix_classification_attrs_counted", table_name="classification_attrs")
    op.drop_index("ix_classifications_counted", table_name="classifications")
