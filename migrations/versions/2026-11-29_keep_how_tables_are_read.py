"""Keep how tables are read"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "table_readings",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("status", _enum("tablereadingstatus", "SUBMITTED", "RUNNING", "FINISHED", "FAILED"), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("format", _enum("tableformat", "CSV", "XLS", "XLSX", "JSON", "NDJSON"), nullable=True),
        sa.Column("encoding", sa.String(length=40), nullable=True),
        sa.Column("separator", sa.String(length=1), nullable=True),
        sa.Column("header", sa.Boolean(), nullable=True),
        sa.Column("description_row", sa.Boolean(), nullable=True),
        sa.Column("decimal_sign", _enum("decimalsign", "POINT", "COMMA"), nullable=True),
        sa.Column("date_order", _enum("dateorder", "YMD", "DMY", "MDY"), nullable=True),
        sa.Column("sheet", sa.String(length=100), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("report", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_table_readings_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_table_readings_job_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_readings")),
    )
    op.create_index(op.f("ix_table_readings_user_id_id"), "table_readings", ["user_id", "id"])
    op.create_index(op.f("ix_table_readings_storage_key"), "table_readings", ["storage_key"])
    op.create_index(op.f("ix_table_readings_job_id"), "table_readings", ["job_id"])


def downgrade() -> None:
    op.drop_table("table_readings")
