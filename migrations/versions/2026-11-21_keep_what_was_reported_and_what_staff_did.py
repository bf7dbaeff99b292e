"""Keep what was reported and what staff did"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ACTIONS = ("DISMISS", "REMOVE_CONTENT", "WARN", "SUSPEND")


def upgrade() -> None:
    # Nobody could report anything before, so there is no row whose author would have to be found.
    op.add_column("reports", sa.Column("accused_id", sa.BigInteger(), nullable=False))
    op.add_column("reports", sa.Column("evidence", sa.String(length=6000), nullable=True))
    action = sa.Enum(*ACTIONS, name="reportaction", native_enum=False, create_constraint=True, length=40)
    op.add_column("reports", sa.Column("action", action, nullable=True))
    op.create_foreign_key(op.f("fk_reports_accused_id"), "reports", "users", ["accused_id"], ["id"], ondelete="CASCADE")
    op.create_index(op.f("ix_reports_accused_id"), "reports", ["accused_id"])
    op.create_index(op.f("ix_reports_subject_type_subject_key_id"), "reports", ["subject_type", "subject_key", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_reports_subject_type_subject_key_id"), table_name="reports")
    op.drop_index(op.f("ix_reports_accused_id"), table_name="reports")
    op.drop_constraint(op.f("fk_reports_accused_id"), "reports", type_="foreignkey")
    for column in ("action", "evidence", "accused_id"):
        op.drop_column("reports", column)
