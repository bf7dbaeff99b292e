"""Draw graphs of machines"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

TYPES = (
    "SCATTERPLOT",
    "TIMESERIES",
    "HEXBIN",
    "STACKED_HISTOGRAM",
    "BIVARIATE",
    "CONTINUOUS_SCATTERPLOT",
    "LINEAR_REGRESSION",
    "GROUPED_BOXPLOTS",
    "GROUPED_VIOLINPLOTS",
    "THREE_WAY_ANOVA",
    "LARGE_DISTRIBUTIONS",
    "HORIZONTAL_BOXPLOT",
    "HORIZONTAL_BARS",
)
COLUMNS = ("x", "y", "z", "size", "style", "color", "col", "row", "animation_frame")


def upgrade() -> None:
    op.create_table(
        "graphs",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "graph_type",
            sa.Enum(*TYPES, name="graphtype", native_enum=False, create_constraint=True, length=40),
            server_default="SCATTERPLOT",
            nullable=False,
        ),
        sa.Column("hue", sa.String(length=255), server_default="Light24", nullable=True),
        *(sa.Column(name, sa.String(length=500), nullable=True) for name in COLUMNS),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], name=op.f("fk_graphs_machine_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_graphs")),
    )
    op.create_index(op.f("ix_graphs_machine_id"), "graphs", ["machine_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("graphs")
